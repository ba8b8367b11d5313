import type { ConsumerStore, Entry, InboxReader } from '../core/consumer-store.js';
import type { ConsumerExecutor, Outcome } from '../core/executor.js';
import { compareIds } from '../core/stream-id.js';
import type { Logger } from '../log/logger.js';
import { repeatedFailures, type ThrottledLog } from '../log/throttle.js';
import { type HeldDelivery, InFlight } from './in-flight.js';
import { Prefetch, type PrefetchOptions } from './prefetch.js';
import type { ReadLimiter } from './read-limiter.js';
import { ReadLoop } from './read-loop.js';
import { isSpent } from './retry-policy.js';
import { Settler, type SettlerOptions } from './settler.js';

/** Bytes of messages that all consumers of a process hold, about: those they read. They take over as many again. */
const MOST_HELD = 128 * 2 ** 20;

export interface ConsumerOptions extends PrefetchOptions, SettlerOptions {
  readonly reader: InboxReader;
  readonly store: ConsumerStore;
  /** One for all consumers of a process. */
  readonly readLimiter: ReadLimiter;
  readonly executor: ConsumerExecutor;
  readonly log: Logger;
  /** Called after each attempt with its duration, ms. */
  readonly onAttempt: ((ms: number) => void) | undefined;
}

/**
 * A consumer of the Redis group, with a loop of its own: it reads entries, has them processed, has the outcomes committed.
 * It is made paused.
 */
export class Consumer {
  readonly id: string;
  readonly #options: ConsumerOptions;
  readonly #prefetch: Prefetch;
  readonly #reading: ReadLoop;
  readonly #settler: Settler;
  readonly #failures: ThrottledLog<unknown>;
  readonly #inFlight = new InFlight(() => this.#onChange());
  /** Deliveries that it read itself, and whose attempt has not begun. */
  #fresh: HeldDelivery[] = [];
  /** Deliveries that it took over. They are older, and begin first. */
  #takenOver: HeldDelivery[] = [];
  #beginning = false;
  #inWork = 0;
  /** A call that takes entries over is under way. */
  #takingOver = false;
  /** The executor closed and interrupted its attempts: the entries must be handed back before others begin. */
  #returning = false;
  #paused = true;
  /** ms of all attempts that have ended. */
  #attemptMs = 0;
  /** Ends the wait under way if it is over. */
  #check: (() => void) | undefined;

