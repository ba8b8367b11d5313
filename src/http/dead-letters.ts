import { performance } from 'node:perf_hooks';
import { shownDeadLetter } from '../observe/dead-letters.js';
import type { Readings } from './readings.js';
import { type GroupView, inspectorOf } from './view.js';

/** Dead letters in a page, and bytes of each of their texts. */
const PAGE = 25;
const LONGEST_TEXT = 2_000;
/** ms after which kept pages are read again, and how many are kept. */
const KEEP = 1_000;
const MOST_KEPT = 20;

/**
 * Pages of dead letters, as JSON. Requests for the same page share one read. No page is older than the last reading of the
 * group: a client that asks because the status counts another dead letter gets to see it.
 */
export class DeadLetterPages {
  readonly #view: GroupView;
  readonly #readings: Readings;
  readonly #kept = new Map<string, Promise<string>>();
  #keptSince = 0;
  /** The number of readings when the kept pages were last dropped. */
  #reading = 0;

  constructor(view: GroupView, readings: Readings) {
    this.#view = view;
    this.#readings = readings;
  }

  /**
   * @param before id of a dead letter: the page holds older ones; undefined for the newest
   * @throws {CgroupError} STATE while the group is not connected yet, or what reading it throws
   */
  page(before: string | undefined): Promise<string> {
    this.#dropOld();
    const key = before ?? '';
    const kept = this.#kept.get(key);
    if (kept) return kept;
    const page = this.#read(before);
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined && this.#kept.size >= MOST_KEPT) this.#kept.delete(oldest);
    this.#kept.set(key, page);
    // A failure is not kept: the next request tries again.
    page.catch(() => {
      if (this.#kept.get(key) === page) this.#kept.delete(key);
    });
    return page;
  }

  #dropOld(): void {
    const now = performance.now();
    const { count } = this.#readings;
    if (count === this.#reading && now - this.#keptSince < KEEP) return;
    this.#kept.clear();
    this.#keptSince = now;
    this.#reading = count;
  }

  async #read(before: string | undefined): Promise<string> {
    const inspector = inspectorOf(this.#view);
    const letters = await inspector.deadLettersBefore(before, PAGE + 1, LONGEST_TEXT);
    return JSON.stringify({
      letters: letters.slice(0, PAGE).map((letter) => ({
        ...shownDeadLetter(letter),
        message_bytes: letter.messageBytes,
      })),
      more: letters.length > PAGE,
    });
  }
}
