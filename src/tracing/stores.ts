import type { BridgeStore } from '../core/bridge-store.js';
import type { ConsumerStore } from '../core/consumer-store.js';
import type { Tracing } from './tracing.js';

/** What settles messages, with a span around each call. */
export function tracedSettling(
  store: ConsumerStore,
  tracing: Tracing,
): Pick<ConsumerStore, 'prepare' | 'commit' | 'bury' | 'retry'> {
  return {
    prepare: () => store.prepare(),
    commit: (results, maxLength) =>
      tracing.settle('commit', idsOf(results), () => store.commit(results, maxLength)),
    bury: (deadLetters) => tracing.settle('bury', idsOf(deadLetters), () => store.bury(deadLetters)),
    retry: async (retries) => {
      await store.retry(retries);
      tracing.forget(idsOf(retries));
    },
  };
}

/** A store with a span around each relay of messages. */
export function tracedBridgeStore(store: BridgeStore, tracing: Tracing): BridgeStore {
  return {
    relay: (request) => {
      const relay = () => store.relay(request);
      // Without messages it only asks for the position, or moves it.
      return request.messages.length === 0 ? relay() : tracing.relay(request.messages, relay);
    },
    mark: (request) => store.mark(request),
    take: (...args) => store.take(...args),
    release: (...args) => store.release(...args),
    readLease: () => store.readLease(),
    leave: (seat) => store.leave(seat),
  };
}

function idsOf(settled: readonly { readonly inboxId: string }[]): string[] {
  return settled.map(({ inboxId }) => inboxId);
}
