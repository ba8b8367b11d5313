import { bytesOf, type ConsumerStore, type Entry, type InboxReader } from '../core/consumer-store.js';
import { hasCode, messageOf } from '../core/errors.js';
import type { ConsumerExecutor, Outcome } from '../core/executor.js';
import { ReadSize } from '../core/read-size.js';
import { aborted, pause } from '../core/service.js';
import type { Logger } from '../log/logger.js';
import { repeatedFailures, type ThrottledLog } from '../log/throttle.js';
import { type HeldDelivery, InFlight } from './in-flight.js';
import { Prefetch, type PrefetchOptions } from './prefetch.js';
import type { ReadLimiter } from './read-limiter.js';
import { isSpent } from './retry-policy.js';
import { Settler, type SettlerOptions } from './settler.js';

/** ms that a read waits for the first entry. Finite: on a half-open connection it would block for ever. */
const BLOCK = 2_000;
/** Bytes of messages that all consumers of a process hold, about: those they read. They take over as many again. */
const MOST_HELD = 128 * 2 ** 20;
/** ms to wait after a read that failed. */
const RETRY_EVERY = 200;

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

/** A consumer of the Redis group, with a loop of its own: it reads entries, has them processed, has the outcomes committed. */
export class Consumer {
  readonly id: string;
  readonly #options: ConsumerOptions;
  readonly #prefetch: Prefetch;
  readonly #readSize = new ReadSize(Number.POSITIVE_INFINITY);
  readonly #settler: Settler;
  readonly #failures: ThrottledLog<unknown>;
  readonly #inFlight = new InFlight(() => this.#wake?.());
  /** Deliveries that it read itself, and whose attempt has not begun. */
  #fresh: HeldDelivery[] = [];
  /** Deliveries that it took over. They are older, and begin first. */
  #takenOver: HeldDelivery[] = [];
  #beginning = false;
  #inWork = 0;
  /** The executor closed and interrupted its attempts: the entries must be handed back before others begin. */
  #returning = false;
  #quiet = new AbortController();
  #reading: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  #onIdle: (() => void)[] = [];

  constructor(options: ConsumerOptions) {
    this.id = options.id;
    this.#options = options;
    this.#prefetch = new Prefetch(options);
    this.#settler = new Settler(options);
    this.#failures = repeatedFailures(options.log, `consumer ${options.id} cannot read`);
  }

  start(): void {
    this.#reading ??= this.#readUntilQuiet();
  }

