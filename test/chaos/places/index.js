import { OneServer } from './one-server.js';
import { Replicated } from './replicated.js';

export const PLACES = ['one', 'sentinel', 'cluster'];

/**
 * Where the group's Redis is.
 *
 * @param {'one' | 'sentinel' | 'cluster'} on
 * @param {{ dir: string, leash: import('../leash.js').Leash, bridges: number, apart?: boolean }} options those of one server, too; `apart`:
 *   servers and processes on hosts of their own
 */
export function openPlace(on, options) {
  return on === 'one' ? OneServer.open(options) : Replicated.open(on, options);
}
