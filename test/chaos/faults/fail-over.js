import { setTimeout as sleep } from 'node:timers/promises';
import { OUTPUT } from '../keys.js';
import { cutOff, rejoin } from './cut-off.js';
import { prove } from './fault.js';

const family = 'fail-over';
/** Where there are replicas. */
export const ON_BOTH = /** @type {('one' | 'sentinel' | 'cluster')[]} */ (['sentinel', 'cluster']);
/** The round counts from the promotion when the group is back at work: `--back-within`. */
const BACK_AGAIN = /** @type {const} */ ({ of: 'processed', within: Infinity, after: 'heal' });
/** What all faults have that make another server the master. */
export const COMMON = {
  family,
  cuts: /** @type {const} */ ('all'),
  outage: BACK_AGAIN,
  needs: { rate: 1_000 },
};

/** @type {import('./fault.js').Fault[]} */
export const failOver = [
  away(
    'master-killed',
    'SIGKILL to the master; once a replica has its place, it starts again, as a replica',
    (servers, old) => servers.kill(old),
    (servers, old) => servers.restart(old),
  ),
  away(
    'master-stopped',
    'SIGSTOP to the master, SIGCONT 2 s after a replica has its place',
    (servers, old) => servers.stop(old),
    async (servers, old) => {
      await sleep(2_000);
      servers.continue(old);
    },
  ),
  {
    ...COMMON,
    name: 'failover-command',
    on: ON_BOTH,
    line: 'SENTINEL FAILOVER, or CLUSTER FAILOVER on a replica',
    strike: (stage) => failsOver(stage, () => stage.place.failover()),
  },
  lagging('lag-50ms', 50),
  lagging('lag-2s', 2_000),
  {
    ...COMMON,
    name: 'slot-moved',
    on: ['cluster'],
    line: 'the slot of the output moves to another master, with a wait of 0.3 s before, in the middle of and after its keys',
    async strike(stage, random) {
      const { servers } = stage.place;
      const slot = await servers.slotOf(OUTPUT);
      return failsOver(stage, async (from) => {
        const others = (await servers.masters()).filter((node) => node !== from);
        await servers.moveSlot(slot, random.pick(others), { hold: () => sleep(300) });
      });
    },
  },
  {
    ...COMMON,
    name: 'sentinel-killed',
    on: ['sentinel'],
    line: 'SIGKILL to a Sentinel, for 3 s: nothing may happen',
    cuts: 'none',
    outage: { of: 'relayed', within: 1_500, after: 'strike' },
    async strike({ place }, random) {
      const victim = random.pick(place.servers.sentinels);
      await place.servers.kill(victim);
      await sleep(3_000);
      prove(!victim.isRunning, 'a Sentinel that is dead');
      await place.servers.restart(victim);
      await place.servers.settled();
      prove(place.promotions.length === 0, 'the same master all the time');
      return { proof: `${victim.address} killed, started again` };
    },
  },
  {
    ...COMMON,
    name: 'sentinel-and-master-killed',
    on: ['sentinel'],
    line: 'SIGKILL to a Sentinel, then to the master; both start again once a replica has its place',
    async strike(stage, random) {
      const { servers } = stage.place;
      const sentinel = random.pick(servers.sentinels);
      return failsOver(
        stage,
        async (old) => {
          await servers.kill(sentinel);
          await servers.kill(old);
        },
        async (old) => {
          await servers.restart(old);
          await servers.restart(sentinel);
        },
      );
    },
  },
  {
    ...COMMON,
    name: 'master-cut-off',
    on: ['sentinel'],
    line: 'Sentinels and replicas do not reach the master any more, but clients do, until 2 s after a replica has its place',
    async strike(stage) {
      return failsOver(stage, cutOff, async (old) => {
        prove(/role:master/.test(await old.call('INFO', 'replication')), 'two masters');
        await sleep(2_000);
        await rejoin(old);
      });
    },
  },
];

/** The master is away for a while. */
function away(name, line, work, mend) {
  return {
    ...COMMON,
    name,
    on: ON_BOTH,
    line,
    strike(stage) {
      const { servers } = stage.place;
      return failsOver(
        stage,
        (old) => work(servers, old),
        (old) => mend(servers, old),
      );
    },
  };
}

function lagging(name, ms) {
  return {
    ...COMMON,
    name,
    on: ON_BOTH,
    line: `replicas get nothing any more for ${ms / 1_000} s, then SIGKILL to the master: one of them has its place, without these`,
    async strike(stage) {
      const { servers } = stage.place;
      const replicas = await stage.place.replicas();
      let behind = 0;
      const { proof } = await failsOver(
        stage,
        async (old) => {
          await old.call('ACL', 'SETUSER', 'default', '-psync', '-sync');
          prove((await old.call('CLIENT', 'KILL', 'TYPE', 'replica')) > 0, 'a replica cut off');
          await sleep(ms);
          const last = offsetIn(await old.call('INFO', 'replication'));
          await servers.kill(old);
          const has = replicas.map(async (node) => offsetIn(await node.call('INFO', 'replication')));
          behind = last - Math.max(...(await Promise.all(has)));
        },
        (old) => servers.restart(old),
      );
      prove(behind > 0, 'a replica that is behind');
      return { proof: `${proof}, ${behind} bytes behind` };
    },
  };
}

/**
 * Makes another server the master, mends the old one, and waits until all servers are in order.
 *
 * @param {(old: import('../../servers/redis-node.js').RedisNode) => Promise<unknown> | void} work
 * @param {(old: import('../../servers/redis-node.js').RedisNode) => Promise<unknown>} [mend]
 */
export async function failsOver(stage, work, mend = async () => {}) {
  const { place, minReplicas } = stage;
  const { old, now, ms } = await place.promoted(work);
  const promotion = place.promotions.at(-1);
  stage.healed();
  await mend(old);
  // Until then the group has to wait.
  if (minReplicas > 0) {
    await place.replicated(minReplicas);
    promotion.at = Date.now();
  }
  await place.servers.settled();
  await place.replicated(place.replicaCount);
  return { proof: `${now.address} is the master ${ms} ms after the strike at ${old.address}` };
}

function offsetIn(info) {
  return Number(/^master_repl_offset:(\d+)/m.exec(info)?.[1]);
}
