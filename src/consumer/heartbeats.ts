import { performance } from 'node:perf_hooks';
import type { ConsumerStore, Renewed } from '../core/consumer-store.js';
import type { EndedProcess, Orders, ProcessReport } from '../core/control.js';
import { type Beat, MISSED_BEATS, type Registry } from '../core/registry.js';
import { Loop, type Service } from '../core/service.js';
import { plural } from '../core/words.js';
import type { Logger } from '../log/logger.js';
import { repeatedFailures, type ThrottledLog } from '../log/throttle.js';
import type { Consumer } from './consumer.js';

/** Most silent processes that are looked at again. */
const MOST_SILENT = 100;
/** Every 5th heartbeat also removes dead consumers from the Redis group, even if no heartbeat was missed. */
const SWEEP_EACH = 5;

export interface HeartbeatsOptions {
  readonly registry: Registry;
  readonly store: ConsumerStore;
  /** What the process says of itself; undefined when it stops. */
  readonly report: () => ProcessReport | undefined;
  /** The consumers of this process, also those that leave. */
  readonly consumers: () => readonly Pick<Consumer, 'id' | 'heldLongerThan' | 'lose'>[];
  /** ms between two heartbeats. */
  readonly heartbeat: number;
  /** Silence after which a consumer's messages are given to others, ms. */
  readonly claimAfter: number;
  readonly log: Logger;
  /** Called after each heartbeat that reached Redis, with its reply. */
  readonly onOrders: (orders: Orders) => void;
  /** Called with how many pending messages another client deleted. */
  readonly onLost: (count: number) => void;
}

/**
 * The signs of life of this process and of its consumers: heartbeats, from which the list of consumers is made and whose
 * replies say what the process has to do, and the renewal of the entries that its consumers hold. It also removes the dead
 * consumers of all processes.
 */
export class Heartbeats implements Service {
  readonly #options: HeartbeatsOptions;
  readonly #loop: Loop;
  readonly #failures: ThrottledLog<unknown>;
  /** ms without a heartbeat after which a process or a consumer is dead. */
  readonly #silence: number;
  /** Ids of consumers that have left, and that the list may still hold. */
  readonly #left = new Set<string>();
  /** Processes that were found silent, and when: ms of the monotonic clock. */
  readonly #silent = new Map<EndedProcess, number>();
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
    await this.#report();
    await this.#loop.start();
  }

  /** Puts the ids of consumers that have come since into the list. Resolves when they are there. */
  async list(): Promise<void> {
    await this.#report();
  }

  /** Beats at once: the number of consumers has changed, or new orders are there. */
  hurry(): void {
    this.#loop.hurry();
  }

  /** Takes the id of a consumer that has left out of the list, at once. */
  leave(consumerId: string): void {
    this.#left.add(consumerId);
    this.#loop.hurry();
  }

  /** Ends the heartbeats, and takes the ids out of the list. */
  async stop(): Promise<void> {
    await this.#loop.stop();
    const { registry, onOrders } = this.#options;
    onOrders(await registry.beat(undefined, [], [...this.#ids(), ...this.#left], this.#silence));
  }

  async #report(): Promise<Beat> {
    const { registry, report, onOrders } = this.#options;
    const left = [...this.#left];
    const reply = await registry.beat(report(), this.#ids(), left, this.#silence);
    this.#lastBeat = performance.now();
    for (const id of left) this.#left.delete(id);
    onOrders(reply);
    return reply;
  }

  async #beat(): Promise<void> {
    const { store, heartbeat, claimAfter, log } = this.#options;
    const [{ live, dead, silent }] = await Promise.all([
      this.#report(),
      // Half a heartbeat: so no entry is unrenewed for longer than one and a half.
      this.#renew(heartbeat / 2),
    ]);
    this.#failures.over();
    if (dead.length > 0)
      log.warn(
        { consumers: dead },
        `${plural(dead.length, 'consumer')} ended without leaving the group: ${dead.join(', ')}`,
      );
    await this.#noteEnded(silent);
    if (++this.#beats % SWEEP_EACH !== 0) return;
    const removed = await store.sweep(live, claimAfter);
    if (removed.length > 0)
      log.info(
        { consumers: removed },
        `removed ${plural(removed.length, 'dead consumer')} from the Redis group`,
      );
  }

  /** A process that was only cut off from Redis is back within the time after which it was found silent. */
  async #noteEnded(found: readonly EndedProcess[]): Promise<void> {
    const { registry, log } = this.#options;
    const now = performance.now();
    for (const one of found) if (this.#silent.size < MOST_SILENT) this.#silent.set(one, now);
    const due = [...this.#silent].filter(([, since]) => now - since >= this.#silence).map(([one]) => one);
    if (due.length === 0) return;
    for (const one of due) this.#silent.delete(one);
    try {
      const ended = (await registry.noteEnded(due)).map(({ id }) => id);
      if (ended.length > 0)
        log.warn(
          { processes: ended },
          `${plural(ended.length, 'process', 'processes')} ended without leaving the group: ${ended.join(', ')}`,
        );
    } catch (error) {
      // A note for people: heartbeats go on without it.
      log.debug({ error }, 'the end of a process could not be noted');
    }
  }

  /** Renews what was held for longer than `age` ms. A fast processor is done with the rest before it could count as silent. */
  async #renew(age: number): Promise<void> {
    const { store, consumers } = this.#options;
    await Promise.all(
      consumers().map(async (consumer) => {
        const { entries, packs } = consumer.heldLongerThan(age);
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

  #ids(): string[] {
    return this.#options.consumers().map((consumer) => consumer.id);
  }
}
