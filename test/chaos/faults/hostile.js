import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { COUNTERS, DEAD, GROUP, INBOX, MARKS, OUTPUT, PACKS } from '../keys.js';
import { until } from '../until.js';
import { AFTER_REDIS, prove, proveSoon, RELAYS_AGAIN, TAKEN_OVER } from './fault.js';
import { FEW_ATTEMPTS } from './poison.js';
import { HELD, ONES, stopHolding } from './processes.js';

/** What other clients of the same Redis do, by mistake or on purpose. */
const family = 'hostile';
const HIGHEST = '18446744073709551615-18446744073709551615';
/** ms for which nothing can be written to a stream, or a right is withdrawn. */
const REFUSED_MS = 500;
/** Long enough for a consumer to renew what it holds. */
const PAST_RENEWAL = 2_500;
/** What the scripts of the group do half-way. */
const RIGHTS = ['xadd', 'xdel', 'xack', 'xtrim', 'xclaim', 'xpending', 'hincrby', 'hset', 'zadd', 'zrem'];

/** The streams of the group whose ids can be used up, and what counts the entries written to them. */
const STREAMS = [
  { keys: [OUTPUT], counter: 'processed', exhaust: foreignEntry },
  { keys: [DEAD], counter: 'dead', exhaust: foreignEntry },
  // A foreign entry in the inbox would be a message. Of both at once: else messages go on in the other.
  { keys: [INBOX, PACKS], counter: 'relayed', exhaust: (admin, key) => admin.call('XSETID', key, HIGHEST) },
];

/** Acknowledges some of the entries that are pending. They stay in the inbox. Returns how many. */
const ACKNOWLEDGE = `
local count = 0
for _, entry in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1000)) do
  if #ARGV < 2 or entry[2] == ARGV[2] then count = count + redis.call('XACK', KEYS[1], ARGV[1], entry[1]) end
end
return count`;

/** Deletes all consumers that hold entries. The entries stay in the inbox. Returns how many entries. */
const DELETE_CONSUMERS = `
local count = 0
for _, consumer in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1])[4] or {}) do
  count = count + redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], consumer[1])
end
return count`;

/** @type {import('./fault.js').Fault[]} */
export const hostile = [
  {
    name: 'spoofed-marks',
    family,
    line: 'a client that may only publish and subscribe sends forged and repeated marks for 3 s; meanwhile SIGKILL to the leader',
    cuts: 'one',
    outage: RELAYS_AGAIN,
    async strike({ admin, group, redis }, random) {
      const rogue = await Rogue.start(admin, redis.port);
      const spoofing = rogue.spoof(random, 3_000);
      await sleep(1_000);
      const leader = await group.leader();
      await leader.kill('spoofed-marks');
      await group.ledByAnother(leader);
      await spoofing;
      rogue.stop();
      prove(rogue.heard > 0 && rogue.reached > 0, 'marks heard, and forged ones received');
      return { proof: `${rogue.sent} forged or repeated marks, ${leader.pid} killed` };
    },
  },
  exhaustedIds({ name: 'exhausted-ids', of: 'many', ms: REFUSED_MS }),
  exhaustedIds({ name: 'exhausted-ids-ones', of: 'few', ms: PAST_RENEWAL, needs: ONES }),
  {
    name: 'rights-withdrawn',
    family,
    line: `the group may not ${RIGHTS.join(', ')}, one after the other, for ${REFUSED_MS} ms from the first refusal on`,
    cuts: 'none',
    outage: AFTER_REDIS,
    // With a longest output, so that packs, too, are settled with XTRIM.
    needs: { args: [...FEW_ATTEMPTS, '--output-max-len', '100000000'] },
    async strike(stage, random) {
      const { admin, publishing } = stage;
      for (const right of random.shuffle(RIGHTS)) {
        publishing.send('throws', 5);
        await admin.call('ACL', 'LOG', 'RESET');
        await admin.call('ACL', 'SETUSER', 'default', `-${right}`);
        await proveSoon(() => refusedInScript(admin, right), `${right} refused`);
        await sleep(REFUSED_MS);
        await admin.call('ACL', 'SETUSER', 'default', `+${right}`);
      }
      stage.healed();
      return { proof: `${RIGHTS.length} commands refused within scripts` };
    },
  },
  {
    name: 'stray-entries',
    family,
    line: 'XACK and XGROUP DELCONSUMER by another client of what is pending, also with a process that was stopped and is then killed',
    cuts: 'one',
    outage: TAKEN_OVER,
    strays: true,
    async strike({ admin, group }) {
      let [acked, deleted] = [0, 0];
      for (const end = performance.now() + 1_500; performance.now() < end; await sleep(50)) {
        for (const key of HELD) acked += await admin.eval(ACKNOWLEDGE, 1, key, GROUP);
        await sleep(50);
        for (const key of HELD) deleted += await admin.eval(DELETE_CONSUMERS, 1, key, GROUP);
      }
      const victim = await group.follower();
      await stopHolding(admin, victim);
      for (const key of HELD) {
        const [, , , consumers] = await admin.xpending(key, GROUP);
        const own = (consumers ?? []).map(([name]) => name).filter((name) => victim.owns(name));
        const [first, ...others] = own;
        if (first) acked += await admin.eval(ACKNOWLEDGE, 1, key, GROUP, first);
        for (const name of others) deleted += await admin.xgroup('DELCONSUMER', key, GROUP, name);
      }
      await victim.kill('stray-entries');
      prove(acked > 0 && deleted > 0, 'entries of both kinds');
      return { proof: `${acked} acknowledged, ${deleted} lost their consumer` };
    },
  },
];

