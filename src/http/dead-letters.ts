import { performance } from 'node:perf_hooks';
import { CgroupError } from '../core/errors.js';
import { shownDeadLetter } from '../observe/dead-letter.js';
import type { Readings } from './readings.js';
import type { GroupView } from './view.js';

/** Dead letters in a page, and bytes of each of their texts. */
const LETTERS = 25;
const LONGEST_TEXT = 2_000;
/** ms that a page is kept at most, and how many are. */
const KEEP = 1_000;
const MOST_KEPT = 20;

/**
 * Pages of dead letters, as texts: each is read once, however many ask for it at a time. None is older than the last
 * reading of the group, for whoever has heard there of another letter comes to see it.
 */
export class DeadLetterPages {
  readonly #view: GroupView;
  readonly #readings: Readings;
  readonly #kept = new Map<string, Promise<string>>();
  #keptSince = 0;
  /** How many readings there had been then. */
  #reading = 0;

  constructor(view: GroupView, readings: Readings) {
    this.#view = view;
    this.#readings = readings;
  }

  /**
   * @param before the id of a letter: those older than it; undefined for the newest
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
    // The next one who asks tries again.
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
    const { inspector } = this.#view;
    if (!inspector) throw new CgroupError('STATE', 'the group is not connected yet');
    const letters = await inspector.deadLettersBefore(before, LETTERS + 1, LONGEST_TEXT);
    return JSON.stringify({
      letters: letters.slice(0, LETTERS).map((letter) => ({
        ...shownDeadLetter(letter),
        message_bytes: letter.messageBytes,
      })),
      more: letters.length > LETTERS,
    });
  }
}
