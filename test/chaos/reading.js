import { CONSUMER_IDS, COUNTERS, DEAD, GAPS, GROUP, INBOX, OUTPUT, RETRY } from './keys.js';

const PAGE = 1_000;

/** The messages that are not settled yet, read from Redis. */
export async function unsettled(redis) {
  const [inbox, pending, retrying, relayed] = await Promise.all([
    redis.xlen(INBOX),
    redis.xpending(INBOX, GROUP).then(
      ([count]) => count,
      () => 0, // no group yet: nothing pending
    ),
    redis.zcard(RETRY),
    redis.hget(COUNTERS, 'relayed'),
  ]);
  return { inbox, pending, retrying, relayed: Number(relayed) };
}

/** All that the group has left in Redis, in the form of the checker. */
export async function read(redis) {
  const output = [];
  for await (const { id, fields } of entries(redis, OUTPUT))
    output.push({
      id,
      inboxId: String(fields.inbox_id),
      messageId: String(fields.message_id),
      data: String(fields.data),
    });
  const dead = [];
  for await (const { id, fields } of entries(redis, DEAD))
    dead.push({
      id,
      inboxId: String(fields.inbox_id),
      message: fields.message,
      reason: String(fields.reason),
    });
  const gaps = [];
  for await (const { fields } of entries(redis, GAPS))
    gaps.push({ from: Number(fields.from), to: Number(fields.to), reason: String(fields.reason) });
  const counters = Object.entries(await redis.hgetall(COUNTERS)).map(([name, n]) => [name, Number(n)]);
  return { output, dead, gaps, counters: Object.fromEntries(counters) };
}

export function consumerIds(redis) {
  return redis.lrange(CONSUMER_IDS, 0, -1);
}

async function* entries(redis, key) {
  let from = '-';
  for (;;) {
    const page = await redis.xrangeBuffer(key, from, '+', 'COUNT', PAGE);
    for (const [id, list] of page) {
      const fields = {};
      for (let i = 0; i < list.length; i += 2) fields[String(list[i])] = list[i + 1];
      yield { id: String(id), fields };
      from = `(${id}`;
    }
    if (page.length < PAGE) return;
  }
}
