import { randomBytes } from 'node:crypto';
import { hostname } from 'node:os';
import type { Settings } from '../settings/settings.js';

/** What a process goes by in its group: no other process has these ids, nor will a later life of this one. */
export interface Identity {
  readonly host: string;
  readonly pid: number;
  readonly bridgeId: string;
  readonly consumerIds: readonly string[];
}

export function newIdentity({ size, bridge }: Settings): Identity {
  const [host, pid] = [hostname(), process.pid];
  // Names of ids hold no space: a mark is a line of words.
  const base = `${host.replace(/[^\w.-]/g, '_')}-${pid}-${randomBytes(3).toString('hex')}`;
  const consumers = bridge === 'only' ? 0 : size;
  return {
    host,
    pid,
    bridgeId: base,
    consumerIds: Array.from({ length: consumers }, (_, index) => `${base}-${index + 1}`),
  };
}
