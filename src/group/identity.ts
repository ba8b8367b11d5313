import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Settings } from '../settings/settings.js';

/** The names of a process in its group. No other process, now or later, has these ids. */
export interface Identity {
  readonly host: string;
  readonly pid: number;
  readonly bridgeId: string;
  readonly consumerIds: readonly string[];
}

export function newIdentity({ size, bridge }: Settings): Identity {
  const [host, pid] = [hostname(), process.pid];
  // No spaces in ids: a mark is a line of words.
  const base = `${host.replace(/[^\w.-]/g, '_')}-${pid}-${randomBytes(3).toString('hex')}`;
  const consumers = bridge === 'only' ? 0 : size;
  return {
    host,
    pid,
    bridgeId: base,
    consumerIds: Array.from({ length: consumers }, (_, index) => `${base}-${index + 1}`),
  };
}
