import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { GAPS, GROUP, INBOX, OUTPUT, PACKS } from '../keys.js';
import { until } from '../until.js';
import { EVERYWHERE, prove, proveSoon, RELAYS_AGAIN, TAKEN_OVER } from './fault.js';

const family = 'processes';
/** The streams of which consumers hold entries. */
export const HELD = [INBOX, PACKS];
/** Messages come one by one. */
export const ONES = { ones: true, rate: 100 };
/** Longer than the lease (1 s). */
const PAST_LEASE = 2_500;
/** Longer than `claimAfter` (3 s). */
const PAST_CLAIM = 4_500;
/** ms for which a process that holds packs is looked for. */
const PACKS_MS = 5_000;
/** New processes have to start, and the seats of the dead are free after three leases (3 s). */
const RESTARTED = { of: 'processed', within: 8_000, after: 'strike' };

/** @type {import('./fault.js').Fault[]} */
export const processes = [
  {
    name: 'leader-killed',
    family,
    on: EVERYWHERE,
    line: 'SIGKILL to the process whose bridge leads',
    cuts: 'one',
    outage: RELAYS_AGAIN,
    async strike({ group }) {
      const leader = await group.leader();
      await leader.kill('leader-killed');
      const ms = await group.ledByAnother(leader);
      return { proof: `${leader.pid} killed, another led ${ms} ms later` };
    },
  },
  {
    name: 'leader-stopped',
    family,
    on: EVERYWHERE,
    line: `SIGSTOP to the process that leads, for ${PAST_LEASE / 1_000} s: past its lease; then SIGCONT`,
    cuts: 'one',
    outage: RELAYS_AGAIN,
    async strike({ group }) {
      const leader = await group.leader();
      await stopped(leader, async () => {
        await group.ledByAnother(leader);
        await sleep(PAST_LEASE - 1_000);
      });
      return { proof: `${leader.pid} stopped, another led, continued` };
    },
  },
  followerKilled({ name: 'follower-killed', of: 'packs' }),
  followerKilled({ name: 'follower-killed-ones', of: 'messages that came one by one', needs: ONES }),
  {
    name: 'all-killed',
    family,
    on: EVERYWHERE,
    line: 'SIGKILL to all processes at once; their replacements start at once, too',
    cuts: 'all',
    outage: RESTARTED,
    async strike({ group }) {
      const victims = group.processes;
      await Promise.all(victims.map((one) => one.kill('all-killed')));
      return { proof: `${victims.length} killed` };
    },
  },
  {
    name: 'leader-killed-between-relay-and-reply',
    family,
    line: 'a relay goes to Redis, its reply is swallowed, then SIGKILL to the leader',
    cuts: 'one',
    outage: RELAYS_AGAIN,
    proxies: true,
    async strike({ group }) {
      const leader = await group.leader();
      await proveSoon(onRequest(leader.proxy, GAPS), 'a relay on its way');
      await proveSoon(() => leader.proxy.counts.dropped > 0, 'a reply that is swallowed');
      await leader.kill('leader-killed-between-relay-and-reply');
      await group.ledByAnother(leader);
      return { proof: `${leader.proxy.counts.dropped} bytes of replies swallowed, ${leader.pid} killed` };
    },
  },
  {
    name: 'consumer-killed-committing',
    family,
    line: 'a commit goes to Redis, its reply is swallowed, then SIGKILL to that process',
    cuts: 'one',
    outage: TAKEN_OVER,
    proxies: true,
    async strike({ group, admin }, random) {
      const victim = random.pick(group.processes);
      await proveSoon(onRequest(victim.proxy, OUTPUT), 'a commit on its way');
      await proveSoon(() => victim.proxy.counts.dropped > 0, 'a reply that is swallowed');
      await victim.kill('consumer-killed-committing');
      const outage = await takenOver(admin, victim);
      return {
        proof: `${victim.proxy.counts.dropped} bytes of replies swallowed, ${victim.pid} killed`,
        outage,
      };
    },
  },
  consumerStopped({ name: 'consumer-stopped', of: 'packs' }),
  consumerStopped({ name: 'consumer-stopped-ones', of: 'messages that came one by one', needs: ONES }),
];

