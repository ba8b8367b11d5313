import type { BridgeStore } from '../../src/core/bridge-store.js';

/** A store that has the methods which a test expects to be called; a call of another method rejects. */
export function fakeBridgeStore(given: Partial<BridgeStore>): BridgeStore {
  const unexpected = (name: string) => () => Promise.reject(new Error(`unexpected call of ${name}`));
  return {
    mark: unexpected('mark'),
    take: unexpected('take'),
    relay: unexpected('relay'),
    release: unexpected('release'),
    readLease: unexpected('readLease'),
    leave: unexpected('leave'),
    ...given,
  };
}
