import { isUtf8 } from 'node:buffer';
import { wholeOf } from '../core/away-lanes.js';
import { deadLetterPlaceIn, NewestDeadLetters } from '../core/dead-letter-id.js';
import { CgroupError } from '../core/errors.js';
import { timeOfId } from '../core/stream-id.js';
import { integerOf, LATEST_TIME } from '../redis/foreign.js';
import type { GroupInspector } from '../redis/group-inspector.js';
import type { StreamEntry } from '../redis/reading.js';
import {
  type DeadLetterGroup,
  DeadLetterGroups,
  type DeadLetterSelection,
  matcherOf,
  sinceOf,
} from './dead-selection.js';

/** Most dead letters that {@link DeadLetters.list} returns by default. */
const LISTED = 50;
/** Dead letters read at once, to see which there are. */
const PAGE = 1_000;
/** Bytes of a text that are read to find and list them. */
const LONGEST_TEXT = 2_000;
/** Bytes of a text that are enough to know a reason. */
const LONGEST_REASON = 100;

/** A dead letter as it is shown, with the names of the stream's fields. */
export interface ShownDeadLetter {
  /** Its id in the dead-letter stream; with several lanes the number of the lane follows: `1795251095809-0@2`. */
  readonly id: string;
  /** When the message became a dead letter: ISO 8601, Redis's clock; the latest time of a Date for a later foreign id. */
  readonly time: string;
  readonly reason: string;
  readonly error: string;
  readonly attempts: number;
  readonly consumer_id: string;
  readonly inbox_id: string;
  /** As published; bytes that are not UTF-8 are replaced. */
  readonly message: string;
  /** The exact bytes, if they are not UTF-8. */
  readonly message_base64?: string;
  /** The key of the message, as JSON; only with order `key`. */
  readonly key?: string;
  /**
   * The stack of the Error that ended the last attempt: at most 4 KB, without the frames of cgroup. Only of a module or a function,
   * and only in letters that are read in full.
   */
  readonly stack?: string;
  /** There if it stops an order (onDead halt): until it is sent back, skipped or purged. */
  readonly halted?: true;
}

/** @param halted the ids of those that stop an order */
export function shownDeadLetter(
  { id, fields }: StreamEntry,
  halted: ReadonlySet<string> = new Set(),
): ShownDeadLetter {
  const text = (name: string) => fields[name]?.toString('utf8') ?? '';
  const message = fields.message ?? Buffer.alloc(0);
  return {
    id,
    time: new Date(Math.min(timeOfId(id), LATEST_TIME)).toISOString(),
    reason: text('reason'),
    error: text('error'),
    attempts: integerOf(text('attempts')) ?? 0,
    consumer_id: text('consumer_id'),
    inbox_id: text('inbox_id'),
    ...(fields.key && { key: text('key') }),
    ...(halted.has(id) && { halted: true as const }),
    ...(fields.stack && { stack: text('stack') }),
    message: text('message'),
    ...(isUtf8(message) ? {} : { message_base64: message.toString('base64') }),
  };
}

/** The dead letters of a group: reads them, sends them back, skips them where they stop an order, deletes them. */
export class DeadLetters {
  readonly #inspector: GroupInspector;

  constructor(inspector: GroupInspector) {
    this.#inspector = inspector;
  }

