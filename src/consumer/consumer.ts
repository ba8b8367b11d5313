import type { ConsumerStore, Entry, InboxReader } from '../core/consumer-store.js';
import { hasCode, messageOf } from '../core/errors.js';
import { pause } from '../core/service.js';
import type { Logger } from '../log/logger.js';
import { repeatedFailures, type ThrottledLog } from '../log/throttle.js';
import type { ConsumerExecutor, Outcome } from '../processor/executor.js';
import type { Committer } from './committer.js';
import { type Delivery, InFlight } from './in-flight.js';
import { Prefetch, type PrefetchOptions } from './prefetch.js';
import type { ReadLimiter } from './read-limiter.js';
import { isSpent, type RetryPolicy } from './retry-policy.js';
import { type Failure, Settler } from './settler.js';

/** ms that a read waits for the first entry: finite, because a half-open connection would block for ever. */
const BLOCK = 2_000;
/** ms to wait after a read that failed. */
const RETRY_EVERY = 200;

export interface ConsumerOptions extends PrefetchOptions {
  readonly id: string;
  readonly reader: InboxReader;
  readonly store: ConsumerStore;
  readonly committer: Committer;
  /** The same for all consumers of a process. */
  readonly admission: ReadLimiter;
  /** Where its messages are processed. */
  readonly lane: ConsumerExecutor;
  readonly policy: RetryPolicy;
  readonly log: Logger;
  readonly onFailure: (failure: Failure) => void;
  /** Told how many ms each attempt took. */
  readonly onAttempt: ((ms: number) => void) | undefined;
}

/** A member of the Redis consumer group, with a loop of its own: reads, processes, has the outcome committed. */
export class Consumer {
  readonly id: string;
  readonly #options: ConsumerOptions;
  readonly #sizer: Prefetch;
  readonly #outcomes: Settler;
  readonly #failures: ThrottledLog<unknown>;
  readonly #held = new InFlight(() => this.#wake?.());
  #queue: Delivery[] = [];
  /** Those that come from elsewhere: they are older, and begun first. */
  #takenOver: Delivery[] = [];
  #pumping = false;
  #inWork = 0;
  /** Its lane was closed, and let go of what is held: it is to be handed back before anything else is begun. */
  #returning = false;
  #quiet = new AbortController();
  #reading: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  #onIdle: (() => void)[] = [];

  constructor(options: ConsumerOptions) {
    this.id = options.id;
    this.#options = options;
    this.#sizer = new Prefetch(options);
    const { id: consumerId, committer, policy, onFailure } = options;
    this.#outcomes = new Settler({ consumerId, committer, policy, onFailure });
    this.#failures = repeatedFailures(options.log, `consumer ${options.id} cannot read`);
  }

  start(): void {
    this.#reading ??= this.#read();
  }