  /**
   * How many entries it can take over. They are older than those it reads, and must not wait until a flood of new ones is
   * over: a fast consumer takes them on top of what it holds, and a slow one takes at least one.
   */
  get room(): number {
    if (this.#quiet.signal.aborted || this.#stalled || this.#holdsMoreThan(2 * this.#share)) return 0;
    const { maxUnprocessed } = this.#prefetch;
    if (maxUnprocessed > this.#options.concurrency) return maxUnprocessed - this.#takenOver.length;
    return Math.max(maxUnprocessed - this.#unprocessed, this.#unprocessed === this.#inWork ? 1 : 0);
  }

  /** Accepts entries that were reclaimed, or whose next attempt is due. */
  takeOver(entries: readonly Entry[]): void {
    this.#takenOver.push(...this.#inFlight.accept(entries, false));
    this.#beginAttempts();
  }

  /** Inbox ids of the entries that it has held for longer than `age` ms and that are not settled. */
  heldLongerThan(age: number): string[] {
    return this.#inFlight.ids(age);
  }

  /** Drops entries that other consumers hold now: the outcomes of its attempts would not count. */
  lose(inboxIds: readonly string[]): void {
    for (const delivery of this.#inFlight.withIds(inboxIds)) {
      if (delivery.settling) continue;
      if (delivery.running) delivery.running.interrupt('the entry was taken over by another consumer');
      else delivery.release();
    }
  }

  /** Stops reading and begins no further attempt; the attempts in work go on. */
  async quiet(): Promise<void> {
    this.#quiet.abort();
    this.#wake?.();
    const { reader, executor } = this.#options;
    executor.quiet();
    let reading = this.#reading !== undefined;
    const ended = Promise.resolve(this.#reading).then(() => {
      reading = false;
    });
    // Makes a waiting read return empty. Repeated, because the call may overtake the read.
    while (reading) {
      await reader.unblock().catch(() => {}); // then the read ends by itself, a little later
      await Promise.race([ended, pause(50)]);
    }
  }

  /** Waits until nothing is in work, or the signal is aborted. */
  async drain(signal: AbortSignal): Promise<void> {
    while (this.#inWork > 0 && !signal.aborted)
      await Promise.race([aborted(signal), new Promise<void>((resolve) => this.#onIdle.push(resolve))]);
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
  get #stalled(): boolean {
    return this.#options.executor.closed || this.#returning;
  }

  get #unprocessed(): number {
    return this.#takenOver.length + this.#fresh.length + this.#inWork;
  }

  /** How many entries to read now; 0 for not yet. */
  get #readCount(): number {
    if (this.#stalled || this.#holdsMoreThan(this.#share)) return 0;
    const { maxInFlight } = this.#prefetch;
    const count = Math.min(this.#prefetch.readCount(this.#unprocessed), maxInFlight - this.#inFlight.size);
    return Math.max(Math.min(count, this.#readSize.count), 0);
  }

  /** Bytes of messages that it may read and hold. */
  get #share(): number {
    return MOST_HELD / this.#options.consumers;
  }

  /** Whether it has enough in work, and holds so many bytes. */
  #holdsMoreThan(bytes: number): boolean {
    return this.#inFlight.size >= this.#options.concurrency && this.#inFlight.bytes >= bytes;
  }

  async #readUntilQuiet(): Promise<void> {
    const { signal } = this.#quiet;
    while (!signal.aborted) {
      if (this.#stalled) {
        await this.#handBack();
        await pause(RETRY_EVERY, signal);
        continue;
      }
      if (this.#readCount === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
        continue;
      }
      try {
        if (this.#prefetch.busy) await this.#readInTurn();
        else await this.#readOnce(this.#readCount, BLOCK);
      } catch (error) {
        if (signal.aborted) return;
        // The next read may wait for a connection: it must not have a turn meanwhile.
        this.#prefetch.recordFailedRead();
        if (hasCode(error, 'NO_GROUP')) await this.#makeGroupAgain();
        else {
          this.#readSize.failed();
          this.#failures.add(error);
        }
        await pause(RETRY_EVERY, signal);
      }
    }
  }

  /** More entries wait in the inbox: the consumers of the process read in turn, and no read waits in Redis. */
  async #readInTurn(): Promise<void> {
    const { readLimiter } = this.#options;
    const count = await readLimiter.acquire(() => this.#readCount, this.#quiet.signal);
    if (count === 0) return;
    try {
      await this.#readOnce(count, undefined);
    } finally {
      readLimiter.release(count);
    }
  }

  /** A function of its own: inside the loop, the last entries would stay referenced until the next read. */
  async #readOnce(count: number, block: number | undefined): Promise<void> {
    const entries = await this.#options.reader.read(count, block);
    this.#failures.over();
    this.#prefetch.recordRead(entries.length, count);
    this.#readSize.came(entries.length, bytesOf(entries));
    this.#fresh.push(...this.#inFlight.accept(entries, true));
    this.#beginAttempts();
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

  async #makeGroupAgain(): Promise<void> {
    const { store, log } = this.#options;
    try {
      if (await store.prepare())
        log.warn({}, 'the consumer group was gone (flushed or destroyed): it was made anew, from 0');
    } catch (error) {
      log.warn({ error }, `the consumer group is gone and cannot be made anew yet: ${messageOf(error)}`);
    }
  }

  /**
   * Begins all attempts that can begin. A processor that returns at once ends within this loop, not within a nested one.
   * Taken-over deliveries do not wait in the executor: each is noted as begun in Redis, so it must begin.
   */
  #beginAttempts(): void {
    if (this.#beginning || this.#quiet.signal.aborted) return;
    if (this.#stalled) {
      this.#wake?.();
      return;
    }
    this.#beginning = true;
    const { concurrency, executor } = this.#options;
    let next = 0;
    const depth = Math.min(executor.depth, this.#prefetch.prefetch);
    while (this.#inWork < (this.#takenOver.length > 0 ? concurrency : depth)) {
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
    this.#wake?.();
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
      if (noted && !this.#quiet.signal.aborted) {
        this.#execute(delivery);
        return;
      }
      // Once the consumer is quiet it stays held, to be handed back.
      if (!noted) delivery.release();
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
      this.#prefetch.recordAttempt(busy);
      this.#options.onAttempt?.(busy);
    }
    if (!this.#settler.settle(delivery, outcome)) this.#onInterrupted(delivery);
    this.#afterAttempt();
  };

  #onInterrupted(delivery: HeldDelivery): void {
    // If the group stops, or the thread cannot go on, it stays held, to be handed back. Otherwise another consumer has it.
    if (this.#quiet.signal.aborted) return;
    if (this.#options.executor.closed) this.#returning = true;
    else delivery.release();
  }

  #afterAttempt(): void {
    this.#inWork--;
    if (this.#inWork === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
    this.#beginAttempts();
  }
}
