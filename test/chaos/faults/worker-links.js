import { setTimeout as sleep } from 'node:timers/promises';
import { CONSUMER_IDS } from '../keys.js';
import { until } from '../until.js';
import { Fleet } from '../workers/fleet.js';
import { prove, TAKEN_OVER } from './fault.js';

const SLOW = 150_000;

/** @type {import('./fault.js').Fault[]} */
export const workerLinks = [
  {
    name: 'worker-links-cut',
    family: 'workers',
    line: `the links between remote workers and one process are cut three times, half-open each way until its workers are gone, delayed by 100 ms, slowed to ${SLOW / 1_000} kB/s each way for 2 s`,
    cuts: 'none',
    outage: TAKEN_OVER,
    needs: { ones: true, workers: (tools) => Fleet.start(tools, 'proxies') },
    async strike(stage, random) {
      const proofs = [];
      for (const fault of random.shuffle(FAULTS)) {
        await stage.workers.connected(stage);
        const slot = random.between(0, stage.bridges - 1);
        const proxy = stage.workers.proxies[slot];
        proofs.push(await fault(proxy, stage, slot));
        proxy.heal();
      }
      await stage.workers.connected(stage);
      return { proof: proofs.join('; ') };
    },
  },
];

const FAULTS = [
  async function cut(proxy, stage) {
    let resumed = 0;
    let links = 0;
    for (let times = 0; times < 3; times++) {
      const before = await listed(stage);
      const count = proxy.cut();
      prove(count > 0, 'a link that is cut');
      links += count;
      await sleep(500);
      await stage.workers.connected(stage);
      const after = await listed(stage);
      resumed += after.filter((id) => before.includes(id)).length - (before.length - count);
    }
    return `${links} links cut, ${resumed} resumed by the same consumer`;
  },
  (proxy, stage, slot) => halfOpen(proxy, stage, slot, 'requests', 'drop'),
  (proxy, stage, slot) => halfOpen(proxy, stage, slot, 'replies', 'hold'),
  async function late(proxy) {
    const before = proxy.counts.delayed;
    proxy.delay = 100;
    await sleep(1_000);
    const bytes = proxy.counts.delayed - before;
    prove(bytes > 0, 'bytes delayed');
    return `${bytes} bytes delayed`;
  },
  async function slow(proxy) {
    proxy.throttle(SLOW);
    await sleep(2_000);
    const bytes = proxy.counts.throttled;
    prove(bytes > SLOW, 'a second of bytes on a slow link');
    return `${bytes} bytes over a slow link`;
  },
];

/** One direction is dead and nothing closes: both ends must find that out. */
async function halfOpen(proxy, stage, slot, direction, mode) {
  const of = mode === 'drop' ? 'dropped' : 'held';
  const before = proxy.counts[of];
  const began = performance.now();
  proxy.modes[direction] = mode;
  const one = stage.group.processes.find((process_) => process_.slot === slot);
  await until(async () => !(await listed(stage)).some((id) => one.owns(id)), {
    what: 'the workers behind a dead link to leave the list',
  });
  const ms = Math.round(performance.now() - began);
  const bytes = proxy.counts[of] - before;
  prove(bytes > 0, `bytes ${of}`);
  return `${direction} half-open (${bytes} bytes ${of}): its workers left the list after ${ms} ms`;
}

function listed({ admin }) {
  return admin.lrange(CONSUMER_IDS, 0, -1);
}
