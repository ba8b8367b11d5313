import type { ConsumerStore } from '../../src/core/consumer-store.js';

/** A consumer store with the methods of `given`; all other methods reject. */
export function fakeStore(given: Partial<ConsumerStore>): ConsumerStore {
  const unexpected = (name: string) => () => Promise.reject(new Error(`unexpected call of ${name}`));
  return {
    prepare: unexpected('prepare'),
    commit: unexpected('commit'),
    settlePacks: unexpected('settlePacks'),
    messageOf: unexpected('messageOf'),
    rescue: unexpected('rescue'),
    retry: unexpected('retry'),
    bury: unexpected('bury'),
    begin: unexpected('begin'),
    renew: unexpected('renew'),
    renewPacks: unexpected('renewPacks'),
    reclaim: unexpected('reclaim'),
    due: unexpected('due'),
    unpack: unexpected('unpack'),
    strays: unexpected('strays'),
    leave: unexpected('leave'),
    handBack: unexpected('handBack'),
    sweep: unexpected('sweep'),
    ...given,
  };
}
