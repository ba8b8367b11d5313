import { autoscale } from './measures/autoscale.js';
import { burst } from './measures/burst.js';
import { drain } from './measures/drain.js';
import { flood } from './measures/flood.js';
import { lanes } from './measures/lanes.js';
import { latency } from './measures/latency.js';
import { orders } from './measures/orders.js';
import { processors } from './measures/processors.js';
import { queue } from './measures/queue.js';
import { rates } from './measures/rates.js';
import { replicas } from './measures/replicas.js';
import { scaling } from './measures/scaling.js';
import { scripts } from './measures/scripts.js';
import { shares } from './measures/shares.js';
import { soak } from './measures/soak.js';
import { startup } from './measures/startup.js';
import { steps } from './measures/steps.js';
import { stopped } from './measures/stopped.js';
import { threads } from './measures/threads.js';
import { watched } from './measures/watched.js';

const MEASURES = {
  autoscale,
  burst,
  drain,
  flood,
  lanes,
  latency,
  orders,
  processors,
  queue,
  rates,
  replicas,
  scaling,
  scripts,
  shares,
  soak,
  startup,
  steps,
  stopped,
  threads,
  watched,
};

/**
 * Runs measures one after the other, so that nothing else is measured with them. Prints the error of one that fails, and
 * goes on.
 *
 * @param {Record<string, object>} sizes of the measures that run
 * @param {{ machine: object, versions: object }} where the measures run
 * @param {{ progress: (line: string) => void, done: (name: string, result: object) => void }} watch
 * @returns {Promise<Record<string, object>>} by name the result, or `{ error }`, with machine, versions, time and the seconds
 *   that it took
 */
export async function run(sizes, where, { progress, done }) {
  const results = {};
  for (const [name, size] of Object.entries(sizes)) {
    const began = Date.now();
    const facts = () => ({ at: new Date(began).toISOString(), took: (Date.now() - began) / 1_000, ...where });
    try {
      const result = await MEASURES[name](size, (line) => progress(`${name}: ${line}`));
      results[name] = { ...facts(), ...result };
      done(name, results[name]);
    } catch (error) {
      results[name] = { ...facts(), error: error.message };
      progress(`${name}: ${error.stack}`);
    }
  }
  return results;
}
