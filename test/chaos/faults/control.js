import { setTimeout as sleep } from 'node:timers/promises';
import { CONSUMER_IDS, CONTROL } from '../keys.js';
import { until } from '../until.js';
import { prove, RELAYS_AGAIN, TAKEN_OVER } from './fault.js';

const family = 'control';
const needs = { args: ['--managed', '--capacity', '12'] };
/** ms after the last fault within which each process runs its share. */
const RIGHT_WITHIN = 5_000;
/** Longer than a process may be silent (3 s). */
const PAST_SILENCE = 4_500;

/** @type {import('./fault.js').Fault[]} */
export const control = [
  {
    name: 'scale-storm',
    family,
    line: 'a new size every 50 to 300 ms, 30 times, and a last one',
    cuts: 'none',
    outage: TAKEN_OVER,
    needs,
    async strike(stage, random) {
      const sizes = Array.from({ length: 30 }, () => random.between(1, 20));
      for (const size of sizes) {
        await stage.scale(size);
        await sleep(random.between(50, 300));
      }
      const ms = await sizeRight(stage, random.between(3, 9));
      return { proof: `${sizes.length} sizes set; ${stage.size} consumers ${ms} ms after the last` };
    },
  },
  {
    name: 'managed-killed',
    family,
    line: 'SIGKILL to a managed process while a new size reaches it; it is replaced',
    cuts: 'one',
    outage: TAKEN_OVER,
    needs,
    async strike(stage, random) {
      await sizeRight(stage, 6);
      await stage.scale(11);
      await sleep(random.between(0, 1_200));
      const one = random.pick(stage.group.processes);
      await one.kill('managed-killed');
      await stage.group.whole(stage.bridges);
      const ms = await sharesRight(stage);
      return { proof: `${one.pid} killed; ${stage.size} consumers ${ms} ms after its replacement` };
    },
  },
  {
    name: 'managed-stopped',
    family,
    line: `SIGSTOP to a managed process for ${PAST_SILENCE / 1_000} s: others run its share; then SIGCONT`,
    cuts: 'one',
    outage: TAKEN_OVER,
    needs,
    async strike(stage, random) {
      await sizeRight(stage, 8);
      const one = random.pick(stage.group.processes);
      one.signal('SIGSTOP');
      try {
        await until(async () => !(await listed(stage)).some((id) => one.owns(id)), {
          what: 'its consumers to leave the list',
        });
        const others = stage.group.processes.filter((other) => other !== one);
        await until(async () => (await shareOf(stage, others)) === stage.size, {
          what: 'the others to run its share',
        });
        await sleep(PAST_SILENCE - 4_000);
      } finally {
        one.signal('SIGCONT');
      }
      const ms = await sharesRight(stage);
      return { proof: `${one.pid} stopped, its share taken over and given back ${ms} ms after SIGCONT` };
    },
  },
  {
    name: 'paused-while-scaling',
    family,
    line: 'pause between two sizes, for 3 s; then resume',
    cuts: 'none',
    // Nothing is processed while it is paused.
    outage: { of: 'processed', within: 7_000, after: 'strike' },
    needs,
    async strike(stage, random) {
      await stage.scale(random.between(1, 12));
      await stage.client.pause();
      await stage.scale(random.between(1, 12));
      await sleep(2_000);
      const before = stage.probe.seen.processed;
      await sleep(1_000);
      prove(stage.probe.seen.processed === before, 'nothing processed while it is paused');
      await stage.client.resume();
      const ms = await sizeRight(stage, random.between(3, 12));
      return { proof: `paused for 3 s; ${stage.size} consumers ${ms} ms after the last size` };
    },
  },
  {
    name: 'control-deleted',
    family,
    line: 'DEL of the control hash; then it is filled with foreign values',
    cuts: 'none',
    outage: RELAYS_AGAIN,
    needs,
    async strike(stage) {
      const { admin } = stage;
      await sizeRight(stage, 9);
      prove((await admin.del(CONTROL)) === 1, 'the hash deleted');
      const ms = await sharesRight(stage);
      await admin.hset(CONTROL, { size: 'many', paused: 'perhaps', autoscale: '{"min":', revision: '-3' });
      await until(async () => (await admin.hget(CONTROL, 'size')) === '9', { what: 'the size to come back' });
      const again = await sharesRight(stage);
      return {
        proof: `deleted, then filled with foreign values: ${stage.size} consumers after ${ms} and ${again} ms`,
      };
    },
  },
];

/** Sets a size and waits until it is so; returns ms. */
async function sizeRight(stage, size) {
  await stage.scale(size);
  return sharesRight(stage);
}

/** Waits until the list has the wanted size, spread evenly over the processes; returns ms. */
async function sharesRight(stage) {
  const began = performance.now();
  await until(
    async () => {
      const counts = await Promise.all(stage.group.processes.map((one) => shareOf(stage, [one])));
      const sum = counts.reduce((a, b) => a + b, 0);
      return (
        sum === stage.size &&
        (await listed(stage)).length === sum &&
        Math.max(...counts) - Math.min(...counts) <= 1
      );
    },
    { what: `${stage.size} consumers, spread evenly`, timeout: RIGHT_WITHIN },
  );
  return Math.round(performance.now() - began);
}

async function shareOf(stage, processes) {
  return (await listed(stage)).filter((id) => processes.some((one) => one.owns(id))).length;
}

function listed({ admin }) {
  return admin.lrange(CONSUMER_IDS, 0, -1);
}
