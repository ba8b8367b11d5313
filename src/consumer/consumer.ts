import type { ConsumerStore, Entry, InboxReader, Pack, ReadEntries } from '../core/consumer-store.js';
import { type ConsumerExecutor, INTERRUPTED, type Outcome } from '../core/executor.js';
import type { OrderWindow } from '../core/order-window.js';
import type { Logger } from '../log/logger.js';
import { repeatedFailures, type ThrottledLog } from '../log/throttle.js';
import { AttemptTimes, type AttemptTimesOptions } from './attempt-times.js';
import { type HeldDelivery, type HeldIds, InFlight } from './in-flight.js';
import { PackHold } from './pack-hold.js';
import { runPack } from './pack-run.js';
import { AT_ONCE, Prefetch, type PrefetchOptions } from './prefetch.js';
import type { ReadLimiter } from './read-limiter.js';
import { ReadLoop } from './read-loop.js';
import { isSpent } from './retry-policy.js';
import { Room } from './room.js';
import { Settler, type SettlerOptions } from './settler.js';
import { Wait } from './wait.js';
import { WaitingDeliveries } from './waiting.js';

export interface ConsumerOptions extends PrefetchOptions, SettlerOptions, AttemptTimesOptions {
  readonly reader: InboxReader;
  readonly store: ConsumerStore;
  /** One for all consumers of a process. */
  readonly readLimiter: ReadLimiter;
  readonly executor: ConsumerExecutor;
  /** Whether it processes no packs but those of messages of one key: it gives the others back. */
  readonly onlyRuns?: boolean;
  /** In total order only. */
  readonly window?: OrderWindow | undefined;
  readonly log: Logger;
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
  readonly #waiting: WaitingDeliveries;
  readonly #wait = new Wait();
  readonly #room: Room;
  readonly #times: AttemptTimes;
  #beginning = false;
  #inWork = 0;
  /** A call that takes entries over is under way. */
  #takingOver = false;
  /** The executor closed and interrupted its attempts: the entries must be handed back before others begin. */
  #returning = false;
  #paused = true;

