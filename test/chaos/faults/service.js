import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../until.js';
import { Service } from '../workers/service.js';
import { prove } from './fault.js';
import { stopped } from './processes.js';

/** @type {import('./fault.js').Fault[]} */
export const service = [
  {
    name: 'service-down',
    family: 'workers',
    line: 'a web service is killed and away for 2 s, stopped for 2.5 s, resets connections in the middle of its answers for 1 s, and answers 503 with Retry-After for 1.5 s',
    cuts: 'none',
    // A probe goes to the service after 1, 2, 4 s.
    outage: { of: 'processed', within: 5_000, after: 'heal' },
    needs: {
      ones: true,
      rate: 1_500,
      args: ['--concurrency', '10', '--timeout', '1s', '--backoff', '100ms'],
      workers: (tools) => Service.start(tools),
    },
    async strike(stage, random) {
      const proofs = [];
      for (const [name, down] of random.shuffle(Object.entries(DOWN))) {
        const what = await down(stage.workers);
        stage.healed();
        proofs.push(`${name} (${what}), well after ${await processes(stage)} ms`);
      }
      return { proof: proofs.join('; ') };
    },
  },
];

/** Each returns what shows that it happened. */
const DOWN = {
  async killed(workers) {
    const { pid } = workers.now;
    await workers.kill('service-down');
    await sleep(2_000);
    await workers.join();
    return `${pid} replaced by ${workers.now.pid}`;
  },
  async hung({ now }) {
    await stopped(now, () => sleep(2_500));
    return `${now.pid} stopped`;
  },
  reset: (workers) => answers(workers, 'half', 1_000),
  busy: (workers) => answers(workers, '503', 1_500),
};

async function answers(workers, mode, ms) {
  await workers.turn(mode);
  await sleep(ms);
  const met = await workers.turn('well');
  prove(met > 0, `a request answered with "${mode}"`);
  return `${met} requests`;
}

/** Waits until messages are processed again, more than may have been on their way; returns ms. */
async function processes({ probe }) {
  const began = performance.now();
  const before = probe.seen.processed;
  await until(() => probe.seen.processed > before + 100, { what: 'messages to be processed again' });
  return Math.round(performance.now() - began);
}
