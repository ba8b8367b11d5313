import type { BridgeStore } from '../../src/core/bridge-store.js';

/** A bridge store with the methods of `given`; all other methods reject. */
export function fakeBridgeStore(given: Partial<BridgeStore>): BridgeStore {
  const unexpected = (name: string) => () => Promise.reject(new Error(`unexpected call of ${name}`));
  return {
    mark: unexpected('mark'),
    take: unexpected('take'),
    relay: unexpected('relay'),
    release: unexpected('release'),
    readLease: unexpected('readLease'),
    lastMark: unexpected('lastMark'),
    missed: unexpected('missed'),
    leave: unexpected('leave'),
    ...given,
  };
}
