import { clock } from './clock.js';
import { connections } from './connections.js';
import { control } from './control.js';
import { data } from './data.js';
import { execChildren } from './exec-children.js';
import { failOver } from './fail-over.js';
import { hostile } from './hostile.js';
import { limits } from './limits.js';
import { network } from './network.js';
import { poison } from './poison.js';
import { processes } from './processes.js';
import { remoteWorkers } from './remote-workers.js';
import { scale } from './scale.js';
import { server } from './server.js';
import { service } from './service.js';
import { splits } from './splits.js';
import { storm } from './storm.js';
import { workerLinks } from './worker-links.js';

/** @typedef {import('./fault.js').Fault} Fault */

/** @type {Fault[]} */
export const FAULTS = [
  processes,
  scale,
  control,
  connections,
  network,
  server,
  data,
  hostile,
  limits,
  clock,
  poison,
  remoteWorkers,
  execChildren,
  service,
  workerLinks,
  storm,
  failOver,
  splits,
].flat();

/** Families that agree with remote workers and the like: they need no other processor, and no more processes. */
const WITH_WORKERS = ['processes', 'connections', 'network', 'server', 'data', 'hostile', 'clock'];

/**
 * Faults by the names of faults and families, or `all`. A long one must be named.
 *
 * @param {string[]} names
 * @param {'one' | 'sentinel' | 'cluster'} [on] the place where they strike
 * @throws {RangeError} naming what is unknown there
 */
export function chooseFaults(names, on = 'one') {
  const here = FAULTS.filter((fault) => (fault.on ?? ['one']).includes(on));
  const chosen = names.flatMap((name) => {
    if (name === 'all') return here.filter(({ long }) => !long);
    const found = here.filter((fault) => fault.name === name || (fault.family === name && !fault.long));
    if (found.length === 0) throw new RangeError(`there is no fault "${name}" on ${on}: see --list`);
    return found;
  });
  return [...new Set(chosen)];
}

/** Whether two faults can share a stage. */
export function agree(one, other) {
  if (one === other || (one.proxies && other.proxies)) return false;
  const families = [one.family, other.family];
  if (families.every((family) => family === 'fail-over')) return false;
  const besides = families[0] === 'workers' ? families[1] : families[0];
  if (families.includes('workers') && !WITH_WORKERS.includes(besides)) return false;
  const [a, b] = [one.needs?.redis ?? {}, other.needs?.redis ?? {}];
  return Object.keys(a).every((key) => b[key] === undefined || a[key] === b[key]);
}