  constructor(options: ConsumerOptions) {
    const { id, reader, store, readLimiter, window, log } = options;
    this.id = id;
    this.#options = options;
    this.#prefetch = new Prefetch(options);
    this.#waiting = new WaitingDeliveries(window);
    this.#room = new Room({
      prefetch: this.#prefetch,
      inFlight: this.#inFlight,
      waiting: this.#waiting,
      concurrency: options.concurrency,
      inWork: () => this.#inWork,
      window,
    });
    this.#times = new AttemptTimes(this.#prefetch, options);
    this.#settler = new Settler(options);
    this.#failures = repeatedFailures(log, `consumer ${id} cannot read`);
    this.#reading = new ReadLoop({
      ...{ reader, store, readLimiter },
      prefetch: this.#prefetch,
      room: () => (this.#blocked ? 0 : this.#room.toRead),
      stalled: () => this.#blocked,
      handBack: () => this.#handBack(),
      onRead: ({ packs, entries }) => {
        const end = performance.now() + AT_ONCE;
        for (const pack of packs) this.#acceptPack(pack, end);
        this.#accept(entries, true);
        this.beginAttempts();
      },
      failures: this.#failures,
      log,
    });
  }

  /** Consumers of the process, this one included: they share what they may hold. */
  set consumers(count: number) {
    this.#prefetch.consumers = count;
  }

  /** Whether its processor cannot run for now: at most, it takes a message to try whether it can again. */
  get stalled(): boolean {
    const { executor } = this.#options;
    return executor.away ?? executor.closed;
  }

  /** ms that it was busy, in attempts that have ended. */
  get busyMs(): number {
    return this.#times.total / this.#options.concurrency;
  }

  /** Most messages that a pack should have for this consumer; 1 for no packs; undefined if nothing is measured yet. */
  get packSize(): number | undefined {
    return this.#prefetch.packSize;
  }

  /** Reads, and begins attempts. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#options.executor.resume();
    // Deliveries that waited in the executor came back to the end.
    this.#waiting.sort();
    this.#reading.resume();
    this.beginAttempts();
  }

  /**
   * Reads no more, and begins no further attempt; the attempts in work go on. What waits for its attempt stays held, unless
   * it is in a pack with results. Resolves when no read is under way.
   */
  pause(): Promise<void> {
    this.#paused = true;
    this.#options.executor.quiet();
    for (const pack of this.#inFlight.packs()) pack.closeIdle();
    return this.#reading.pause();
  }

  /** How many entries it can take over. */
  get room(): number {
    return this.#paused || this.#blocked ? 0 : this.#room.toTakeOver;
  }

  /** Accepts the entries that a call gives it: reclaimed ones, or those whose next attempt is due. */
  async takeOver<Reply extends Pick<ReadEntries, 'entries'>>(call: () => Promise<Reply>): Promise<Reply> {
    this.#takingOver = true;
    try {
      const reply = await call();
      this.#accept(reply.entries, false);
      this.beginAttempts();
      return reply;
    } finally {
      this.#takingOver = false;
      this.#onChange();
    }
  }

  /** The entries and packs that it has held for longer than `age` ms and that are not settled. */
  heldLongerThan(age: number): HeldIds {
    return this.#inFlight.ids(age);
  }

  /** Drops entries and packs that other consumers hold now: the outcomes of its attempts would not count. */
  lose(entryIds: readonly string[]): void {
    this.#inFlight.lose(entryIds);
  }

  /** Waits until nothing is in work, or the signal is aborted. Call it after {@link pause}. */
  drain(signal: AbortSignal): Promise<void> {
    return this.#wait.until(() => this.#inWork === 0 && !this.#takingOver, signal);
  }

  /**
   * Waits until Redis has all outcomes of its attempts, or the signal is aborted; what has no outcome in a pack goes back with
   * the pack. Call it after {@link drain}.
   */
  settled(signal: AbortSignal): Promise<void> {
    for (const pack of this.#inFlight.packs()) pack.abandon();
    const settling = [...this.#inFlight].filter((delivery) => delivery.settling);
    return this.#wait.until(() => {
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
    const packs = [...this.#inFlight.packs()].map(({ id, key, failed }) => ({ id, key, left: failed }));
    return this.#options.store.leave(this.id, this.#inFlight.attempts(), packs);
  }

  /** Whether no attempt can begin for now. */
  get #blocked(): boolean {
    return this.#options.executor.closed || this.#returning;
  }

  #onChange(): void {
    this.#reading.wake();
    this.#wait.check();
  }

  #accept(entries: readonly Entry[], fresh: boolean): void {
    for (const delivery of this.#inFlight.accept(entries, fresh)) {
      if (delivery.unrecorded) this.#settler.settle(delivery, delivery.unrecorded);
      else this.#waiting.add(delivery);
    }
  }

  #hold({ id, key }: Pack): PackHold {
    const { committer, timed } = this.#options;
    const patience = key === undefined ? this.#prefetch.patience : AT_ONCE;
    const onComplete = (hold: PackHold) => committer.settlePack(hold);
    return new PackHold({ id, consumerId: this.id, key, timed, patience, onComplete });
  }

  /** Makes the attempts of a pack in turn, if the processor may return at once and nothing else is in work. */
  #acceptPack(pack: Pack, end: number): void {
    const { executeAll } = this.#options.executor;
    const isFree = !this.#paused && !this.#blocked && !this.#beginning && this.#room.unprocessed === 0;
    const isQuick = this.#prefetch.roomInPack(0) > 0;
    const hold = this.#hold(pack);
    if (this.#options.onlyRuns && pack.key === undefined) {
      this.#inFlight.acceptPack(pack, hold);
      hold.close();
    } else if (!executeAll || !isFree || !isQuick || this.#inFlight.hasPack(pack.id)) {
      this.#keep(this.#inFlight.acceptPack(pack, hold), hold);
    } else {
      this.#beginning = true;
      const { times, waiting, isBegun } = runPack({
        pack,
        hold,
        inFlight: this.#inFlight,
        executeAll,
        goOn: () => !this.#paused && performance.now() < end,
        onBegun: () => this.#inWork++,
        onOutcome: this.#onOutcome,
      });
      this.#beginning = false;
      this.#times.addAll(times);
      this.#keep(waiting, hold, isBegun);
    }
  }

  /** Lets messages of a pack wait. `isBegun`: the one before them is in work. */
  #keep(deliveries: readonly HeldDelivery[], hold: PackHold, isBegun = false): void {
    if (hold.key !== undefined) this.#waiting.addInLine(deliveries, isBegun);
    else this.#waiting.addOfPack(deliveries, hold, this.#prefetch.roomInPack(this.#room.unprocessed));
    if (this.#paused) hold.closeIdle();
  }

  /** Hands back all entries at once: others need not wait until they count as silent, and no attempt is counted. */
  async #handBack(): Promise<void> {
    for (const pack of this.#inFlight.packs()) pack.close();
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
    this.#waiting.prune();
    if (this.#options.executor.closed) return;
    this.#returning = false;
    this.beginAttempts();
  }

  /**
   * Begins all attempts that can begin. A processor that returns at once ends within this loop, not within a nested one.
   * Taken-over deliveries do not wait in the executor: each is noted as begun in Redis, so it must begin.
   */
  beginAttempts(): void {
    if (this.#beginning) return;
    if (this.#paused || this.#blocked) {
      this.#onChange();
      return;
    }
    this.#beginning = true;
    const { concurrency, executor } = this.#options;
    const depth = Math.min(executor.depth, this.#prefetch.prefetch);
    // A processor may pause its own consumer.
    while (!this.#paused && this.#inWork < (this.#waiting.others > 0 ? concurrency : depth)) {
      const delivery = this.#waiting.take();
      if (!delivery) break;
      this.#inWork++;
      if (delivery.fresh) this.#execute(delivery);
      else void this.#noteAndExecute(delivery);
    }
    this.#waiting.compact();
    this.#beginning = false;
    this.#reading.wake();
  }

  /** Begins an attempt on an entry that was tried before, or that a dead consumer held: Redis notes the attempt first. */
  async #noteAndExecute(delivery: HeldDelivery): Promise<void> {
    const { entryId, inboxId, attempt } = delivery;
    const { store, policy, log } = this.#options;
    if (isSpent(attempt, policy)) {
      this.#settler.giveUp(delivery);
    } else {
      const noted = await store.begin({ entryId, consumerId: this.id }, attempt).catch((error) => {
        // The entry is pending, whichever consumer has it: it will be reclaimed.
        log.debug({ error, inboxId, attempt }, 'an attempt could not be noted in Redis');
        return false;
      });
      if (noted && !this.#paused) {
        this.#execute(delivery);
        return;
      }
      if (noted) this.#waiting.add(delivery);
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
    if (busy > 0) this.#times.add(busy);
    const { pack } = delivery;
    if (outcome.kind === 'interrupted') this.#onInterrupted(delivery);
    else if (pack) {
      pack.end(delivery.number, outcome, busy);
      this.#waiting.addFollower(delivery);
    } else this.#settler.settle(delivery, outcome, busy);
    if (this.#paused) pack?.closeIdle();
    this.#afterAttempt();
  };

  /** It waits again, or is handed back, unless another consumer has it. */
  #onInterrupted(delivery: HeldDelivery): void {
    if (!delivery.held) return;
    if (delivery.pack?.closed) delivery.pack.end(delivery.number, INTERRUPTED, 0);
    else if (this.#options.executor.closed) this.#returning = true;
    else this.#waiting.add(delivery);
  }

  #afterAttempt(): void {
    this.#inWork--;
    this.beginAttempts();
  }
}
