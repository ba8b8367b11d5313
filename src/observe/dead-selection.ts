import { createHash } from 'node:crypto';
import { CgroupError } from '../core/errors.js';
import { timeOfId } from '../core/stream-id.js';
import { DURATION, parseDuration } from '../settings/durations.js';

/** Which dead letters are meant: those to which all of it applies. */
export interface DeadLetterSelection {
  /** Their reason: `invalid-json`, `no-message-id`, `failed` or `timeout`. */
  readonly reason?: string | undefined;
  /** A text in their error, in upper or lower case: within its first 2,000 bytes. */
  readonly error?: string | undefined;
  /** Those that died since then: a time, in text as ISO 8601, or a duration such as `10m`, by Redis's clock. */
  readonly since?: string | Date | undefined;
  /** Only those that stop an order (onDead halt). */
  readonly halted?: boolean | undefined;
  /** Those of one group: its key, as `groups()` gives it. */
  readonly group?: string | undefined;
  /** Those that were there when this was `newest` of `count()`. */
  readonly through?: string | undefined;
  /** Of those only so many, the newest. */
  readonly limit?: number | undefined;
}

/** What a selection looks at. */
interface SeenLetter {
  readonly id: string;
  readonly reason: string;
  readonly error: string;
  readonly halted?: true;
}

/** A day, or a time of it. Without a zone it is local. */
const ISO = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?$/i;

/**
 * The time that `since` means: ms since 1970.
 *
 * @param now of the clock to which a duration refers
 * @throws {CgroupError} SETTINGS if it means none
 */
export function sinceOf(since: string | Date, now: number): number {
  if (typeof since === 'string' && DURATION.test(since)) return now - parseDuration(since);
  const time = since instanceof Date ? since.getTime() : ISO.test(since) ? Date.parse(since) : Number.NaN;
  if (Number.isFinite(time)) return time;
  const given = since instanceof Date ? 'an invalid Date' : JSON.stringify(since);
  throw new CgroupError(
    'SETTINGS',
    `since must be a duration such as 10m, or a time such as 2026-11-21T08:00:00Z; got ${given}`,
  );
}

/**
 * Says which dead letters a selection means, its limit aside.
 *
 * @param now ms since 1970, by Redis's clock
 * @throws {CgroupError} SETTINGS for a wrong time, an empty error, or a wrong limit
 */
export function matcherOf(selection: DeadLetterSelection, now: number): (letter: SeenLetter) => boolean {
  const { reason, error, since, halted, group } = selection;
  checkLimit(selection.limit);
  if (error === '') throw new CgroupError('SETTINGS', 'error must be a text to look for; got an empty one');
  const from = since === undefined ? undefined : sinceOf(since, now);
  const wanted = error?.toLowerCase();
  return (letter) =>
    (reason === undefined || letter.reason === reason) &&
    (from === undefined || timeOfId(letter.id) >= from) &&
    (!halted || letter.halted === true) &&
    (group === undefined || groupKeyOf(letter) === group) &&
    (wanted === undefined || letter.error.toLowerCase().includes(wanted));
}

function checkLimit(limit: number | undefined): void {
  if (limit === undefined || limit === Number.POSITIVE_INFINITY) return;
  if (Number.isSafeInteger(limit) && limit >= 0) return;
  throw new CgroupError('SETTINGS', `limit must be a whole number or Infinity; got ${limit}`);
}

/** Dead letters with the same reason and nearly the same error. */
export interface DeadLetterGroup {
  /** Names the group in a selection; null for all others. */
  readonly key: string | null;
  readonly count: number;
  readonly reason: string;
  /** The first line of the error of the newest. */
  readonly error: string;
  /** When the oldest and the newest became dead letters: ISO 8601. */
  readonly oldest: string;
  readonly newest: string;
  /** The id of the newest. */
  readonly id: string;
}

/** Most groups: each costs some memory. */
const MOST_GROUPS = 1_000;
/** In place of the error of dead letters that are in no group of their own. */
const OTHERS = '(other errors)';
/** Characters of an error that tell its group. */
const LONGEST_KIND = 500;

/** Counts dead letters by what went wrong. Takes the newest first. */
export class DeadLetterGroups {
  readonly #most: number;
  readonly #groups = new Map<string, DeadLetterGroup>();

  /** @param most groups, besides one for all others */
  constructor(most = MOST_GROUPS) {
    this.#most = most;
  }

  add({ id, time, reason, error }: SeenLetter & { readonly time: string }): void {
    const [line = ''] = error.split('\n', 1);
    const own = kindOf(reason, error);
    const isNew = !this.#groups.has(own) && this.#groups.size >= this.#most;
    const [key, first] = isNew
      ? ['', { key: null, count: 0, reason: '', error: OTHERS, newest: time, id }]
      : [own, { key: keyOf(own), count: 0, reason, error: line, newest: time, id }];
    const group = this.#groups.get(key) ?? first;
    this.#groups.set(key, { ...group, count: group.count + 1, oldest: time });
  }

  /** The largest first. */
  get groups(): DeadLetterGroup[] {
    return [...this.#groups.values()].sort((a, b) => b.count - a.count || (a.newest < b.newest ? 1 : -1));
  }
}

/** The key of the group of a dead letter: the same for all with the same reason and nearly the same error. */
function groupKeyOf({ reason, error }: Pick<SeenLetter, 'reason' | 'error'>): string {
  return keyOf(kindOf(reason, error));
}

function keyOf(kind: string): string {
  return createHash('sha256').update(kind).digest('hex').slice(0, 16);
}

/** The reason, and what errors have in common that differ in numbers, ids and quoted texts only. */
function kindOf(reason: string, error: string): string {
  const [line = ''] = error.split('\n', 1);
  const common = line
    .replace(/"[^"]*"|`[^`]*`|(?<!\w)'[^']*'(?!\w)/g, '#')
    .replace(/\b(?=[a-f-]*\d)[\da-f][\da-f-]*\b|\d+/gi, '#');
  // Cut when numbers are gone: longer ones leave less of the rest.
  return `${reason}\0${common.slice(0, LONGEST_KIND)}`;
}
