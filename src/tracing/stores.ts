import type { RelayReply, RelayRequest } from '../core/bridge-store.js';
import type { DeadLetter, Result, Retry } from '../core/consumer-store.js';
import { RedisBridgeStore } from '../redis/bridge-store.js';
import { RedisConsumerStore } from '../redis/consumer-store.js';
import type { Tracing } from './tracing.js';

/** The stores with spans around what moves messages. Where nobody traces, the plain ones are used. */

type RoadArguments = ConstructorParameters<typeof RedisConsumerStore>;
type LeaseArguments = ConstructorParameters<typeof RedisBridgeStore>;

export class TracedConsumerStore extends RedisConsumerStore {
  readonly #tracing: Tracing;

  constructor(tracing: Tracing, ...args: RoadArguments) {
    super(...args);
    this.#tracing = tracing;
  }

  override commit(results: readonly Result[], maxLength: number): Promise<string[]> {
    const ids = results.map(({ inboxId }) => inboxId);
    return this.#tracing.settle('commit', ids, () => super.commit(results, maxLength));
  }

  override bury(letters: readonly DeadLetter[]): Promise<string[]> {
    const ids = letters.map(({ inboxId }) => inboxId);
    return this.#tracing.settle('bury', ids, () => super.bury(letters));
  }

  override async retry(retries: readonly Retry[]): Promise<void> {
    await super.retry(retries);
    this.#tracing.forget(retries.map(({ inboxId }) => inboxId));
  }
}

export class TracedBridgeStore extends RedisBridgeStore {
  readonly #tracing: Tracing;

  constructor(tracing: Tracing, ...args: LeaseArguments) {
    super(...args);
    this.#tracing = tracing;
  }

  override relay(request: RelayRequest): Promise<RelayReply> {
    // Without messages it only asks for the position.
    if (request.messages.length === 0) return super.relay(request);
    return this.#tracing.relay(request.messages, () => super.relay(request));
  }
}