  /**
   * Dead letters in full, the newest first.
   *
   * @param selection of them: 50 if it has no limit, all with Infinity
   * @throws {CgroupError} SETTINGS for a wrong time or limit
   */
  async list({ limit = LISTED, ...selection }: DeadLetterSelection = {}): Promise<ShownDeadLetter[]> {
    const halted = await this.#halted();
    const deadLetters: ShownDeadLetter[] = [];
    if (isAnyOf(selection)) {
      matcherOf({ limit }, 0);
      for await (const entry of this.#inspector.newestDeadLetters(limit))
        deadLetters.push(shownDeadLetter(entry, halted));
      return deadLetters;
    }
    for await (const { id } of this.#selected({ ...selection, limit }, LONGEST_TEXT)) {
      const entry = await this.#inspector.deadLetter(id);
      if (entry) deadLetters.push(shownDeadLetter(entry, halted));
    }
    return deadLetters;
  }

  /**
   * The newest first, long texts cut: costs the same whatever the messages hold.
   *
   * @internal for lists
   */
  async previews(selection: DeadLetterSelection): Promise<ShownDeadLetter[]> {
    const letters: ShownDeadLetter[] = [];
    for await (const letter of this.#selected(selection, LONGEST_TEXT)) letters.push(letter);
    return letters;
  }

  /**
   * The ids of dead letters that are there now, the oldest first: for {@link retry}, {@link skip} and {@link purge}.
   *
   * @throws {CgroupError} SETTINGS for a wrong time or limit
   */
  async select(selection: DeadLetterSelection = {}): Promise<string[]> {
    const ids: string[] = [];
    const { error, group } = selection;
    const longest = error === undefined && group === undefined ? LONGEST_REASON : LONGEST_TEXT;
    for await (const { id } of this.#selected(selection, longest)) ids.push(id);
    return ids.reverse();
  }

  /**
   * Counts dead letters by reason and error, numbers and quoted texts aside. The largest group comes first.
   *
   * @param selection its limit is how many groups at most: 1,000 by default. One more has all others.
   * @throws {CgroupError} SETTINGS for a wrong time or limit
   */
  async groups({ limit, ...selection }: DeadLetterSelection = {}): Promise<DeadLetterGroup[]> {
    matcherOf({ limit }, 0);
    const groups = new DeadLetterGroups();
    for await (const letter of this.#selected(selection, LONGEST_TEXT)) groups.add(letter);
    return groups.groups.slice(0, limit);
  }

  /**
   * One of them; undefined if there is none with this id.
   *
   * @throws {CgroupError} NOT_FOUND for a text that is no id
   */
  async show(id: string): Promise<ShownDeadLetter | undefined> {
    checkIds([id]);
    const entry = await this.#inspector.deadLetter(id);
    return entry && shownDeadLetter(entry, await this.#halted());
  }

  /**
   * Sends dead letters back to the inbox, to be processed like new messages. One that stops an order keeps its place: its
   * result leaves where it would have left, or before the next message of its key.
   *
   * @param onProgress gets how many were sent back so far, and how many there are
   * @returns the ids of those that were there
   * @throws {CgroupError} NOT_FOUND for a text that is no id; nothing is sent back then
   */
  async retry(ids: readonly string[], onProgress?: (sent: number, total: number) => void): Promise<string[]> {
    const given = await this.#located(ids);
    const total = new Set(ids).size;
    const found = await this.#inspector.revive([...given.keys()], (sent) => onProgress?.(sent, total));
    return asGiven(found, given);
  }

  /**
   * Sends back all that are there now. One that dies again meanwhile stays; else it would be sent back for ever.
   *
   * @param onProgress gets how many were sent back so far, and how many there were
   * @returns how many were sent back
   */
  async retryAll(onProgress?: (sent: number, total: number) => void): Promise<number> {
    return (await this.retry(await this.select(), onProgress)).length;
  }

  /**
   * Gives up the places of dead letters that stop an order (onDead halt): what waits for them goes on without them. They stay dead
   * letters.
   *
   * @returns the ids of those that stopped an order
   * @throws {CgroupError} NOT_FOUND for a text that is no id; none is skipped then
   */
  async skip(ids: readonly string[]): Promise<string[]> {
    const given = await this.#located(ids);
    const skipped = await this.#inspector.halts.skip(({ deadId }) => given.has(deadId));
    return asGiven(
      skipped.map(({ deadId }) => deadId),
      given,
    );
  }

  /**
   * Skips all that stop an order now.
   *
   * @returns how many
   */
  async skipAll(): Promise<number> {
    return (await this.#inspector.halts.skip(() => true)).length;
  }

  /** The ids of those that stop an order. */
  async #halted(): Promise<ReadonlySet<string>> {
    return new Set((await this.#inspector.halts.all()).map(({ deadId }) => deadId));
  }

  /** Those that are there now, the newest first. @param longest bytes of each text */
  async *#selected(selection: DeadLetterSelection, longest: number): AsyncGenerator<ShownDeadLetter> {
    const { lastDead, time } = wholeOf(await this.#inspector.read());
    const now = Date.parse(time);
    const matches = matcherOf(selection, now);
    const { since, limit = Number.POSITIVE_INFINITY, through, ...rest } = selection;
    const there = new NewestDeadLetters(through ?? lastDead);
    const from = since === undefined ? 0 : sinceOf(since, now);
    const halted = await this.#halted();
    const count = isAnyOf(rest) ? Math.min(PAGE, limit) : PAGE;
    let left = limit;
    // Nothing died before.
    if ((through ?? lastDead) === '') return;
    for (let before: string | undefined; left > 0; ) {
      const page = await this.#inspector.deadLettersBefore(before, count, longest);
      for (const entry of page) {
        const letter = shownDeadLetter(entry, halted);
        if (!there.has(letter.id) || !matches(letter)) continue;
        yield letter;
        if (--left === 0) return;
      }
      const last = page.at(-1)?.id;
      if (last === undefined || page.length < count || timeOfId(last) < from) return;
      before = last;
    }
  }

  /**
   * How many are kept, how many of them stop an order at most, and the id of the newest, with several lanes those of the newest
   * ones: '' for none.
   *
   * @param ids count these only: then it is exact how many stop an order
   */
  async count(
    ids?: readonly string[],
  ): Promise<{ readonly count: number; readonly halted: number; readonly newest: string }> {
    if (ids) {
      const halted = await this.#halted();
      return {
        count: ids.length,
        halted: ids.filter((id) => halted.has(id)).length,
        newest: ids.at(-1) ?? '',
      };
    }
    const { lastDead, deadLetters, haltedCount } = wholeOf(await this.#inspector.read());
    return { count: deadLetters, halted: Math.min(haltedCount, deadLetters), newest: lastDead };
  }

  /**
   * Deletes dead letters for good. Those that stop an order are skipped first: it would wait for nothing.
   *
   * @returns the ids of those that were there
   * @throws {CgroupError} NOT_FOUND for a text that is no id; none is deleted then
   */
  async purge(ids: readonly string[]): Promise<string[]>;
  /**
   * Deletes all up to one of them, in the order of {@link list}: with several lanes those of the other lanes, too.
   *
   * @param options.through the id of the newest one to delete, or `newest` of {@link count}; all that are there now by default
   * @returns how many were deleted
   * @throws {CgroupError} NOT_FOUND for a text that is no id, or a lane that the group never had; none is deleted then
   */
  async purge(options?: { readonly through?: string }): Promise<number>;
  async purge(which: readonly string[] | { readonly through?: string } = {}): Promise<string[] | number> {
    if (isList(which)) return this.#purgeThese(which);
    const { through } = which;
    if (through) this.#checkThrough(through.replace(/,$/, '').split(','));
    const last = through ?? (await this.count()).newest;
    const there = new NewestDeadLetters(last);
    await this.#inspector.halts.skip(({ deadId }) => there.has(deadId));
    return this.#inspector.purge(last);
  }

  #checkThrough(ids: readonly string[]): void {
    checkIds(ids);
    const { laneNumbers } = this.#inspector;
    const lanes = ids.flatMap((id) => deadLetterPlaceIn(id)?.lane ?? []);
    const unknown = lanes.find((lane) => !laneNumbers.includes(lane));
    if (unknown !== undefined) throw new CgroupError('NOT_FOUND', `the group has no lane ${unknown}`);
  }

  async #purgeThese(ids: readonly string[]): Promise<string[]> {
    const given = await this.#located(ids);
    await this.#inspector.halts.skip(({ deadId }) => given.has(deadId));
    return asGiven(await this.#inspector.purgeThese([...given.keys()]), given);
  }

  /** The ids under which the group knows those that are meant, each with the one that was given. */
  #located(ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    checkIds(ids);
    return this.#inspector.located([...new Set(ids)]);
  }
}

function isList(which: readonly string[] | object): which is readonly string[] {
  return Array.isArray(which);
}

/** Whether a selection leaves out nothing. */
function isAnyOf(selection: DeadLetterSelection): boolean {
  return Object.values(selection).every((value) => value === undefined || value === false);
}

/** The ids that were given for those that were found. */
function asGiven(found: readonly string[], given: ReadonlyMap<string, string>): string[] {
  return found.map((id) => given.get(id) ?? id);
}

function checkIds(ids: readonly string[]): void {
  const wrong = ids.find((id) => !deadLetterPlaceIn(id));
  if (wrong === undefined) return;
  const message = `the id of a dead letter looks like 1795251095809-0; got ${JSON.stringify(wrong)}`;
  throw new CgroupError('NOT_FOUND', message);
}
