import { clock } from './clock.js';
import { connections } from './connections.js';
import { control } from './control.js';
import { data } from './data.js';
import { hostile } from './hostile.js';
import { limits } from './limits.js';
import { network } from './network.js';
import { poison } from './poison.js';
import { processes } from './processes.js';
import { scale } from './scale.js';
import { server } from './server.js';
import { storm } from './storm.js';

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
  storm,
].flat();

/**
 * Faults by the names of faults and families, or `all`.
 *
 * @param {string[]} names
 * @throws {RangeError} naming what is unknown
 */
export function chooseFaults(names) {
  const chosen = names.flatMap((name) => {
    if (name === 'all') return FAULTS.filter(({ long }) => !long);
    const found = FAULTS.filter((fault) => fault.name === name || fault.family === name);
    if (found.length === 0) throw new RangeError(`there is no fault "${name}": see --list`);
    return found;
  });
  return [...new Set(chosen)];
}

/** Whether two faults can share a stage. */
export function agree(one, other) {
  if (one === other || (one.proxies && other.proxies)) return false;
  const [a, b] = [one.needs?.redis ?? {}, other.needs?.redis ?? {}];
  return Object.keys(a).every((key) => b[key] === undefined || a[key] === b[key]);
}