  /**
   * How many entries it could take from elsewhere. They are older than what it reads, and must not wait until a
   * flood of new ones is over: a fast consumer takes them on top of what it holds, and a slow one at least one.
   */
  get room(): number {
    if (this.#quiet.signal.aborted || this.#stalled) return 0;
    const { maxUnprocessed } = this.#sizer;
    if (maxUnprocessed > this.#options.concurrency) return maxUnprocessed - this.#takenOver.length;
    return Math.max(maxUnprocessed - this.#unprocessed, this.#unprocessed === this.#inWork ? 1 : 0);
  }

  /** Takes entries that were reclaimed or are due again. */
  accept(entries: readonly Entry[]): void {
    this.#take(entries, false);
  }

  /** Inbox ids of the entries that it has held for longer than `age` ms and that are not settled. */
  heldSince(age: number): string[] {
    return this.#held.ids(age);
  }

  /** The entries are others' now: attempts on them are in vain. */
  lose(inboxIds: readonly string[]): void {
    for (const holding of this.#held.among(inboxIds)) {
      if (holding.ended) continue;
      if (holding.running) holding.running.interrupt('the entry was taken over by another consumer');
      else this.#held.release(holding);
    }
  }

  /** Stops reading and beginning; what is in work goes on. */
  async quiet(): Promise<void> {
    this.#quiet.abort();
    this.#wake?.();
    const { reader, lane } = this.#options;
    lane.quiet();
    let reading = this.#reading !== undefined;
    const ended = Promise.resolve(this.#reading).then(() => {
      reading = false;
    });
    // A read that waits comes back empty. Again and again, because the call may overtake the read.
    while (reading) {
      await reader.unblock().catch(() => {}); // it ends by itself then, a little later
      await Promise.race([ended, pause(50)]);
    }
  }

  /** Waits until nothing is in work, at most until the promise given resolves. */
  async drain(until: Promise<void>): Promise<void> {
    let over = false;
    void until.then(() => {
      over = true;
    });
    while (this.#inWork > 0 && !over)
      await Promise.race([until, new Promise<void>((resolve) => this.#onIdle.push(resolve))]);
  }

  /** Interrupts what is in work: it has had its time. */
  interrupt(): void {
    for (const { running } of this.#held) running?.interrupt('the group stops');
  }

  /** Hands back what it holds and leaves the Redis group. Returns how many entries it handed back. */
  async leave(): Promise<number> {
    const attempts = new Map<string, number>();
    for (const holding of this.#held) attempts.set(holding.inboxId, holding.attempts);
    return this.#options.store.leave(this.id, attempts);
  }

  /** Whether there is nobody to do the work. */
  get #stalled(): boolean {
    return this.#options.lane.closed || this.#returning;
  }

  get #unprocessed(): number {
    return this.#takenOver.length + this.#queue.length + this.#inWork;
  }

  /** How many entries to read now; 0 for not yet. */
  get #roomToRead(): number {
    if (this.#stalled) return 0;
    const room = Math.min(
      this.#sizer.readCount(this.#unprocessed),
      this.#sizer.maxInFlight - this.#held.size,
    );
    return Math.max(room, 0);
  }

  async #read(): Promise<void> {
    const { signal } = this.#quiet;
    while (!signal.aborted) {
      if (this.#stalled) {
        await this.#handBack();
        await pause(RETRY_EVERY, signal);
        continue;
      }
      if (this.#roomToRead === 0) {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
        continue;
      }
      try {
        if (this.#sizer.busy) await this.#readInTurn();
        else await this.#readOnce(this.#roomToRead, BLOCK);
      } catch (error) {
        if (signal.aborted) return;
        // Whoever waits for a connection stands in nobody's way.
        this.#sizer.readFailed();
        if (hasCode(error, 'NO_GROUP')) await this.#remake();
        else this.#failures.add(error);
        await pause(RETRY_EVERY, signal);
      }
    }
  }

  /** More is waiting: all consumers of the process read in turn, and none waits in Redis while it is the others' turn. */
  async #readInTurn(): Promise<void> {
    const { admission } = this.#options;
    const room = await admission.acquire(() => this.#roomToRead, this.#quiet.signal);
    if (room === 0) return;
    try {
      await this.#readOnce(room, undefined);
    } finally {
      admission.release(room);
    }
  }

  /** A call of its own, for a loop would keep what it read last until it reads again. */
  async #readOnce(room: number, block: number | undefined): Promise<void> {
    const entries = await this.#options.reader.read(room, block);
    this.#failures.over();
    this.#sizer.read(entries.length, room);
    this.#take(entries, true);
  }

  /** Without waiting for the time after which others take over from the silent, and without an attempt counted. */
  async #handBack(): Promise<void> {
    const holdings = [...this.#held];
    // What is settled in a moment is not to be done by another.
    if (holdings.some(({ ended, running }) => ended || running)) return;
    try {
      if (holdings.length > 0) await this.leave();
    } catch (error) {
      this.#failures.add(error);
      return;
    }
    for (const holding of holdings) this.#held.release(holding);
    this.#queue = this.#queue.filter(({ held }) => held);
    this.#takenOver = this.#takenOver.filter(({ held }) => held);
    if (this.#options.lane.closed) return;
    this.#returning = false;
    this.#pump();
  }

  async #remake(): Promise<void> {
    const { store, log } = this.#options;
    try {
      if (await store.prepare())
        log.warn({}, 'the consumer group was gone (flushed or destroyed): it was made anew, from 0');
    } catch (error) {
      log.warn({ error }, `the consumer group is gone and cannot be made anew yet: ${messageOf(error)}`);
    }
  }

  #take(entries: readonly Entry[], fresh: boolean): void {
    (fresh ? this.#queue : this.#takenOver).push(...this.#held.add(entries, fresh));
    this.#pump();
  }

  /**
   * Begins what can be begun. A processor that returns at once ends within this loop, not within itself. Those from
   * elsewhere do not wait in the lane: each is noted as begun, and must be.
   */
  #pump(): void {
    if (this.#pumping || this.#quiet.signal.aborted) return;
    if (this.#stalled) {
      this.#wake?.();
      return;
    }
    this.#pumping = true;
    const { concurrency, lane } = this.#options;
    let next = 0;
    const depth = Math.min(lane.depth, this.#sizer.prefetch);
    while (this.#inWork < (this.#takenOver.length > 0 ? concurrency : depth)) {
      const holding = this.#takenOver.shift() ?? this.#queue[next++];
      if (!holding) break;
      // Those that were lost while they lay in the queue are no longer held.
      if (!holding.held) continue;
      this.#inWork++;
      if (holding.fresh) this.#process(holding);
      else void this.#beginAgain(holding);
    }
    this.#queue.splice(0, next);
    this.#pumping = false;
    this.#wake?.();
  }

  /** An entry that was tried before, or lay with a dead consumer: its attempt is noted first. */
  async #beginAgain(holding: Delivery): Promise<void> {
    const { inboxId, attempt } = holding;
    const { store, policy } = this.#options;
    if (isSpent(attempt, policy)) {
      this.#inWork--;
      this.#outcomes.giveUp(holding);
      holding.end();
      this.#next();
      return;
    }
    try {
      if (await store.begin({ inboxId, consumerId: this.id }, attempt)) {
        if (!this.#quiet.signal.aborted) {
          this.#process(holding);
          return;
        }
        this.#inWork--; // it stays held, to be handed back
        this.#next();
        return;
      }
    } catch (error) {
      // Whoever has it, the entry is pending: it will be reclaimed.
      this.#options.log.debug({ error, inboxId, attempt }, 'an attempt could not be begun');
    }
    this.#inWork--;
    this.#held.release(holding);
    this.#next();
  }

  #process(holding: Delivery): void {
    holding.inWork = true;
    const running = this.#options.lane.execute(holding, this.#onOutcome);
    if (holding.inWork) holding.running = running;
  }

  readonly #onOutcome = (holding: Delivery, outcome: Outcome, busy: number): void => {
    holding.inWork = false;
    holding.running = undefined;
    this.#inWork--;
    if (busy > 0) {
      this.#sizer.measured(busy);
      this.#options.onAttempt?.(busy);
    }
    this.#end(holding, outcome);
    this.#next();
  };

  #end(holding: Delivery, outcome: Outcome): void {
    if (this.#outcomes.settle(holding, outcome)) {
      holding.end();
      return;
    }
    // While the group stops, or its thread cannot go on, it stays held, to be handed back; otherwise it is another's.
    if (this.#quiet.signal.aborted) return;
    if (this.#options.lane.closed) this.#returning = true;
    else this.#held.release(holding);
  }

  #next(): void {
    if (this.#inWork === 0) for (const resolve of this.#onIdle.splice(0)) resolve();
    this.#pump();
  }
}