function followerKilled({ name, of, needs }) {
  return {
    name,
    family,
    on: EVERYWHERE,
    line: `SIGKILL to a process that does not lead, while it holds ${of}`,
    cuts: /** @type {const} */ ('one'),
    outage: TAKEN_OVER,
    needs,
    async strike({ group, admin }) {
      const follower = await group.follower();
      const held = await stopHolding(admin, follower, { packs: !needs?.ones });
      await follower.kill(name);
      const outage = await takenOver(admin, follower);
      return { proof: `${follower.pid} killed, which held ${held}`, outage };
    },
  };
}

function consumerStopped({ name, of, needs }) {
  return {
    name,
    family,
    on: EVERYWHERE,
    line: `SIGSTOP to a process that does not lead, while it holds ${of}, for ${PAST_CLAIM / 1_000} s: past claimAfter; then SIGCONT`,
    cuts: /** @type {const} */ ('one'),
    outage: TAKEN_OVER,
    needs,
    async strike({ group, admin }) {
      const follower = await group.follower();
      const held = await stopHolding(admin, follower, { packs: !needs?.ones });
      const began = performance.now();
      const outage = await takenOver(admin, follower);
      await sleep(Math.max(0, PAST_CLAIM - (performance.now() - began)));
      prove(stateOf(follower.pid).startsWith('T'), 'still stopped');
      follower.signal('SIGCONT');
      return { proof: `${follower.pid} stopped with ${held}, which others took over; continued`, outage };
    },
  };
}

/** Sends SIGSTOP, proves that the process sleeps, does the work and sends SIGCONT. */
export async function stopped(one, work) {
  one.signal('SIGSTOP');
  try {
    await proveSoon(() => stateOf(one.pid).startsWith('T'), 'a process that is stopped');
    await work();
    prove(stateOf(one.pid).startsWith('T'), 'still stopped');
  } finally {
    one.signal('SIGCONT');
  }
}

/** The state of a process, as `ps` writes it; T if it is stopped. */
export function stateOf(pid) {
  return execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).trim();
}

/** A condition: a script with `key` is on its way to Redis. From then on replies are swallowed. */
function onRequest(proxy, key) {
  let seen = false;
  const named = Buffer.from(`\r\n${key}\r\n`);
  // In capitals it comes past ioredis: a relay, a commit or a settlement.
  proxy.onRequest = (chunk) => {
    if (seen || !chunk.includes('EVALSHA') || !chunk.includes(named)) return;
    seen = true;
    proxy.modes.replies = 'drop';
  };
  return () => seen;
}

/**
 * Stops a process while it holds messages; returns what it holds, as a text.
 *
 * @param {{ packs?: boolean }} options `packs`: they must be in packs, or come one by one for some seconds, because another
 *   fault makes the processor slow
 */
export function stopHolding(redis, one, { packs: onlyPacks = false } = {}) {
  const anyFrom = performance.now() + (onlyPacks ? PACKS_MS : 0);
  return proveSoon(async () => {
    one.signal('SIGSTOP');
    await proveSoon(() => stateOf(one.pid).startsWith('T'), 'a process that is stopped');
    // Commands that it has sent may still be under way.
    await sleep(50);
    const [entries, packs] = await Promise.all(HELD.map((key) => holds(redis, one, key)));
    const isEnough = packs > 0 || (entries > 0 && performance.now() >= anyFrom);
    if (!isEnough) one.signal('SIGCONT');
    return isEnough && `${entries} entries of the inbox and ${packs} packs`;
  }, 'a process stopped while it holds messages');
}

async function holds(redis, one, key) {
  const all = await holders(redis, [key]);
  return all.filter(([name]) => one.owns(name)).reduce((sum, [, count]) => sum + count, 0);
}

/** Waits until nothing is pending with the consumers that a victim has now; returns ms waited. */
export async function takenOver(redis, victim) {
  const began = performance.now();
  const own = (await holders(redis)).map(([name]) => name).filter((name) => victim.owns(name));
  await until(async () => !(await holders(redis)).some(([name]) => own.includes(name)), {
    what: `the messages of ${victim.pid} to be taken over`,
  });
  return Math.round(performance.now() - began);
}

/** Consumers with pending entries of some streams, and how many. @returns {Promise<[string, number][]>} */
async function holders(redis, keys = HELD) {
  const replies = await Promise.all(keys.map((key) => redis.xpending(key, GROUP)));
  return replies.flatMap(([, , , consumers]) =>
    (consumers ?? []).map(([name, count]) => [name, Number(count)]),
  );
}
