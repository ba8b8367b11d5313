import { performance } from 'node:perf_hooks';
import type { ConsumerStore } from '../core/consumer-store.js';
import type { Registry } from '../core/registry.js';
import { Loop, type Service } from '../core/service.js';
import { plural } from '../core/words.js';
import type { Logger } from '../log/logger.js';
import { repeatedFailures, type ThrottledLog } from '../log/throttle.js';

/** Of so many heartbeats, one looks for dead consumers in the Redis group even if none was missed. */
const SWEEP_EACH = 5;
/** Heartbeats that a consumer may miss before its id leaves the list. */
const MISSED_BEATS = 3;

/** What the registry asks of a consumer. */
export interface MemberConsumer {
  readonly id: string;
  /** Inbox ids of the entries held for longer than so many ms. */
  heldSince(age: number): string[];
  lose(inboxIds: readonly string[]): void;
}

export interface HeartbeatsOptions {
  readonly registry: Registry;
  readonly store: ConsumerStore;
  readonly consumers: readonly MemberConsumer[];
  /** ms between two heartbeats. */
  readonly heartbeat: number;
  /** Silence after which a consumer's messages are given to others, ms. */
  readonly claimAfter: number;
  readonly log: Logger;
  /** Entries that somebody deleted from the inbox while they were pending. */
  readonly onLost: (count: number) => void;
}

/**
 * The signs of life of this process's consumers: heartbeats, from which `consumer:ids` is made, and the
 * renewal of what they hold. It also removes the dead of all processes.
 */
export class Heartbeats implements Service {
  readonly #options: HeartbeatsOptions;
  readonly #loop: Loop;
  readonly #failures: ThrottledLog<unknown>;
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
   * @throws {CgroupError} KEY_TYPE where the list's key holds something foreign
   */
  async start(): Promise<void> {
    await this.#options.registry.beat(this.#ids(), [], this.#silence);
    this.#lastBeat = performance.now();
    await this.#loop.start();
  }

  /** Ends the heartbeats and takes the ids out of the list. */
  async stop(): Promise<void> {
    await this.#loop.stop();
    await this.#options.registry.beat([], this.#ids(), this.#silence);
  }

  async #beat(): Promise<void> {
    const { registry, store, heartbeat, claimAfter, log } = this.#options;
    const [{ live, dead }] = await Promise.all([
      registry.beat(this.#ids(), [], this.#silence),
      // Half a beat, so that nothing is older than one and a half when its next renewal comes.
      this.#renew(heartbeat / 2),
    ]);
    this.#lastBeat = performance.now();
    this.#failures.over();
    if (dead.length > 0)
      log.warn(
        { consumers: dead },
        `${plural(dead.length, 'consumer is', 'consumers are')} gone without a goodbye: ${dead.join(', ')}`,
      );
    if (++this.#beats % SWEEP_EACH !== 0) return;
    const removed = await store.sweep(live, claimAfter);
    if (removed.length > 0)
      log.info(
        { consumers: removed },
        `removed ${plural(removed.length, 'dead consumer')} from the Redis group`,
      );
  }

  /** Only what has been held for a while: a fast processor is done with the rest before anybody could miss it. */
  async #renew(age: number): Promise<void> {
    const { store, consumers, onLost } = this.#options;
    await Promise.all(
      consumers.map(async (consumer) => {
        const held = consumer.heldSince(age);
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
