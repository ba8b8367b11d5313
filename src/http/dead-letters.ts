import { performance } from 'node:perf_hooks';
import { type ShownDeadLetter, shownDeadLetter } from '../observe/dead-letters.js';
import { DeadLetterGroups, matcherOf } from '../observe/dead-selection.js';
import type { CutDeadLetter } from '../redis/reading.js';
import type { Readings } from './readings.js';
import { type GroupView, inspectorOf } from './view.js';

/** Dead letters in a page, and bytes of each of their texts. */
const PAGE = 25;
const LONGEST_TEXT = 2_000;
/** ms after which kept answers are read again, and how many are kept. */
const KEEP = 1_000;
const MOST_KEPT = 20;
/** Dead letters that a search, and the groups, look through; read at once; and bytes of each of their texts that tell their group. */
const MOST_LOOKED = 10_000;
const LOOKED_AT_ONCE = 500;
const LONGEST_ERROR = 2_000;
const MOST_GROUPS = 100;
/** ms between two looks at all of them. */
const GROUPS_EVERY = 2_000;
/** Bytes of a message that is shown in full. */
const LONGEST_MESSAGE = 1_000_000;

/** Which dead letters a page has. */
export interface DeadLetterQuery {
  /** The id of a dead letter: the page holds older ones; undefined for the newest. */
  readonly before?: string;
  /** The key of a group. */
  readonly group?: string;
  /** A text in their ids, reason, error or message, in upper or lower case. */
  readonly search?: string;
}

/**
 * Dead letters, as JSON. Requests for the same share one read. No page is older than the last reading of the
 * group: a client that asks because the status counts another dead letter gets to see it.
 */
export class DeadLetterPages {
  readonly #view: GroupView;
  readonly #readings: Readings;
  readonly #kept = new Map<string, Promise<string>>();
  #keptSince = 0;
  /** The number of readings when the kept pages were last dropped. */
  #reading = 0;
  #groups: Promise<string> | undefined;
  #groupsAt = Number.NEGATIVE_INFINITY;

  constructor(view: GroupView, readings: Readings) {
    this.#view = view;
    this.#readings = readings;
  }

  /** @throws {CgroupError} STATE while the group is not connected yet, or what reading it throws */
  page(query: DeadLetterQuery): Promise<string> {
    this.#dropOld();
    const key = JSON.stringify([query.before, query.group, query.search]);
    const kept = this.#kept.get(key);
    if (kept) return kept;
    const page =
      query.group === undefined && query.search === undefined ? this.#read(query.before) : this.#find(query);
    const [oldest] = this.#kept.keys();
    if (oldest !== undefined && this.#kept.size >= MOST_KEPT) this.#kept.delete(oldest);
    this.#kept.set(key, page);
    // A failure is not kept: the next request tries again.
    page.catch(() => {
      if (this.#kept.get(key) === page) this.#kept.delete(key);
    });
    return page;
  }

  /** One in full, but for a long message; undefined if there is none with this id. */
  async one(id: string): Promise<string | undefined> {
    const inspector = inspectorOf(this.#view);
    const entry = await inspector.deadLetter(id);
    if (!entry) return undefined;
    const { message = Buffer.alloc(0) } = entry.fields;
    const fields = { ...entry.fields, message: message.subarray(0, LONGEST_MESSAGE) };
    return JSON.stringify({
      ...shownDeadLetter({ id, fields }),
      message_bytes: message.length,
    });
  }

  /** The newest of them counted by reason and error. All clients share one look. */
  groups(): Promise<string> {
    const now = performance.now();
    if (!this.#groups || now - this.#groupsAt >= GROUPS_EVERY) {
      const groups = this.#count();
      this.#groups = groups;
      this.#groupsAt = now;
      groups.catch(() => {
        if (this.#groups === groups) this.#groups = undefined;
      });
    }
    return this.#groups;
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
      letters: letters.slice(0, PAGE).map(shownCut),
      more: letters.length > PAGE,
    });
  }

  async #find({ before, group, search }: DeadLetterQuery): Promise<string> {
    const isOf = matcherOf({ group }, 0);
    const text = search?.toLowerCase();
    const found: ShownDeadLetter[] = [];
    let [searched, next]: [number, string | null] = [0, null];
    for await (const letter of this.#look(before, LONGEST_TEXT)) {
      const shown = shownCut(letter);
      if (isOf(shown) && (text === undefined || hasText(shown, text))) {
        if (found.length === PAGE) break;
        found.push(shown);
      }
      searched++;
      next = letter.id;
    }
    const isEnd = found.length < PAGE && searched < MOST_LOOKED;
    return JSON.stringify({ letters: found, more: !isEnd, searched, next: isEnd ? null : next });
  }

  async #count(): Promise<string> {
    const inspector = inspectorOf(this.#view);
    const { deadLetters } = await inspector.totals();
    const groups = new DeadLetterGroups(MOST_GROUPS);
    let looked = 0;
    for await (const letter of this.#look(undefined, LONGEST_ERROR)) {
      groups.add(shownDeadLetter(letter));
      looked++;
    }
    return JSON.stringify({ groups: groups.groups, looked, of: Math.max(looked, deadLetters) });
  }

  /** The newest before one of them. */
  async *#look(from: string | undefined, longest: number): AsyncGenerator<CutDeadLetter> {
    const inspector = inspectorOf(this.#view);
    let before = from;
    for (let left = MOST_LOOKED; left > 0; ) {
      const count = Math.min(left, LOOKED_AT_ONCE);
      const page = await inspector.deadLettersBefore(before, count, longest);
      yield* page;
      left -= page.length;
      before = page.at(-1)?.id;
      if (page.length < count) return;
    }
  }
}

function shownCut(letter: CutDeadLetter): ShownDeadLetter & { readonly message_bytes: number } {
  return { ...shownDeadLetter(letter), message_bytes: letter.messageBytes };
}

function hasText({ id, inbox_id, reason, error, message }: ShownDeadLetter, text: string): boolean {
  return [id, inbox_id, reason, error, message].some((one) => one.toLowerCase().includes(text));
}
