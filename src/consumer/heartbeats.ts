import { performance } from 'node:perf_hooks';
import type { EndedProcess, Orders, ProcessReport } from '../core/control.js';
import { type Beat, MISSED_BEATS, type Registry } from '../core/registry.js';
import { Loop, type Service } from '../core/service.js';
import { plural } from '../core/words.js';
import type { Logger } from '../log/logger.js';
import { repeatedFailures, type ThrottledLog } from '../log/throttle.js';
import type { Consumer } from './consumer.js';

/** Most silent processes that are looked at again. */
const MOST_SILENT = 100;

export interface HeartbeatsOptions {
  readonly registry: Registry;
  /** What the process says of itself; undefined when it stops. */
  readonly report: () => ProcessReport | undefined;
  /** The consumers of this process, also those that leave. */
  readonly consumers: () => readonly Pick<Consumer, 'id'>[];
  /** ms between two heartbeats. */
  readonly heartbeat: number;
  readonly log: Logger;
  /** Called after each heartbeat that reached Redis, with its reply. */
  readonly onOrders: (orders: Orders) => void;
}

/**
 * The signs of life of this process and of its consumers: heartbeats, from which the list of consumers is made and whose
 * replies say what the process has to do. What its consumers hold is renewed lane by lane: see Renewal.
 */
export class Heartbeats implements Service {
  readonly #options: HeartbeatsOptions;
  readonly #loop: Loop;
  readonly #failures: ThrottledLog<unknown>;
  /** ms without a heartbeat after which a process or a consumer is dead. */
  readonly #silence: number;
  /** Ids of consumers that have left, and that the list may still hold. */
  readonly #left = new Set<string>();
  #live: readonly string[] | undefined;
  /** Processes that were found silent, and when: ms of the monotonic clock. */
  readonly #silent = new Map<EndedProcess, number>();
  #lastBeat: number | undefined;

  constructor(options: HeartbeatsOptions) {
    this.#options = options;
    this.#silence = MISSED_BEATS * options.heartbeat;
    this.#failures = repeatedFailures(options.log, 'heartbeats fail', 'warn');
    this.#loop = new Loop(
      options.heartbeat,
      () => this.#beat(),
      (error) => {
        this.#live = undefined;
        this.#failures.add(error);
      },
    );
  }

  /** The live consumers of all processes, by the last heartbeat; undefined if that has failed. */
  get live(): readonly string[] | undefined {
    return this.#live;
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
    this.#live = reply.live;
    for (const id of left) this.#left.delete(id);
    onOrders(reply);
    return reply;
  }

  async #beat(): Promise<void> {
    const { dead, silent } = await this.#report();
    this.#failures.over();
    if (dead.length > 0)
      this.#options.log.warn(
        { consumers: dead },
        `${plural(dead.length, 'consumer')} ended without leaving the group: ${dead.join(', ')}`,
      );
    await this.#noteEnded(silent);
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

  #ids(): string[] {
    return this.#options.consumers().map((consumer) => consumer.id);
  }
}
