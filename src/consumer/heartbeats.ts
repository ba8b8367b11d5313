import { performance } from 'node:perf_hooks';
import type { ConsumerStore } from '../core/consumer-store.js';
import { MISSED_BEATS, type Registry } from '../core/registry.js';
import { Loop, type Service } from '../core/service.js';
import { plural } from '../core/words.js';
import type { Logger } from '../log/logger.js';
import { repeatedFailures, type ThrottledLog } from '../log/throttle.js';
import type { Consumer } from './consumer.js';

/** Every 5th heartbeat also removes dead consumers from the Redis group, even if no heartbeat was missed. */
const SWEEP_EACH = 5;

export interface HeartbeatsOptions {
  readonly registry: Registry;
  readonly store: ConsumerStore;
  readonly consumers: readonly Pick<Consumer, 'id' | 'heldLongerThan' | 'lose'>[];
  /** ms between two heartbeats. */
  readonly heartbeat: number;
  /** Silence after which a consumer's messages are given to others, ms. */
  readonly claimAfter: number;
  readonly log: Logger;
  /** Called with how many pending entries another client deleted from the inbox. */
  readonly onLost: (count: number) => void;
}

/**
 * The signs of life of this process's consumers: heartbeats, from which the list of consumers is made, and the renewal of
 * the entries that they hold. It also removes the dead consumers of all processes.
 */
export class Heartbeats implements Service {
  readonly #options: HeartbeatsOptions;
  readonly #loop: Loop;
  readonly #failures: ThrottledLog<unknown>;
  /** ms without a heartbeat after which a consumer is dead. */
  readonly #silence: number;
  #beats = 0;
  #lastBeat: number | undefined;

  constructor(options: HeartbeatsOptions) {
    this.#options = options;
    this.#silence = MISSED_BEATS * options.heartbeat;
    this.#failures = repeatedFailures(options.log, 'heartbeats fail', 'warn');
    this.#loop = new Loop(
      options.heartbeat,
      () => this.#beat(),
      (error) => this.#failures.add(error),
    );
  }

  /** When a heartbeat last reached Redis: ms of the monotonic clock; undefined if none has. */
  get lastBeat(): number | undefined {
    return this.#lastBeat;
  }

  /**
   * Puts the ids into the list.
   *
   * @throws {CgroupError} KEY_TYPE if the list's key holds something foreign
   */
  async start(): Promise<void> {
    await this.#options.registry.beat(undefined, this.#ids(), [], this.#silence);
    this.#lastBeat = performance.now();
    await this.#loop.start();
  }

  /** Ends the heartbeats and takes the ids out of the list. */
  async stop(): Promise<void> {
    await this.#loop.stop();
    await this.#options.registry.beat(undefined, [], this.#ids(), this.#silence);
  }

  async #beat(): Promise<void> {
    const { registry, store, heartbeat, claimAfter, log } = this.#options;
    const [{ live, dead }] = await Promise.all([
      registry.beat(undefined, this.#ids(), [], this.#silence),
      // Half a heartbeat: so no entry is unrenewed for longer than one and a half.
      this.#renew(heartbeat / 2),
    ]);
    this.#lastBeat = performance.now();
    this.#failures.over();
    if (dead.length > 0)
      log.warn(
        { consumers: dead },
        `${plural(dead.length, 'consumer')} ended without leaving the group: ${dead.join(', ')}`,
      );
    if (++this.#beats % SWEEP_EACH !== 0) return;
    const removed = await store.sweep(live, claimAfter);
    if (removed.length > 0)
      log.info(
        { consumers: removed },
        `removed ${plural(removed.length, 'dead consumer')} from the Redis group`,
      );
  }

  /** Renews what was held for longer than `age` ms. A fast processor is done with the rest before it could count as silent. */
  async #renew(age: number): Promise<void> {
    const { store, consumers, onLost } = this.#options;
    await Promise.all(
      consumers.map(async (consumer) => {
        const held = consumer.heldLongerThan(age);
        if (held.length === 0) return;
        const { gone, deleted } = await store.renew(consumer.id, held);
        if (gone.length > 0) consumer.lose(gone);
        if (deleted > 0) onLost(deleted);
      }),
    );
  }

  #ids(): string[] {
    return this.#options.consumers.map((consumer) => consumer.id);
  }
}
