import type { BridgeStore } from '../core/bridge-store.js';
import type { ConsumerStore } from '../core/consumer-store.js';
import type { Tracing } from './tracing.js';

/** A store with spans around the calls that settle messages. All other calls go straight to the given store. */
export function tracedConsumerStore(store: ConsumerStore, tracing: Tracing): ConsumerStore {
  return {
    commit: (results, maxLength) =>
      tracing.settle('commit', idsOf(results), () => store.commit(results, maxLength)),
    bury: (deadLetters) => tracing.settle('bury', idsOf(deadLetters), () => store.bury(deadLetters)),
    retry: async (retries) => {
      await store.retry(retries);
      tracing.forget(idsOf(retries));
    },
    prepare: () => store.prepare(),
    begin: (held, attempt) => store.begin(held, attempt),
    renew: (consumerId, inboxIds) => store.renew(consumerId, inboxIds),
    reclaim: (request) => store.reclaim(request),
    due: (consumerId, count, longestWait) => store.due(consumerId, count, longestWait),
    leave: (consumerId, attempts) => store.leave(consumerId, attempts),
    sweep: (live, silence) => store.sweep(live, silence),
  };
}

/** A store with a span around each relay of messages. All other calls go straight to the given store. */
export function tracedBridgeStore(store: BridgeStore, tracing: Tracing): BridgeStore {
  return {
    relay: (request) =>
      // Without messages it only asks for the position, or moves it.
      request.messages.length === 0
        ? store.relay(request)
        : tracing.relay(request.messages, () => store.relay(request)),
    mark: (request) => store.mark(request),
    take: (caller, token, beat) => store.take(caller, token, beat),
    release: (caller, token, position) => store.release(caller, token, position),
    look: () => store.look(),
    leave: (seat) => store.leave(seat),
  };
}

function idsOf(settlements: readonly { readonly inboxId: string }[]): string[] {
  return settlements.map(({ inboxId }) => inboxId);
}
