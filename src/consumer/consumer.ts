import type { ConsumerStore, Entry, InboxReader, Pack, ReadEntries } from '../core/consumer-store.js';
import type { ConsumerExecutor } from '../core/executor.js';
import type { OrderWindow } from '../core/order-window.js';
import type { Logger } from '../log/logger.js';
import { repeatedFailures, type ThrottledLog } from '../log/throttle.js';
import type { AttemptTimesOptions } from './attempt-times.js';
import { Attempts } from './attempts.js';
import { type HeldDelivery, type HeldIds, InFlight } from './in-flight.js';
import { PackHold } from './pack-hold.js';
import { runPack } from './pack-run.js';
import { AT_ONCE, Prefetch, type PrefetchOptions } from './prefetch.js';
import type { ReadLimiter } from './read-limiter.js';
import { ReadLoop } from './read-loop.js';
import { Room } from './room.js';
import { Settler, type SettlerOptions } from './settler.js';
import type { SharedPlaces, SharingLane } from './shared-places.js';
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
  /** Only if the consumer has several lanes. */
  readonly places?: SharedPlaces | undefined;
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
  readonly #attempts: Attempts;
  /** This lane, as the others see it. */
  readonly #lane: SharingLane;
  /** A call that takes entries over is under way. */
  #takingOver = false;

  constructor(options: ConsumerOptions) {
    const { id, reader, store, readLimiter, window, places, log } = options;
    this.id = id;
    this.#options = options;
    this.#prefetch = new Prefetch(options, places?.pace);
    this.#waiting = new WaitingDeliveries(window);
    this.#room = new Room({
      prefetch: this.#prefetch,
      inFlight: this.#inFlight,
      waiting: this.#waiting,
      concurrency: options.concurrency,
      inWork: () => this.#attempts.inWork,
      window,
      places,
    });
    this.#settler = new Settler(options);
    this.#attempts = new Attempts({
      ...options,
      prefetch: this.#prefetch,
      waiting: this.#waiting,
      settler: this.#settler,
      places,
      onChange: () => this.#onChange(),
      onFull: () => places?.recallOthers(this.#lane),
    });
    this.#failures = repeatedFailures(log, `consumer ${id} cannot read`);
    this.#reading = new ReadLoop({
      ...{ reader, store, readLimiter },
      prefetch: this.#prefetch,
      room: () => (this.#attempts.blocked ? 0 : this.#room.toRead),
      stalled: () => this.#attempts.blocked,
      lanes: places && {
        crowded: () => this.#isCrowded(places),
        ask: (count) => places.ask(this.#lane, count),
        // Not if other lanes only look: two that look in turn would never wait.
        oneByOne: () => this.#prefetch.slow && this.#room.toReadBeside(places.held) <= 0,
      },
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
    this.#lane = this.#asLane();
    places?.join(this.#lane);
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
    return this.#attempts.times.total / this.#options.concurrency;
  }

  /** Most messages that a pack should have for this consumer; 1 for no packs; undefined if nothing is measured yet. */
  get packSize(): number | undefined {
    return this.#prefetch.packSize;
  }

  /** Reads, and begins attempts. */
  resume(): void {
    if (!this.#attempts.paused) return;
    this.#attempts.paused = false;
    const { executor, places } = this.#options;
    if (places) places.resume(this.#lane);
    else executor.resume();
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
    this.#attempts.paused = true;
    const { executor, places } = this.#options;
    if (places) places.pause(this.#lane);
    else executor.quiet();
    for (const pack of this.#inFlight.packs()) pack.closeIdle();
    return this.#reading.pause();
  }

  /** How many entries it can take over. */
  get room(): number {
    return this.#attempts.paused || this.#attempts.blocked ? 0 : this.#room.toTakeOver;
  }

  /** Whether it has nothing to process. */
  get idle(): boolean {
    return this.#room.unprocessedInAll === 0;
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
    return this.#wait.until(() => this.#attempts.inWork === 0 && !this.#takingOver, signal);
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

  /** Whether what it holds in this lane waits for messages of other lanes that take long. */
  #isCrowded({ taken }: SharedPlaces): boolean {
    if (this.#waiting.size === 0 || !this.#prefetch.slow) return false;
    return this.#attempts.inWork === 0 && taken >= this.#options.concurrency;
  }

  #asLane(): SharingLane {
    const [room, attempts, reading] = [this.#room, this.#attempts, this.#reading];
    return {
      get unprocessed() {
        // A lane whose Redis does not answer keeps no other from reading.
        return room.unprocessed - attempts.noting;
      },
      beginOne: () => attempts.beginOne(),
      wake: (unprocessed) => {
        if (room.toReadBeside(unprocessed) > 0) reading.wake();
      },
      recall: () => reading.recall(),
    };
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
    const { committer, timed, policy } = this.#options;
    const retries = policy.maxAttempts > 1;
    const patience = key === undefined ? this.#prefetch.patience : AT_ONCE;
    const onComplete = (hold: PackHold) => committer.settlePack(hold);
    return new PackHold({ id, consumerId: this.id, key, timed, retries, patience, onComplete });
  }

  /** Makes the attempts of a pack in turn, if the processor may return at once and nothing else is in work. */
  #acceptPack(pack: Pack, end: number): void {
    const { executeAll } = this.#options.executor;
    const isFree =
      !this.#attempts.paused &&
      !this.#attempts.blocked &&
      !this.#attempts.beginning &&
      this.#room.heldInAll === 0;
    const isQuick = this.#prefetch.roomInPack(0) > 0;
    const hold = this.#hold(pack);
    if (this.#options.onlyRuns && pack.key === undefined) {
      this.#inFlight.acceptPack(pack, hold);
      hold.close();
    } else if (!executeAll || !isFree || !isQuick || this.#inFlight.hasPack(pack.id)) {
      this.#keep(this.#inFlight.acceptPack(pack, hold), hold);
    } else {
      // No spread: it costs more than all else here.
      const run = {
        pack,
        hold,
        inFlight: this.#inFlight,
        executeAll,
        goOn: () => !this.#attempts.paused && performance.now() < end,
        onBegun: () => this.#attempts.begun(),
        onOutcome: this.#attempts.onOutcome,
      };
      const { times, waiting, isBegun } = this.#attempts.alone(() => runPack(run));
      this.#attempts.times.addAll(times);
      this.#keep(waiting, hold, isBegun);
    }
  }

  /** Lets messages of a pack wait. `isBegun`: the one before them is in work. */
  #keep(deliveries: readonly HeldDelivery[], hold: PackHold, isBegun = false): void {
    if (hold.key !== undefined) this.#waiting.addInLine(deliveries, isBegun);
    else this.#waiting.addOfPack(deliveries, hold, this.#prefetch.roomInPack(this.#room.heldInAll));
    if (this.#attempts.paused) hold.closeIdle();
  }

  /** Hands back all entries at once: others need not wait until they count as silent, and no attempt is counted. */
  async #handBack(): Promise<void> {
    for (const pack of this.#inFlight.packs()) pack.close();
    const deliveries = [...this.#inFlight];
    // What is settled in a moment must not be processed again by another consumer.
    if (deliveries.some(({ settling, running }) => settling || running)) return;
    // Nothing of it may begin here from now on: another consumer may get it before Redis answers.
    this.#attempts.returning = true;
    const { store } = this.#options;
    try {
      if (deliveries.length > 0) await store.handBack(this.id, this.#inFlight.attempts());
    } catch (error) {
      this.#failures.add(error);
      return;
    }
    for (const delivery of deliveries) delivery.release();
    this.#waiting.prune();
    this.#attempts.returning = false;
    this.beginAttempts();
  }

  /** Begins all attempts that can begin. */
  beginAttempts(): void {
    this.#attempts.begin();
  }
}
