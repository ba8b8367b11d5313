import { performance } from 'node:perf_hooks';
import { Loop, type Service } from '../core/service.js';
import type { Logger } from '../log/logger.js';
import { repeatedFailures } from '../log/throttle.js';
import { type GroupStatus, type LiveTotals, readStatus, readTotals } from '../observe/status.js';
import { type Point, RecentPoints } from './recent-points.js';
import { RecentSteps } from './recent-steps.js';
import { type GroupView, inspectorOf } from './view.js';

/** ms between two readings, and the greatest age of a status that is served. */
const EVERY = 1_000;
/** 15 minutes. */
const POINTS = 900;
/** ms after which a reading is too old to be served. */
const STALE = 5_000;

interface ReadingsOptions {
  readonly view: GroupView;
  readonly log: Logger;
  /** Whether each reading is of the whole status, and not of the totals alone. */
  readonly isWatched: () => boolean;
  readonly onRead: (status: GroupStatus | undefined, point: Point | undefined) => void;
  readonly onFailed: (error: unknown) => void;
}

/**
 * Reads the group for all that is served: the totals once a second; the status on request, at most once a second. The number
 * of clients does not matter.
 */
export class Readings implements Service {
  readonly history = new RecentPoints(POINTS);
  readonly #options: ReadingsOptions;
  readonly #loop: Loop;
  readonly #steps: RecentSteps;
  #totals: LiveTotals | undefined;
  #totalsAt = 0;
  #status: Promise<GroupStatus> | undefined;
  #statusAt = 0;
  #count = 0;
  /** Resolved after the first try to read, or by a stop. */
  readonly #tried: Promise<void>;
  #onTried: () => void = () => {};

  constructor(options: ReadingsOptions) {
    this.#options = options;
    this.#steps = new RecentSteps(options.view.stats.steps);
    this.#tried = new Promise((resolve) => {
      this.#onTried = resolve;
    });
    const failures = repeatedFailures(options.log, 'the group cannot be read for http');
    this.#loop = new Loop(
      EVERY,
      async () => {
        await this.#look().finally(this.#onTried);
        failures.over();
      },
      (error) => {
        failures.add(error);
        options.onFailed(error);
      },
    );
  }

  /** Reads from now on. The group must be connected. Returns after the first try, even a failed one. */
  async start(): Promise<void> {
    await this.#loop.start();
    await this.#tried;
  }

  stop(): Promise<void> {
    this.#onTried();
    return this.#loop.stop();
  }

  /** The totals as last read; undefined before the first reading, and when the last one is too old. */
  get totals(): LiveTotals | undefined {
    return performance.now() - this.#totalsAt < STALE ? this.#totals : undefined;
  }

  /** Readings made so far, of totals or status. */
  get count(): number {
    return this.#count;
  }

  /** ms since the totals were last read; undefined before the first reading. */
  get age(): number | undefined {
    return this.#totals && performance.now() - this.#totalsAt;
  }

  /**
   * The state of the whole group, at most a second old.
   *
   * @throws {CgroupError} STATE while the group is not connected yet, or what reading it throws
   */
  status(): Promise<GroupStatus> {
    return this.#statusWithin(EVERY);
  }

  async #statusWithin(age: number): Promise<GroupStatus> {
    const now = performance.now();
    if (!this.#status || now - this.#statusAt >= age) {
      const inspector = inspectorOf(this.#options.view);
      const status = this.#timed(() => readStatus(inspector, this.#options.view, this.#options.view.source));
      this.#statusAt = now;
      this.#status = status;
      // A failure is not kept: the next request tries again.
      status.catch(() => {
        if (this.#status === status) this.#status = undefined;
      });
    }
    return this.#status;
  }

  async #look(): Promise<void> {
    const { isWatched, onRead, view } = this.#options;
    const inspector = inspectorOf(view);
    const now = performance.now();
    // A request may have read the status a moment ago: a rate needs some time between two readings.
    const status = isWatched() ? await this.#statusWithin(EVERY / 2) : undefined;
    const totals = status
      ? totalsOf(status)
      : await this.#timed(() => readTotals(inspector, this.#options.view.source));
    this.#totals = totals;
    this.#totalsAt = status ? this.#statusAt : now;
    onRead(status, this.history.add(totals, this.#totalsAt, this.#steps.next()));
  }

  /** Reads, and measures how far the clocks differ, assuming that Redis answered half-way between request and reply. */
  async #timed<T extends { readonly time: string }>(read: () => Promise<T>): Promise<T> {
    const asked = Date.now();
    const reading = await read();
    this.#count++;
    this.#options.view.stats.redisAhead = Date.parse(reading.time) - (asked + Date.now()) / 2;
    return reading;
  }
}

function totalsOf({ consumers, halted: _halted, ...totals }: GroupStatus): LiveTotals {
  return { ...totals, consumerCount: consumers.length };
}
