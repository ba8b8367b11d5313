import { EventEmitter } from 'node:events';
import { performance } from 'node:perf_hooks';
import type { Gap } from '../core/bridge-store.js';
import { hasCode } from '../core/errors.js';
import { pause, type Service } from '../core/service.js';
import { type PulledSource, type SourceStore, sourceText } from '../core/source.js';
import type { Logger } from '../log/logger.js';
import { repeatedFailures, type ThrottledLog } from '../log/throttle.js';
import { logGap } from './gap-log.js';

/** ms before the next try of a pull that Redis refused or did not answer. */
const RETRY_EVERY = 500;
/** ms to wait if another process took the message that woke this one: it will take the next ones, too. */
const AFTER_LOST_RACE = 100;
/** ms to wait at most, at random, if another process took messages while this one read them: so they do not meet again. */
const AFTER_CHANGE = 100;
/** ms to wait until the group has settled some of its backlog. */
const WHILE_FULL = 50;

export interface PullerOptions {
  readonly source: PulledSource;
  readonly store: SourceStore;
  /** Ends a wait of the store under way, and all later ones. */
  readonly endWait: () => void;
  /** Most messages that a pack may hold now; 1 for no packs. */
  readonly packSize: () => number;
  readonly log: Logger;
}

export interface PullerEvents {
  /** Messages have been missed. */
  gap: [gap: Gap];
}

/**
 * Takes messages from a list, or reads on in a stream, into the inbox. Every process may do so at any time: one script moves
 * them, so no process has to lead.
 */
export class Puller extends EventEmitter<PullerEvents> implements Service {
  readonly #options: PullerOptions;
  readonly #stopping = new AbortController();
  readonly #failures: ThrottledLog<unknown>;
  #running: Promise<void> | undefined;
  /** Since when no pull has succeeded: ms of the monotonic clock; undefined after one that has. */
  #failingSince: number | undefined;
  /** Whether the last wait ended because there was a message. */
  #woken = false;
  #resolveStart: () => void = () => {};
  #rejectStart: ((error: unknown) => void) | undefined;

  constructor(options: PullerOptions) {
    super();
    this.#options = options;
    this.#failures = repeatedFailures(options.log, `nothing is taken from the ${sourceText(options.source)}`);
  }

  /** ms since which no pull has succeeded; 0 if the last one has. */
  get failingFor(): number {
    return this.#failingSince === undefined ? 0 : performance.now() - this.#failingSince;
  }

  /**
   * Returns after the first pull: from then on all messages are taken.
   *
   * @throws {CgroupError} KEY_TYPE if the source is no list or stream; REDIS_AUTH if a right is missing
   */
  start(): Promise<void> {
    if (this.#stopping.signal.aborted) return Promise.resolve();
    return new Promise<void>((resolve, reject) => {
      this.#resolveStart = resolve;
      this.#rejectStart = reject;
      this.#running ??= this.#run();
    });
  }

  /** Pulls no more. Returns when the pull under way has ended. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#options.endWait();
    await this.#running;
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      try {
        await this.#step();
      } catch (error) {
        if (signal.aborted) break;
        if (hasCode(error, 'KEY_TYPE', 'REDIS_AUTH')) this.#rejectStart?.(error);
        this.#failingSince ??= performance.now();
        this.#failures.add(error);
        await pause(RETRY_EVERY, signal);
      }
    }
    this.#resolveStart();
  }

  /** One pull, and the wait after it. */
  async #step(): Promise<void> {
    const { store, packSize, log } = this.#options;
    const { signal } = this.#stopping;
    const { messages, next, gap } = await store.pull(packSize());
    this.#failures.over();
    this.#failingSince = undefined;
    this.#rejectStart = undefined;
    this.#resolveStart();
    if (gap) {
      logGap(log, gap);
      this.emit('gap', gap);
    }
    if (next === 'more' || signal.aborted) return;
    if (next === 'full') {
      await pause(WHILE_FULL, signal);
      return;
    }
    if (next === 'changed') {
      await pause(Math.random() * AFTER_CHANGE, signal);
      return;
    }
    if (this.#woken && messages === 0) await pause(AFTER_LOST_RACE, signal);
    if (!signal.aborted) this.#woken = await store.wait();
  }
}
