import { setTimeout as sleep } from 'node:timers/promises';
import { Lab } from './lab.js';
import { perSecond } from './numbers.js';

const WORK_MS = 20;
const SIZES = [1, 2, 4, 8, 16, 32];
/** A backlog that lasts longer than the measurement, for each consumer. */
const BACKLOG = 400;
const SETTLE_MS = 1_000;
const MEASURE_MS = 4_000;

/** The rate of 1, 2, 4 … consumers whose processor waits 20 ms per message, each out of a backlog. */
export async function scaling({ say }) {
  say(`Consumers that wait ${WORK_MS} ms per message:`);
  const rates = [];
  for (const size of SIZES) {
    const rate = await Lab.use((lab) => steady(lab, size));
    rates.push({ size, rate, ofLinear: rate / (size * (rates[0]?.rate ?? rate)) });
    say(
      `  ${String(size).padStart(2)} consumers: ${perSecond(rate)}, ${rates.at(-1).ofLinear.toFixed(2)} of linear`,
    );
  }
  return { workMs: WORK_MS, rates };
}

async function steady(lab, size) {
  const group = await lab.group(['--size', String(size), '--simulate-ms', String(WORK_MS)]);
  await lab.run(['publish', '--count', String(size * BACKLOG)]);
  await sleep(SETTLE_MS);
  const before = await reading(lab);
  await sleep(MEASURE_MS);
  const after = await reading(lab);
  if (after.backlog === 0) throw new Error('the backlog was too small to measure');
  await group.stop();
  return ((after.processed - before.processed) / (after.at - before.at)) * 1_000;
}

async function reading(lab) {
  const { counters, backlog } = await lab.status();
  return { at: performance.now(), processed: counters.processed, backlog };
}
