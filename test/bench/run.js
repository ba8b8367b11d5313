import { burst } from './measures/burst.js';
import { drain } from './measures/drain.js';
import { flood } from './measures/flood.js';
import { latency } from './measures/latency.js';
import { rates } from './measures/rates.js';
import { scaling } from './measures/scaling.js';
import { soak } from './measures/soak.js';
import { startup } from './measures/startup.js';
import { stopped } from './measures/stopped.js';
import { threads } from './measures/threads.js';

const MEASURES = { burst, drain, flood, latency, rates, scaling, soak, startup, stopped, threads };

/**
 * Runs measures one after the other: whatever runs beside one of them would be measured with it.
 *
 * @param {Record<string, object>} sizes of the measures that run
 * @param {{ progress: (line: string) => void, done: (name: string, result: object) => void }} watch
 */
export async function run(sizes, { progress, done }) {
  const results = {};
  for (const [name, size] of Object.entries(sizes)) {
    const at = new Date().toISOString();
    results[name] = { at, ...(await MEASURES[name](size, (line) => progress(`${name}: ${line}`))) };
    done(name, results[name]);
  }
  return results;
}
