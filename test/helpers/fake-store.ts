import type { ConsumerStore } from '../../src/core/consumer-store.js';

/** A consumer store with the methods of `given`; all other methods reject. */
export function fakeStore(given: Partial<ConsumerStore>): ConsumerStore {
  const unexpected = (name: string) => () => Promise.reject(new Error(`unexpected call of ${name}`));
  return {
    prepare: unexpected('prepare'),
    commit: unexpected('commit'),
    retry: unexpected('retry'),
    bury: unexpected('bury'),
    begin: unexpected('begin'),
    renew: unexpected('renew'),
    reclaim: unexpected('reclaim'),
    due: unexpected('due'),
    strays: unexpected('strays'),
    leave: unexpected('leave'),
    sweep: unexpected('sweep'),
    ...given,
  };
}
