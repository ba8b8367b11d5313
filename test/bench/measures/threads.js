import { fileURLToPath } from 'node:url';
import { Stage } from '../stage/stage.js';
import { outOfBacklog } from './scaling.js';

const PROCESSOR = fileURLToPath(new URL('../contenders/sha.mjs', import.meta.url));
const SIZE = 4;

/** Throughput of a processor that computes, against the number of threads that run it. */
export async function threads({ threads, messages, rounds }, say) {
  const runs = [];
  for (let round = 1; round <= rounds; round++)
    for (const count of threads) {
      const args = ['--size', SIZE, '--threads', count, '--processor', PROCESSOR];
      const rate = await Stage.use((stage) => outOfBacklog(stage, args, messages));
      runs.push({ threads: count, round, rate });
      say(`round ${round}, ${count} threads: ${Math.round(rate)} msg/s`);
    }
  return { messages, runs };
}
