import type { Consumer } from '../consumer/consumer.js';
import type { LaneConsumers } from '../consumer/lane-consumers.js';
import { CgroupError } from '../core/errors.js';
import { aborted, pause } from '../core/service.js';
import { plural } from '../core/words.js';
import type { Logger } from '../log/logger.js';
import { repeatedFailures, type ThrottledLog } from '../log/throttle.js';

/** ms between two tries to leave the group. */
const RETRY_EVERY = 200;

/** A consumer with what it needs for itself. */
export interface PooledConsumer {
  readonly consumer: Consumer | LaneConsumers;
  /** Ends its connection, and frees its place in the executor. */
  readonly close: () => void;
}

export interface ConsumerPoolOptions {
  /** Makes one of the consumers that are counted in the size. */
  readonly make: () => Promise<PooledConsumer>;
  /** A consumer runs: its heartbeats may begin. */
  readonly onAdded: () => void;
  /** A consumer has left the group: its id may leave the list. */
  readonly onLeft: (consumerId: string) => void;
  /** Another number of consumers is wanted. Not called for the first one. */
  readonly onSize: (size: number, before: number) => void;
  readonly log: Logger;
}

/** The consumers of a process, which come and go. None runs before {@link resume}. */
export class ConsumerPool {
  readonly #options: ConsumerPoolOptions;
  readonly #addFailures: ThrottledLog<unknown>;
  readonly #leaveFailures: ThrottledLog<unknown>;
  /** Those that do not leave, in the order in which they came. */
  readonly #running: PooledConsumer[] = [];
  /** Those that {@link join} added, and that do not leave. */
  readonly #joined = new Set<PooledConsumer>();
  /** Those that leave; each promise resolves to how many entries were handed back. */
  readonly #leaving = new Map<PooledConsumer, Promise<number>>();
  /** Those that are being added. */
  readonly #coming = new Set<Promise<void>>();
  /** How many are wanted; undefined before the first {@link resize}. */
  #size: number | undefined;
  #paused = true;
  /** ms that those were busy that have left. */
  #busyBefore = 0;
  readonly #interrupt = new AbortController();
  readonly #abandon = new AbortController();
  readonly #stopping = new AbortController();

  constructor(options: ConsumerPoolOptions) {
    this.#options = options;
    this.#addFailures = repeatedFailures(options.log, 'consumers cannot be added');
    this.#leaveFailures = repeatedFailures(options.log, 'consumers cannot leave the group');
  }

  /** The consumers that do not leave. */
  get running(): readonly PooledConsumer['consumer'][] {
    return this.#members.map(({ consumer }) => consumer);
  }

  /** How many of them have a processor that cannot run for now. */
  get stalled(): number {
    return this.running.filter(({ stalled }) => stalled).length;
  }

