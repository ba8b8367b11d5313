import { performance } from 'node:perf_hooks';
import { CgroupError } from '../core/errors.js';
import { Loop, type Service } from '../core/service.js';
import type { Logger } from '../log/logger.js';
import { Trouble } from '../log/throttle.js';
import { type GroupStatus, type LiveTotals, readStatus, readTotals } from '../observe/status.js';
import type { Inspector } from '../redis/inspect.js';
import { type Point, RecentPoints } from './recent-points.js';
import type { GroupView } from './view.js';

/** ms between two readings; how old the last one may be when somebody asks. */
const EVERY = 1_000;
/** 15 minutes. */
const POINTS = 900;
/** ms after which what was read says nothing of now. */
const STALE = 5_000;

export interface ReadingsOptions {
  readonly view: GroupView;
  readonly log: Logger;
  /** Whether somebody wants the whole status each second, and not the sums alone. */
  readonly isWatched: () => boolean;
  readonly onRead: (reading: {
    readonly status: GroupStatus | undefined;
    readonly point: Point | undefined;
  }) => void;
  readonly onFailed: (error: unknown) => void;
}

/**
 * The one reading behind metrics, health, the live page and the API: the sums once a second, the status at most
 * once a second, and only while somebody wants it; however many ask.
 */
export class Readings implements Service {
  readonly history = new RecentPoints(POINTS);
  readonly #options: ReadingsOptions;
  readonly #loop: Loop;
  #totals: LiveTotals | undefined;
  #totalsAt = 0;
  #status: Promise<GroupStatus> | undefined;
  #statusAt = 0;
  #count = 0;
  /** Resolved once it was tried to read for the first time, or nobody will. */
  readonly #tried: Promise<void>;
  #onTried: () => void = () => {};

  constructor(options: ReadingsOptions) {
    this.#options = options;
    this.#tried = new Promise((resolve) => {
      this.#onTried = resolve;
    });
    const trouble = new Trouble(options.log, 'the group cannot be read for http', false);
    this.#loop = new Loop(
      EVERY,
      async () => {
        await this.#look().finally(this.#onTried);
        trouble.succeeded();
      },
      (error) => {
        trouble.failed(error);
        options.onFailed(error);
      },
    );
  }

  /** Returns when the group was read for the first time, or that has failed. It must be connected. */
  async start(): Promise<void> {
    await this.#loop.start();
    await this.#tried;
  }

  stop(): Promise<void> {
    this.#onTried();
    return this.#loop.stop();
  }

  /** The sums as last read; undefined where that was never, or is too long ago to be true. */
  get totals(): LiveTotals | undefined {
    return performance.now() - this.#totalsAt < STALE ? this.#totals : undefined;
  }

  /** Readings made so far, of sums or status: it tells what is older than the last of them. */
  get count(): number {
    return this.#count;
  }

  /** ms since the sums were last read; undefined if they never were. */
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

  #statusWithin(age: number): Promise<GroupStatus> {
    const now = performance.now();
    if (!this.#status || now - this.#statusAt >= age) {
      const inspector = this.#inspector();
      const status = this.#timed(() => readStatus(inspector, this.#options.view));
      this.#statusAt = now;
      this.#status = status;
      // The next one who asks tries again.
      status.catch(() => {
        if (this.#status === status) this.#status = undefined;
      });
    }
    return this.#status;
  }

  async #look(): Promise<void> {
    const { isWatched, onRead } = this.#options;
    const inspector = this.#inspector();
    const now = performance.now();
    // Somebody may have asked a moment ago; but rates over a moment mean nothing.
    const status = isWatched() ? await this.#statusWithin(EVERY / 2) : undefined;
    const totals = status ? totalsOf(status) : await this.#timed(() => readTotals(inspector));
    this.#totals = totals;
    this.#totalsAt = status ? this.#statusAt : now;
    onRead({ status, point: this.history.add(totals, this.#totalsAt) });
  }

  /** Reads, and notes by how much the clocks differ: Redis answered somewhere between question and answer. */
  async #timed<T extends { readonly time: string }>(read: () => Promise<T>): Promise<T> {
    const asked = Date.now();
    const reading = await read();
    this.#count++;
    this.#options.view.stats.redisAhead = Date.parse(reading.time) - (asked + Date.now()) / 2;
    return reading;
  }

  #inspector(): Inspector {
    const { inspector } = this.#options.view;
    if (!inspector) throw new CgroupError('STATE', 'the group is not connected yet');
    return inspector;
  }
}

function totalsOf({ consumers, ...sums }: GroupStatus): LiveTotals {
  return { ...sums, consumerCount: consumers.length };
}