  constructor(options: ConsumerOptions) {
    const { id, reader, store, readLimiter, log } = options;
    this.id = id;
    this.#options = options;
    this.#prefetch = new Prefetch(options);
    this.#settler = new Settler(options);
    this.#failures = repeatedFailures(log, `consumer ${id} cannot read`);
    this.#reading = new ReadLoop({
      reader,
      store,
      readLimiter,
      prefetch: this.#prefetch,
      room: () => this.#readCount,
      stalled: () => this.#blocked,
      handBack: () => this.#handBack(),
      onEntries: (entries) => {
        this.#fresh.push(...this.#inFlight.accept(entries, true));
        this.#beginAttempts();
      },
      failures: this.#failures,
      log,
    });
  }

  /** Consumers of the process, this one included: they share what they may hold. */
  set consumers(count: number) {
    this.#prefetch.consumers = count;
  }

  /** Whether its processor cannot run for now: it hands back what it holds, and takes nothing. */
  get stalled(): boolean {
    return this.#options.executor.closed;
  }

  /** ms that it was busy, in attempts that have ended. */
  get busyMs(): number {
    return this.#attemptMs / this.#options.concurrency;
  }

  /** Reads, and begins attempts. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#options.executor.resume();
    // Deliveries that waited in the executor came back to the end.
    for (const waiting of [this.#fresh, this.#takenOver])
      waiting.sort((a, b) => compareIds(a.inboxId, b.inboxId));
    this.#reading.resume();
    this.#beginAttempts();
  }

  /**
   * Reads no more, and begins no further attempt; the attempts in work go on. What waits for its attempt stays held.
   * Resolves when no read is under way.
   */
  pause(): Promise<void> {
    this.#paused = true;
    this.#options.executor.quiet();
    return this.#reading.pause();
  }

  /**
   * How many entries it can take over. They are older than those it reads, and must not wait until a flood of new ones is
   * over: a fast consumer takes them on top of what it holds, and a slow one takes at least one.
   */
  get room(): number {
    if (this.#paused || this.#blocked || this.#holdsMoreThan(2 * this.#share)) return 0;
    const { maxUnprocessed } = this.#prefetch;
    if (maxUnprocessed > this.#options.concurrency) return maxUnprocessed - this.#takenOver.length;
    return Math.max(maxUnprocessed - this.#unprocessed, this.#unprocessed === this.#inWork ? 1 : 0);
  }

  /** Accepts the entries that a call gives it: reclaimed ones, or those whose next attempt is due. */
  async takeOver<Reply extends { readonly entries: readonly Entry[] }>(
    call: () => Promise<Reply>,
  ): Promise<Reply> {
    this.#takingOver = true;
    try {
      const reply = await call();
      this.#takenOver.push(...this.#inFlight.accept(reply.entries, false));
      this.#beginAttempts();
      return reply;
    } finally {
      this.#takingOver = false;
      this.#onChange();
    }
  }

  /** Inbox ids of the entries that it has held for longer than `age` ms and that are not settled. */
  heldLongerThan(age: number): string[] {
    return this.#inFlight.ids(age);
  }

  /** Drops entries that other consumers hold now: the outcomes of its attempts would not count. */
  lose(inboxIds: readonly string[]): void {
    for (const delivery of this.#inFlight.withIds(inboxIds)) {
      if (delivery.settling) continue;
      delivery.release();
      delivery.running?.interrupt('the entry was taken over by another consumer');
    }
  }

  /** Waits until nothing is in work, or the signal is aborted. Call it after {@link pause}. */
  drain(signal: AbortSignal): Promise<void> {
    return this.#until(() => this.#inWork === 0 && !this.#takingOver, signal);
  }

  /** Waits until Redis has all outcomes of its attempts, or the signal is aborted. Call it after {@link drain}. */
  settled(signal: AbortSignal): Promise<void> {
    const settling = [...this.#inFlight].filter((delivery) => delivery.settling);
    return this.#until(() => {
      while (settling.at(-1)?.held === false) settling.pop();
      return settling.length === 0;
    }, signal);
  }

  /** Interrupts the attempts in work: their time is over. */
  interrupt(): void {
    for (const { running } of this.#inFlight) running?.interrupt('the group stops');
  }

  /** Hands back all entries and leaves the Redis group. Resolves to how many entries it handed back. */
  async leave(): Promise<number> {
    const attempts = new Map<string, number>();
    for (const delivery of this.#inFlight) attempts.set(delivery.inboxId, delivery.attempts);
    return this.#options.store.leave(this.id, attempts);
  }

  /** Whether no attempt can begin for now. */
  get #blocked(): boolean {
    return this.stalled || this.#returning;
  }

  get #unprocessed(): number {
    return this.#takenOver.length + this.#fresh.length + this.#inWork;
  }

  /** How many entries to read now; 0 for not yet. */
  get #readCount(): number {
    if (this.#blocked || this.#holdsMoreThan(this.#share)) return 0;
    const { maxInFlight } = this.#prefetch;
    return Math.min(this.#prefetch.readCount(this.#unprocessed), maxInFlight - this.#inFlight.size);
  }

  /** Bytes of messages that it may read and hold. */
  get #share(): number {
    return MOST_HELD / this.#prefetch.consumers;
  }

  /** Whether it has enough in work, and holds so many bytes. */
  #holdsMoreThan(bytes: number): boolean {
    return this.#inFlight.size >= this.#options.concurrency && this.#inFlight.bytes >= bytes;
  }

  /** Waits until something is over, or the signal is aborted. One at a time. */
  #until(over: () => boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (!signal.aborted && !over()) return;
        signal.removeEventListener('abort', check);
        this.#check = undefined;
        resolve();
      };
      signal.addEventListener('abort', check);
      this.#check = check;
      check();
    });
  }

  #onChange(): void {
    this.#reading.wake();
    this.#check?.();
  }

  /** Hands back all entries at once: others need not wait until they count as silent, and no attempt is counted. */
  async #handBack(): Promise<void> {
    const deliveries = [...this.#inFlight];
    // What is settled in a moment must not be processed again by another consumer.
    if (deliveries.some(({ settling, running }) => settling || running)) return;
    try {
      if (deliveries.length > 0) await this.leave();
    } catch (error) {
      this.#failures.add(error);
      return;
    }
    for (const delivery of deliveries) delivery.release();
    this.#fresh = this.#fresh.filter(({ held }) => held);
    this.#takenOver = this.#takenOver.filter(({ held }) => held);
    if (this.#options.executor.closed) return;
    this.#returning = false;
    this.#beginAttempts();
  }

  /**
   * Begins all attempts that can begin. A processor that returns at once ends within this loop, not within a nested one.
   * Taken-over deliveries do not wait in the executor: each is noted as begun in Redis, so it must begin.
   */
  #beginAttempts(): void {
    if (this.#beginning) return;
    if (this.#paused || this.#blocked) {
      this.#onChange();
      return;
    }
    this.#beginning = true;
    const { concurrency, executor } = this.#options;
    let next = 0;
    const depth = Math.min(executor.depth, this.#prefetch.prefetch);
    // A processor may pause its own consumer.
    while (!this.#paused && this.#inWork < (this.#takenOver.length > 0 ? concurrency : depth)) {
      const delivery = this.#takenOver.shift() ?? this.#fresh[next++];
      if (!delivery) break;
      // It was lost while it waited.
      if (!delivery.held) continue;
      this.#inWork++;
      if (delivery.fresh) this.#execute(delivery);
      else void this.#noteAndExecute(delivery);
    }
    this.#fresh.splice(0, next);
    this.#beginning = false;
    this.#reading.wake();
  }

  /** Begins an attempt on an entry that was tried before, or that a dead consumer held: Redis notes the attempt first. */
  async #noteAndExecute(delivery: HeldDelivery): Promise<void> {
    const { inboxId, attempt } = delivery;
    const { store, policy, log } = this.#options;
    if (isSpent(attempt, policy)) {
      this.#settler.giveUp(delivery);
    } else {
      const noted = await store.begin({ inboxId, consumerId: this.id }, attempt).catch((error) => {
        // The entry is pending, whichever consumer has it: it will be reclaimed.
        log.debug({ error, inboxId, attempt }, 'an attempt could not be noted in Redis');
        return false;
      });
      if (noted && !this.#paused) {
        this.#execute(delivery);
        return;
      }
      if (noted) this.#takenOver.push(delivery);
      else delivery.release();
    }
    this.#afterAttempt();
  }

  #execute(delivery: HeldDelivery): void {
    delivery.inWork = true;
    const running = this.#options.executor.execute(delivery, this.#onOutcome);
    if (delivery.inWork) delivery.running = running;
  }

  readonly #onOutcome = (delivery: HeldDelivery, outcome: Outcome, busy: number): void => {
    delivery.inWork = false;
    delivery.running = undefined;
    if (busy > 0) {
      this.#attemptMs += busy;
      this.#prefetch.recordAttempt(busy);
      this.#options.onAttempt?.(busy);
    }
    if (!this.#settler.settle(delivery, outcome)) this.#onInterrupted(delivery);
    this.#afterAttempt();
  };

  /** It waits again, or is handed back, unless another consumer has it. */
  #onInterrupted(delivery: HeldDelivery): void {
    if (!delivery.held) return;
    if (this.#options.executor.closed) this.#returning = true;
    else (delivery.fresh ? this.#fresh : this.#takenOver).push(delivery);
  }

  #afterAttempt(): void {
    this.#inWork--;
    this.#beginAttempts();
  }
}
