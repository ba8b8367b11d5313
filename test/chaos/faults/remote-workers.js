import { setTimeout as sleep } from 'node:timers/promises';
import { Fleet } from '../workers/fleet.js';
import { prove, TAKEN_OVER } from './fault.js';
import { stateOf, stopHolding, takenOver } from './processes.js';

/** Longer than the lease (1 s) and than `claimAfter` (3 s). */
const STOPPED_MS = 4_000;
const KINDS = [
  ['workers', 'killed'],
  ['workers', 'stopped'],
  ['group', 'killed'],
  ['group', 'stopped'],
];

const common = {
  family: 'workers',
  cuts: /** @type {const} */ ('one'),
  outage: TAKEN_OVER,
  needs: { ones: true, workers: (tools) => Fleet.start(tools, 'hosts') },
};

/** @type {import('./fault.js').Fault[]} */
export const remoteWorkers = [
  {
    ...common,
    name: 'remote-workers-killed',
    line: `three remote workers on other hosts; one of them and one process of the group killed, one of each stopped for ${STOPPED_MS / 1_000} s`,
    strike: (stage, random) => strikes(stage, random, { every: 2_000, kinds: random.shuffle(KINDS) }),
  },
  {
    ...common,
    name: 'remote-workers-storm',
    long: true,
    line: 'the same for 2 minutes, one every 5 s',
    strike: (stage, random) => {
      const rounds = Array.from({ length: 6 }, () => random.shuffle(KINDS));
      return strikes(stage, random, { every: 5_000, kinds: rounds.flat() });
    },
  },
];

/** Kills and stops workers and processes while they hold messages, one at a time, every so many ms. */
async function strikes(stage, random, { every, kinds }) {
  await stage.workers.connected(stage);
  const counts = {};
  const longest = { killed: 0, stopped: 0 };
  for (const [who, how] of kinds) {
    const began = performance.now();
    const ms = await strikeOne(stage, random.pick(stage[who].processes), how);
    longest[how] = Math.max(longest[how], ms);
    const what = `${who === 'group' ? 'processes' : 'workers'} ${how}`;
    counts[what] = (counts[what] ?? 0) + 1;
    await stage.workers.whole(stage.workers.consumers);
    await stage.group.whole(stage.bridges);
    await stage.bridgesInStep();
    await sleep(every - (performance.now() - began));
  }
  await stage.workers.connected(stage);
  const { backlog } = stage.probe.most;
  const done = Object.entries(counts).map(([what, count]) => `${count} ${what}`);
  const taken = `taken over after at most ${longest.killed} ms (killed), ${longest.stopped} ms (stopped)`;
  return {
    proof: `${done.join(', ')} with messages, ${taken}; workers ${stage.workers.hosts}; backlog at most ${backlog}`,
    outage: Math.max(longest.killed, longest.stopped),
  };
}

/** Returns after how many ms its messages were with others. */
async function strikeOne({ admin }, one, how) {
  await stopHolding(admin, one);
  if (how === 'killed') {
    await one.kill('remote-workers-killed');
    return takenOver(admin, one);
  }
  const began = performance.now();
  const ms = await takenOver(admin, one);
  await sleep(STOPPED_MS - (performance.now() - began));
  prove(stateOf(one.pid).startsWith('T'), 'still stopped');
  one.signal('SIGCONT');
  return ms;
}