function exhaustedIds({ name, of, ms, needs }) {
  return {
    name,
    family,
    line: `output, dead letters, and inbox with packs get the highest id there is, one after the other, while ${of} messages come; each is mended after ${ms} ms`,
    cuts: /** @type {const} */ ('none'),
    outage: AFTER_REDIS,
    needs,
    async strike(stage, random) {
      const proofs = [];
      for (const stream of random.shuffle(STREAMS)) proofs.push(await exhausted(stage, stream, ms));
      stage.healed();
      return { proof: proofs.join(', ') };
    },
  };
}

function foreignEntry(admin, key) {
  return admin.xadd(key, HIGHEST, 'foreign', 'entry');
}

/** Uses up the ids of streams, proves that nothing is written to them, and mends them. */
async function exhausted({ admin, publishing }, { keys, counter, exhaust }, ms) {
  for (const key of keys) await exhaust(admin, key);
  publishing.send('not-json', 5);
  const count = async () => Number(await admin.hget(COUNTERS, counter));
  const before = await count();
  await sleep(ms);
  prove((await count()) === before, `${keys} refused`);
  for (const key of keys) await mendIds(admin, key);
  await until(async () => (await count()) !== before, { what: `${keys} to grow again` });
  return `${counter} stood at ${before}`;
}

/** What `cgroup doctor` prints for it. The build may not be there before this runs. */
async function mendIds(admin, key) {
  const { withoutLateEntries } = await import('../../../dist/doctor/late-ids.js');
  const [group] = await admin.xinfo('GROUPS', key);
  const before = group ? group[group.indexOf('last-delivered-id') + 1] : '0-0';
  const late = { key, lastId: HIGHEST, entries: [HIGHEST], before, hasGroup: group !== undefined };
  await admin.call(...withoutLateEntries(late, GROUP).words);
}

/** Whether Redis has refused a command within a script. */
async function refusedInScript(admin, command) {
  const log = await admin.call('ACL', 'LOG');
  return log.some((entry) => entry.includes('lua') && entry.includes(command));
}

/** A client with the rights to publish and to subscribe, and no others. */
class Rogue {
  sent = 0;
  /** How many of the sent marks some bridge has received. */
  reached = 0;
  heard = 0;
  #publisher;
  #listener;
  /** What it has published. It hears that too. */
  #own = new Set();
  #newest = '';
  #first = '';

  static async start(admin, port) {
    const rights = ['resetkeys', 'allchannels', '-@all', '+publish', '+subscribe'];
    await admin.call('ACL', 'SETUSER', 'rogue', 'on', '>rogue', ...rights);
    const rogue = new Rogue();
    const options = { port, username: 'rogue', password: 'rogue', enableReadyCheck: false };
    [rogue.#publisher, rogue.#listener] = [new Redis(options), new Redis(options)];
    for (const client of [rogue.#publisher, rogue.#listener]) client.on('error', () => {});
    rogue.#listener.on('message', (_channel, text) => rogue.#hear(text));
    await rogue.#listener.subscribe(MARKS);
    await proveSoon(() => rogue.heard > 1, 'a mark heard');
    return rogue;
  }

  /** Publishes a forged mark every few ms. */
  async spoof(random, ms) {
    for (const end = performance.now() + ms; performance.now() < end; await sleep(5)) {
      const text = this.#mark(random);
      this.#own.add(text);
      // Its own subscription is one of the receivers.
      if ((await this.#publisher.publish(MARKS, text)) > 1) this.reached++;
      this.sent++;
    }
  }

  stop() {
    this.#publisher.disconnect();
    this.#listener.disconnect();
  }

  #hear(text) {
    if (this.#own.has(text)) return;
    this.heard++;
    if (this.#first === '') this.#first = text;
    this.#newest = text;
  }

  #mark(random) {
    const [number, proof] = this.#newest.split(' ');
    const ahead = Number(number) + random.between(1, 3_600_000);
    const guess = createHash('sha1').update(`${ahead}`).digest('hex');
    return random.pick([
      this.#newest,
      this.#first,
      `${ahead} ${proof}`,
      `${ahead} ${guess}`,
      `${Date.now()} ${guess}`,
      // As older versions published them: number, token, beat, bridges, epoch, offset, holder.
      `${ahead} ${random.between(0, 9)} 7 2 ${ahead} 5 rogue#1`,
      `${random.between(1, 9)} 1 1 1   `,
      '9'.repeat(random.between(1, 400)),
      `-1 ${proof}`,
      `NaN ${proof}`,
      '',
    ]);
  }
}
