import type { ConsumerStore, Renewed } from '../core/consumer-store.js';
import { Loop, type Service } from '../core/service.js';
import { plural } from '../core/words.js';
import type { Logger } from '../log/logger.js';
import { repeatedFailures, type ThrottledLog } from '../log/throttle.js';
import type { Consumer } from './consumer.js';

/** Every 5th renewal also removes dead consumers from the Redis group. */
const SWEEP_EACH = 5;

export interface RenewalOptions {
  readonly store: Pick<ConsumerStore, 'renew' | 'renewPacks' | 'sweep'>;
  /** The consumers of this process in the lane, also those that leave. */
  readonly consumers: () => readonly Pick<Consumer, 'id' | 'heldLongerThan' | 'lose'>[];
  /** The live consumers of all processes, by the last heartbeat; undefined if that has failed. */
  readonly live: () => readonly string[] | undefined;
  /** ms between two renewals. */
  readonly heartbeat: number;
  /** Silence after which a consumer's messages are given to others, ms. */
  readonly claimAfter: number;
  readonly log: Logger;
  /** Called with how many pending messages another client deleted. */
  readonly onLost: (count: number) => void;
}

/**
 * The signs of life of the consumers of a process in one lane: it renews what they hold. Also removes the dead consumers of all
 * processes from the Redis group of the lane. Each lane has its own, so that a node that does not answer delays no other lane.
 */
export class Renewal implements Service {
  readonly #options: RenewalOptions;
  readonly #loop: Loop;
  readonly #failures: ThrottledLog<unknown>;
  #renewals = 0;

  constructor(options: RenewalOptions) {
    this.#options = options;
    this.#failures = repeatedFailures(options.log, 'held messages cannot be renewed');
    this.#loop = new Loop(
      options.heartbeat,
      async () => {
        await this.#renew();
        await this.#sweep();
        this.#failures.over();
      },
      (error) => this.#failures.add(error),
    );
  }

  start(): Promise<void> {
    return this.#loop.start();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  /**
   * Renews what was held for longer than half a heartbeat: so no entry is unrenewed for longer than one and a half. A fast
   * processor is done with the rest before it could count as silent.
   */
  async #renew(): Promise<void> {
    const { store, consumers, heartbeat } = this.#options;
    await Promise.all(
      consumers().map(async (consumer) => {
        const { entries, packs } = consumer.heldLongerThan(heartbeat / 2);
        await Promise.all([
          this.#renewOf(consumer, entries, (ids) => store.renew(consumer.id, ids)),
          this.#renewOf(consumer, packs, (ids) => store.renewPacks(consumer.id, ids)),
        ]);
      }),
    );
  }

  async #renewOf(
    consumer: Pick<Consumer, 'lose'>,
    ids: readonly string[],
    renew: (ids: readonly string[]) => Promise<Renewed>,
  ): Promise<void> {
    if (ids.length === 0) return;
    const { gone, deleted } = await renew(ids);
    if (gone.length > 0) consumer.lose(gone);
    if (deleted > 0) this.#options.onLost(deleted);
  }

  async #sweep(): Promise<void> {
    const { store, live, claimAfter, log } = this.#options;
    if (++this.#renewals % SWEEP_EACH !== 0) return;
    const ids = live();
    if (!ids) return;
    const removed = await store.sweep(ids, claimAfter);
    if (removed.length > 0)
      log.info(
        { consumers: removed },
        `removed ${plural(removed.length, 'dead consumer')} from the Redis group`,
      );
  }
}