  /** Also those that leave. */
  get all(): readonly PooledConsumer['consumer'][] {
    return [...this.#members, ...this.#leaving.keys()].map(({ consumer }) => consumer);
  }

  /** ms that its consumers were busy, those that have left too. */
  get busyMs(): number {
    return this.all.reduce((sum, { busyMs }) => sum + busyMs, this.#busyBefore);
  }

  /** How many are wanted. */
  get size(): number {
    return this.#size ?? 0;
  }

  get paused(): boolean {
    return this.#paused;
  }

  get stopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  /**
   * Sets how many consumers run. Resolves when those are added that were missing; those that are too many, the newest,
   * finish their attempts, and leave then. The newest call counts.
   *
   * @throws {CgroupError} if some cannot be added: {@link keep} tries again
   */
  async resize(size: number): Promise<void> {
    const before = this.#size;
    this.#size = this.stopping ? 0 : size;
    if (before !== undefined && before !== size && !this.stopping) this.#options.onSize(size, before);
    for (const member of this.#running.splice(this.#size)) this.#remove(member);
    this.#divide();
    await this.#fill();
  }

  /** Like {@link resize}, but failures are logged. Call it with each heartbeat: it tries again what failed. */
  keep(size = this.size): void {
    this.resize(size).then(
      () => this.#addFailures.over(),
      (error) => this.#addFailures.add(error),
    );
  }

  /**
   * Adds a consumer that is not counted in the size: it comes and goes with its worker. The function that it resolves to
   * makes it leave, as {@link resize} does, and resolves when it has left. Idempotent.
   *
   * @throws {CgroupError} if it cannot be made, or STATE if the pool stops
   */
  async join(make: () => Promise<PooledConsumer>): Promise<() => Promise<unknown>> {
    const member = await make();
    if (this.stopping) {
      member.close();
      throw new CgroupError('STATE', 'the group stops');
    }
    this.#joined.add(member);
    this.#begin(member);
    return () => {
      if (this.#joined.delete(member)) this.#remove(member);
      this.#divide();
      return Promise.resolve(this.#leaving.get(member));
    };
  }

  /** Lets the consumers read, and begin attempts. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    for (const consumer of this.running) consumer.resume();
  }

  /** No consumer begins a further attempt, those to come neither; the attempts in work go on. */
  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    for (const consumer of this.running) void consumer.pause();
  }

  /**
   * All consumers leave. Attempts in work are interrupted at one time, outcomes that Redis does not have yet are given up
   * at another. Resolves to how many entries they handed back.
   *
   * @throws {CgroupError} if Redis does not answer: then some have not left the group
   */
  async stop(interrupt: AbortSignal, abandon: AbortSignal): Promise<number> {
    void aborted(interrupt).then(() => this.#interrupt.abort());
    void aborted(abandon).then(() => this.#abandon.abort());
    this.#stopping.abort();
    // Those that are being added end by themselves.
    void this.resize(0).catch(() => {});
    for (const member of this.#joined) this.#remove(member);
    this.#joined.clear();
    const back = await Promise.all(this.#leaving.values());
    return back.reduce((a, b) => a + b, 0);
  }

  async #fill(): Promise<void> {
    for (let missing = this.#missing; missing > 0; missing--) {
      const coming = this.#add().finally(() => this.#coming.delete(coming));
      this.#coming.add(coming);
    }
    await Promise.all(this.#coming);
  }

  get #missing(): number {
    return this.size - this.#running.length - this.#coming.size;
  }

  async #add(): Promise<void> {
    const member = await this.#options.make();
    // Fewer may be wanted by now.
    if (this.#running.length >= this.size) {
      member.close();
      return;
    }
    this.#running.push(member);
    this.#begin(member);
  }

  #begin({ consumer }: PooledConsumer): void {
    this.#divide();
    if (!this.#paused) consumer.resume();
    this.#options.onAdded();
  }

  get #members(): PooledConsumer[] {
    return [...this.#running, ...this.#joined];
  }

  /** What a process may hold is divided among its consumers. */
  #divide(): void {
    const members = this.#members;
    for (const { consumer } of members) consumer.consumers = members.length;
  }

  #remove(member: PooledConsumer): void {
    const leaving = this.#leave(member).finally(() => {
      this.#leaving.delete(member);
      this.#busyBefore += member.consumer.busyMs;
      member.close();
    });
    this.#leaving.set(member, leaving);
    leaving.catch(() => {}); // only a stop waits for it
  }

  /** No message is interrupted, unless the time of a stop is over. */
  async #leave({ consumer }: PooledConsumer): Promise<number> {
    const { onLeft, log } = this.#options;
    await consumer.pause();
    await consumer.drain(this.#interrupt.signal);
    consumer.interrupt();
    await consumer.settled(this.#abandon.signal);
    try {
      const entries = await this.#handBack(consumer);
      log.debug({ consumer: consumer.id, entries }, `left, and handed back ${plural(entries, 'message')}`);
      return entries;
    } finally {
      onLeft(consumer.id);
    }
  }

  /** Tries until Redis answers; when the pool stops, once more. */
  async #handBack(consumer: PooledConsumer['consumer']): Promise<number> {
    const { signal } = this.#stopping;
    for (;;) {
      const last = signal.aborted;
      try {
        const entries = await consumer.leave();
        this.#leaveFailures.over();
        return entries;
      } catch (error) {
        if (last) throw error;
        this.#leaveFailures.add(error);
        await pause(RETRY_EVERY, signal);
      }
    }
  }
}
