import type {
  BridgeStore,
  Lease,
  MarkReply,
  MarkRequest,
  RelayReply,
  RelayRequest,
  ReleaseReply,
  TakeReply,
} from '../core/bridge-store.js';
import type {
  ConsumerStore,
  DeadLetter,
  Entry,
  Held,
  Reclaimed,
  ReclaimRequest,
  Renewed,
  Result,
  Retry,
} from '../core/consumer-store.js';
import type { Position } from '../core/position.js';
import type { Tracing } from './tracing.js';

/** A store with spans around the calls that settle messages. All other calls go straight to the given store. */
export class TracedConsumerStore implements ConsumerStore {
  readonly #store: ConsumerStore;
  readonly #tracing: Tracing;

  constructor(store: ConsumerStore, tracing: Tracing) {
    this.#store = store;
    this.#tracing = tracing;
  }

  commit(results: readonly Result[], maxLength: number): Promise<string[]> {
    return this.#tracing.settle('commit', idsOf(results), () => this.#store.commit(results, maxLength));
  }

  bury(deadLetters: readonly DeadLetter[]): Promise<string[]> {
    return this.#tracing.settle('bury', idsOf(deadLetters), () => this.#store.bury(deadLetters));
  }

  async retry(retries: readonly Retry[]): Promise<void> {
    await this.#store.retry(retries);
    this.#tracing.forget(idsOf(retries));
  }

  prepare(): Promise<boolean> {
    return this.#store.prepare();
  }

  begin(held: Held, attempt: number): Promise<boolean> {
    return this.#store.begin(held, attempt);
  }

  renew(consumerId: string, inboxIds: readonly string[]): Promise<Renewed> {
    return this.#store.renew(consumerId, inboxIds);
  }

  reclaim(request: ReclaimRequest): Promise<Reclaimed> {
    return this.#store.reclaim(request);
  }

  due(consumerId: string, count: number, longestWait: number): Promise<Entry[]> {
    return this.#store.due(consumerId, count, longestWait);
  }

  leave(consumerId: string, attempts: ReadonlyMap<string, number>): Promise<number> {
    return this.#store.leave(consumerId, attempts);
  }

  sweep(live: readonly string[], silence: number): Promise<string[]> {
    return this.#store.sweep(live, silence);
  }
}

/** A store with a span around each relay of messages. All other calls go straight to the given store. */
export class TracedBridgeStore implements BridgeStore {
  readonly #store: BridgeStore;
  readonly #tracing: Tracing;

  constructor(store: BridgeStore, tracing: Tracing) {
    this.#store = store;
    this.#tracing = tracing;
  }

  relay(request: RelayRequest): Promise<RelayReply> {
    // Without messages it only asks for the position, or moves it.
    if (request.messages.length === 0) return this.#store.relay(request);
    return this.#tracing.relay(request.messages, () => this.#store.relay(request));
  }

  mark(request: MarkRequest): Promise<MarkReply> {
    return this.#store.mark(request);
  }

  take(caller: string, token: number, beat: number): Promise<TakeReply> {
    return this.#store.take(caller, token, beat);
  }

  release(caller: string, token: number, position: Position | undefined): Promise<ReleaseReply> {
    return this.#store.release(caller, token, position);
  }

  look(): Promise<Lease> {
    return this.#store.look();
  }

  leave(seat: string): Promise<void> {
    return this.#store.leave(seat);
  }
}

function idsOf(settlements: readonly { readonly inboxId: string }[]): string[] {
  return settlements.map(({ inboxId }) => inboxId);
}
