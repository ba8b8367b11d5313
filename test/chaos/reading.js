import { existsSync, readFileSync } from 'node:fs';
import {
  CONSUMER_IDS,
  COUNTERS,
  DEAD,
  GAPS,
  GROUP,
  HELD,
  INBOX,
  OUTPUT,
  PACKS,
  PARKED,
  RETRY,
} from './keys.js';

const PAGE = 1_000;

/** How many messages are in packs, and in the pending ones: the last three digits of the id of a pack tell. */
const IN_PACKS = `
local function sum(entries)
  local messages = 0
  for _, entry in ipairs(entries) do messages = messages + tonumber(string.sub(entry[1], -3)) end
  return messages
end
local function pages(read)
  local messages, from, page = 0, '-', nil
  repeat
    page = read(from)
    messages = messages + sum(page)
    if #page > 0 then from = '(' .. page[#page][1] end
  until #page < 100
  return messages
end
return {
  pages(function(from) return redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', 100) end),
  pages(function(from) return redis.pcall('XPENDING', KEYS[1], ARGV[1], from, '+', 100) end),
}`;

/** The messages that are not settled yet, read from Redis. */
export async function unsettled(redis) {
  const [ones, pendingOnes, [inPacks, pendingInPacks], retrying, relayed, parked, held] = await Promise.all([
    redis.xlen(INBOX),
    redis.xpending(INBOX, GROUP).then(
      ([count]) => count,
      () => 0, // no group yet: nothing pending
    ),
    redis.eval(IN_PACKS, 1, PACKS, GROUP),
    redis.zcard(RETRY),
    redis.hget(COUNTERS, 'relayed'),
    redis.zcard(PARKED),
    redis.zcard(HELD),
  ]);
  return {
    inbox: ones + inPacks + parked + held,
    packed: inPacks,
    pending: pendingOnes + pendingInPacks,
    retrying,
    relayed: Number(relayed),
  };
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

/** What processes have reported as settled, in the form of the checker. */
export function settledReports(processes) {
  const files = processes.map(({ settled }) => settled).filter((file) => file && existsSync(file));
  const lines = files.flatMap((file) => readFileSync(file, 'utf8').split('\n').slice(0, -1));
  return lines.flatMap((line) => {
    const [at, ...ids] = line.split(' ');
    return ids.map((inboxId) => ({ inboxId, at: Number(at) }));
  });
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
