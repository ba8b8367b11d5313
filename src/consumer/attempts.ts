import type { ConsumerStore } from '../core/consumer-store.js';
import { type ConsumerExecutor, INTERRUPTED, type Outcome } from '../core/executor.js';
import type { Logger } from '../log/logger.js';
import { AttemptTimes, type AttemptTimesOptions } from './attempt-times.js';
import type { HeldDelivery } from './in-flight.js';
import type { Prefetch } from './prefetch.js';
import { isSpent } from './retry-policy.js';
import type { Settler, SettlerOptions } from './settler.js';
import type { SharedPlaces } from './shared-places.js';
import type { WaitingDeliveries } from './waiting.js';

export interface AttemptsOptions extends AttemptTimesOptions {
  readonly id: string;
  readonly executor: ConsumerExecutor;
  /** Attempts in work at a time. */
  readonly concurrency: number;
  readonly prefetch: Prefetch;
  readonly waiting: WaitingDeliveries;
  readonly store: Pick<ConsumerStore, 'begin'>;
  readonly settler: Settler;
  readonly policy: SettlerOptions['policy'];
  /** Only if the consumer has several lanes. */
  readonly places: SharedPlaces | undefined;
  /** There may be room, or nothing in work. */
  readonly onChange: () => void;
  /** All places of the executor are taken, and a message takes long. */
  readonly onFull: () => void;
  readonly log: Logger;
}

/** The attempts of one consumer: which begin now, and what becomes of those that end. */
export class Attempts {
  readonly times: AttemptTimes;
  /** None begins until the consumer is resumed. */
  paused = true;
  /**
   * What the consumer holds goes back before others begin: the executor closed and interrupted its attempts, or other lanes have
   * its places.
   */
  returning = false;
  readonly #options: AttemptsOptions;
  #beginning = false;
  #inWork = 0;
  #noting = 0;
  /** Those of which Redis has noted that they begin, and that found no place then. */
  readonly #noted = new WeakSet<HeldDelivery>();

  constructor(options: AttemptsOptions) {
    this.#options = options;
    this.times = new AttemptTimes(options.prefetch, options);
  }

  /** Those that have begun, or are about to. */
  get inWork(): number {
    return this.#inWork;
  }

  /** Those of which Redis has yet to note that they begin. */
  get noting(): number {
    return this.#noting;
  }

  /** Whether none can begin for now. */
  get blocked(): boolean {
    return this.#options.executor.closed || this.returning;
  }

  /** Whether attempts begin now: no others may begin meanwhile. */
  get beginning(): boolean {
    return this.#beginning;
  }

  /**
   * Begins all attempts that can begin. A processor that returns at once ends within this loop, not within a nested one.
   * Taken-over deliveries do not wait in the executor: each is noted as begun in Redis, so it must begin.
   */
  begin(): void {
    if (this.#beginning) return;
    const { waiting, onChange } = this.#options;
    if (!this.paused && !this.blocked) {
      this.#beginning = true;
      const depth = this.#depth;
      while (this.#beginNext(depth));
      waiting.compact();
      this.#beginning = false;
    }
    onChange();
  }

  /** Begins one attempt if it can; returns whether it did. */
  beginOne(): boolean {
    if (this.#beginning || this.paused || this.blocked) return false;
    this.#beginning = true;
    const has = this.#beginNext(this.#depth);
    this.#beginning = false;
    return has;
  }

  /** Makes attempts that end at once: no others begin meanwhile. */
  alone<T>(work: () => T): T {
    this.#beginning = true;
    try {
      return work();
    } finally {
      this.#beginning = false;
    }
  }

  /** An attempt has begun in the executor, outside of {@link begin}. */
  begun(): void {
    this.#inWork++;
    this.#options.places?.take();
  }

  /** How many fresh ones may be in work: the executor lets those beyond the concurrency wait. */
  get #depth(): number {
    const { executor, prefetch } = this.#options;
    return Math.min(executor.depth, prefetch.prefetch);
  }

  #beginNext(depth: number): boolean {
    const { waiting, concurrency, places } = this.#options;
    const most = waiting.others > 0 ? concurrency : depth;
    // A processor may pause its own consumer.
    if (this.paused || this.#inWork >= most || (places && !this.#hasPlace(most, places))) return false;
    const delivery = waiting.take();
    if (!delivery) return false;
    this.#inWork++;
    if (delivery.fresh || this.#noted.delete(delivery)) this.#execute(delivery);
    else void this.#noteAndExecute(delivery);
    return true;
  }

  /**
   * Whether the executor has a place for one more of this lane. One that lets deliveries wait holds what all lanes may have in it,
   * and some of each lane: another lane may have filled it.
   */
  #hasPlace(most: number, places: SharedPlaces): boolean {
    const { concurrency, executor } = this.#options;
    if (executor.depth !== Number.POSITIVE_INFINITY) return places.taken < executor.depth;
    return places.taken < most || this.#inWork - this.#noting < concurrency;
  }

  /** Begins an attempt on an entry that was tried before, or that a dead consumer held: Redis notes the attempt first. */
  async #noteAndExecute(delivery: HeldDelivery): Promise<void> {
    const { entryId, inboxId, attempt } = delivery;
    const { id, store, settler, policy, waiting, places, concurrency, log } = this.#options;
    this.#noting++;
    if (isSpent(attempt, policy)) {
      settler.giveUp(delivery);
    } else {
      const noted = await store.begin({ entryId, consumerId: id }, attempt).catch((error) => {
        // The entry is pending, whichever consumer has it: it will be reclaimed.
        log.debug({ error, inboxId, attempt }, 'an attempt could not be noted in Redis');
        return false;
      });
      // A lane whose Redis does not answer keeps no place meanwhile: another lane may have taken it.
      if (noted && !this.paused && (!places || this.#hasPlace(concurrency, places))) {
        this.#noting--;
        this.#execute(delivery);
        return;
      }
      if (noted && places) this.#noted.add(delivery);
      if (noted) waiting.add(delivery);
      else delivery.release();
    }
    this.#noting--;
    this.#inWork--;
    this.begin();
  }

  #execute(delivery: HeldDelivery): void {
    const { executor, places } = this.#options;
    places?.take();
    delivery.inWork = true;
    const running = executor.execute(delivery, this.onOutcome);
    if (!delivery.inWork) return;
    delivery.running = running;
    if (places) this.#checkFull(places);
  }

  #checkFull({ taken }: SharedPlaces): void {
    const { concurrency, prefetch, onFull } = this.#options;
    if (taken >= concurrency && prefetch.slow) onFull();
  }

  readonly onOutcome = (delivery: HeldDelivery, outcome: Outcome, busy: number): void => {
    const { settler, waiting, places } = this.#options;
    delivery.inWork = false;
    delivery.running = undefined;
    if (busy > 0) this.times.add(busy);
    const { pack } = delivery;
    if (outcome.kind === 'interrupted') this.#onInterrupted(delivery);
    else if (pack) {
      pack.end(delivery.number, outcome, busy);
      waiting.addFollower(delivery);
    } else settler.settle(delivery, outcome, busy);
    if (this.paused) pack?.closeIdle();
    this.#inWork--;
    places?.free();
    this.begin();
  };

  /** It waits again, or is handed back, unless another consumer has it. */
  #onInterrupted(delivery: HeldDelivery): void {
    const { executor, waiting } = this.#options;
    if (!delivery.held) return;
    if (delivery.pack?.closed) delivery.pack.end(delivery.number, INTERRUPTED, 0);
    else if (executor.closed) this.returning = true;
    else waiting.add(delivery);
  }
}
