import { performance } from 'node:perf_hooks';
import { isPartial } from '../core/away-lanes.js';
import { type ControlEvent, KEPT_ENDS, type ProcessEnd } from '../core/control.js';
import { CgroupError } from '../core/errors.js';
import { Loop, type Service } from '../core/service.js';
import type { Logger } from '../log/logger.js';
import { repeatedFailures } from '../log/throttle.js';
import { failureText, GroupWatch } from '../observe/group-watch.js';
import { type GroupStatus, type LiveTotals, readStatus, readTotals } from '../observe/status.js';
import type { GroupVerdict } from '../observe/verdict-input.js';
import { type Added, History } from './history.js';
import { servedStatus } from './served-status.js';
import { type GroupView, inspectorOf } from './view.js';

/** ms between two readings, and the greatest age of a status that is served. */
const EVERY = 1_000;
/** ms after which a reading is too old to be served. */
const STALE = 5_000;
/** ms without a reading that make a hole. */
const HOLE_AFTER = 1_600;
/** ms between two looks at Redis's memory. */
const MEMORY_EVERY = 5_000;

interface ReadingsOptions {
  readonly view: GroupView;
  readonly log: Logger;
  /** Whether each reading is of the whole status, and not of the totals alone. */
  readonly isWatched: () => boolean;
  /** @param served the text of the status; undefined if only the totals were read */
  readonly onRead: (totals: LiveTotals, served: string | undefined, added: Added) => void;
  /** There is no reading: called once a second, with what the history got. */
  readonly onMissing: (added: Added) => void;
  readonly onFailed: () => void;
}

/**
 * Reads the group for all that is served: the totals once a second; the status on request, at most once a second. The number
 * of clients does not matter.
 */
export class Readings implements Service {
  readonly history: History;
  readonly #watch = new GroupWatch();
  readonly #options: ReadingsOptions;
  readonly #loop: Loop;
  #ticking: NodeJS.Timeout | undefined;
  #totals: LiveTotals | undefined;
  #totalsAt = 0;
  #status: Promise<GroupStatus> | undefined;
  #statusAt = 0;
  #memoryAt = Number.NEGATIVE_INFINITY;
  /** The events, and the revision and the end that they were read for. */
  #events: { readonly key: string; readonly read: Promise<[ControlEvent[], ProcessEnd[]]> } | undefined;
  #count = 0;
  #failure: string | undefined;
  /** Resolved after the first try to read, or by a stop. */
  readonly #tried: Promise<void>;
  #onTried: () => void = () => {};

  constructor(options: ReadingsOptions) {
    this.#options = options;
    this.history = new History(options.view.stats);
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
        this.#failure = error instanceof CgroupError ? error.code : 'INTERNAL';
        options.onFailed();
      },
    );
  }

  /** Reads from now on. The group must be connected. Returns after the first try, even a failed one. */
  async start(): Promise<void> {
    this.#ticking = setInterval(() => this.#tick(), EVERY).unref();
    await this.#loop.start();
    await this.#tried;
  }

  stop(): Promise<void> {
    this.#onTried();
    clearInterval(this.#ticking);
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

  /** The code of the error of the last reading; undefined if it succeeded. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** How the group is. */
  get verdict(): GroupVerdict {
    // A reading that does not come back has no error yet.
    const code = this.#failure ?? (this.#totals && 'REDIS_UNREACHABLE');
    return this.#watch.verdict(performance.now(), code && failureText(code));
  }

  /**
   * The text of the state of the whole group, at most a second old.
   *
   * @throws {CgroupError} STATE while the group is not connected yet, or what reading it throws
   */
  async served(): Promise<string> {
    return this.#served(await this.#statusWithin(EVERY));
  }

  async #served(status: GroupStatus): Promise<string> {
    const [control, ends] = await this.#eventsOf(status);
    const [watch, view] = [this.#watch, this.#options.view];
    return JSON.stringify(servedStatus(status, { view, watch, verdict: this.verdict, control, ends }));
  }

  /** The events are read again when there are other ones. All who ask meanwhile share that read. */
  #eventsOf({ control: { revision }, ended }: GroupStatus): Promise<[ControlEvent[], ProcessEnd[]]> {
    const key = `${revision} ${ended[0]?.at ?? ''}`;
    if (this.#events?.key === key) return this.#events.read;
    const { control: store } = inspectorOf(this.#options.view);
    const events = { key, read: Promise.all([store.events(), store.ends(KEPT_ENDS)]) };
    this.#events = events;
    // A failure is not kept: the next request tries again.
    events.read.catch(() => {
      if (this.#events === events) this.#events = undefined;
    });
    return events.read;
  }

  async #statusWithin(age: number): Promise<GroupStatus> {
    const now = performance.now();
    if (!this.#status || now - this.#statusAt >= age) {
      const inspector = inspectorOf(this.#options.view);
      const status = this.#timed(() => readStatus(inspector, this.#options.view, this.#options.view.source));
      this.#statusAt = now;
      this.#status = status;
      status.then(
        (read) => this.#watch.addConsumers(read, now),
        // A failure is not kept: the next request tries again.
        () => {
          if (this.#status === status) this.#status = undefined;
        },
      );
    }
    return this.#status;
  }

  async #look(): Promise<void> {
    const { isWatched, onRead, view } = this.#options;
    const inspector = inspectorOf(view);
    const now = performance.now();
    await this.#lookAtMemory(now);
    // A request may have read the status a moment ago: a rate needs some time between two readings.
    const status = isWatched() ? await this.#statusWithin(EVERY / 2) : undefined;
    const totals = status
      ? totalsOf(status)
      : await this.#timed(() => readTotals(inspector, this.#options.view.source));
    this.#totals = totals;
    this.#totalsAt = status ? this.#statusAt : now;
    this.#failure = undefined;
    this.#watch.add(status ? { ...totals, halted: status.halted } : totals, this.#totalsAt);
    // Without a lane the sums make no point.
    const added = isPartial(totals)
      ? this.history.hole(Date.parse(totals.time))
      : this.history.add(totals, this.#totalsAt);
    onRead(totals, status && (await this.#served(status)), added);
  }

  async #lookAtMemory(now: number): Promise<void> {
    if (now - this.#memoryAt < MEMORY_EVERY) return;
    this.#watch.addMemory(await inspectorOf(this.#options.view).server(), now);
    this.#memoryAt = now;
  }

  /** Notes that there was no reading, while Redis does not answer. */
  #tick(): void {
    if (performance.now() - this.#totalsAt < HOLE_AFTER) return;
    const time = Date.now() + this.#options.view.stats.redisAhead;
    this.#options.onMissing(this.history.hole(Math.round(time)));
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
