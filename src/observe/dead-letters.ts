import { isUtf8 } from 'node:buffer';
import { CgroupError } from '../core/errors.js';
import { compareIds, isEntryId, timeOfId } from '../core/stream-id.js';
import { integerOf, LATEST_TIME } from '../redis/foreign.js';
import type { Inspector } from '../redis/inspect.js';
import type { StreamEntry } from '../redis/reading.js';

/** Most dead letters that {@link DeadLetters.list} returns by default. */
const LISTED = 50;
/** Dead letters read at once, to see which there are. */
const PAGE = 1_000;

/** A dead letter as it is shown, with the names of the stream's fields. */
export interface ShownDeadLetter {
  /** Its id in the dead-letter stream. */
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
    message: text('message'),
    ...(isUtf8(message) ? {} : { message_base64: message.toString('base64') }),
  };
}

/** The dead letters of a group: reads them, sends them back, skips them where they stop an order, deletes them. */
export class DeadLetters {
  readonly #inspector: Inspector;

  constructor(inspector: Inspector) {
    this.#inspector = inspector;
  }

  /**
   * The newest first.
   *
   * @param options.limit how many at most: 50 by default, Infinity for all
   * @throws {CgroupError} SETTINGS for another limit
   */
  async list({ limit = LISTED }: { readonly limit?: number } = {}): Promise<ShownDeadLetter[]> {
    if (limit !== Number.POSITIVE_INFINITY && !(Number.isSafeInteger(limit) && limit >= 0))
      throw new CgroupError('SETTINGS', `limit must be a whole number or Infinity; got ${limit}`);
    const halted = await this.#halted();
    const deadLetters: ShownDeadLetter[] = [];
    for await (const entry of this.#inspector.newestDeadLetters(limit))
      deadLetters.push(shownDeadLetter(entry, halted));
    return deadLetters;
  }

  /**
   * The newest first, long texts cut: costs the same whatever the messages hold.
   *
   * @internal for lists
   * @param longest bytes of each text
   */
  async previews(limit: number, longest: number): Promise<ShownDeadLetter[]> {
    const letters = await this.#inspector.deadLettersBefore(undefined, limit, longest);
    const halted = await this.#halted();
    return letters.map((letter) => shownDeadLetter(letter, halted));
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
   * @returns the ids of those that were there
   * @throws {CgroupError} NOT_FOUND for a text that is no id; nothing is sent back then
   */
  async retry(ids: readonly string[]): Promise<string[]> {
    checkIds(ids);
    return this.#inspector.revive([...new Set(ids)]);
  }

  /**
   * Sends back all that are there now. One that dies again meanwhile stays; else it would be sent back for ever.
   *
   * @param onProgress gets how many were sent back so far, and how many there were
   * @returns how many were sent back
   */
  async retryAll(onProgress?: (sent: number, total: number) => void): Promise<number> {
    const { lastDead, deadLetters } = await this.#inspector.read();
    const ids = (await this.#all(lastDead)).reverse();
    return (await this.#inspector.revive(ids, (sent) => onProgress?.(sent, deadLetters))).length;
  }

  /**
   * Gives up the places of dead letters that stop an order (onDead halt): what waits for them goes on without them. They stay dead
   * letters.
   *
   * @returns the ids of those that stopped an order
   * @throws {CgroupError} NOT_FOUND for a text that is no id; none is skipped then
   */
  async skip(ids: readonly string[]): Promise<string[]> {
    checkIds(ids);
    const wanted = new Set(ids);
    return (await this.#inspector.halts.skip(({ deadId }) => wanted.has(deadId))).map(({ deadId }) => deadId);
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

  /** The ids of all up to one of them, the newest first. */
  async #all(last: string): Promise<string[]> {
    const all: string[] = [];
    for (let before: string | undefined; ; ) {
      const page = await this.#inspector.deadLettersBefore(before, PAGE, 0);
      all.push(...page.map(({ id }) => id));
      before = page.at(-1)?.id;
      if (page.length < PAGE) return all.filter((id) => compareIds(id, last) <= 0);
    }
  }

  /** How many are kept, how many of them stop an order at most, and the id of the newest: '' for none. */
  async count(): Promise<{ readonly count: number; readonly halted: number; readonly newest: string }> {
    const { lastDead, deadLetters, haltedCount } = await this.#inspector.read();
    return { count: deadLetters, halted: Math.min(haltedCount, deadLetters), newest: lastDead };
  }

  /**
   * Deletes dead letters for good. Those that stop an order are skipped first: it would wait for nothing.
   *
   * @param options.through the id of the newest one to delete; all that are there now by default
   * @returns how many were deleted
   * @throws {CgroupError} NOT_FOUND for a text that is no id
   */
  async purge({ through }: { readonly through?: string } = {}): Promise<number> {
    if (through) checkIds([through]);
    const last = through ?? (await this.count()).newest;
    await this.#inspector.halts.skip(({ deadId }) => deadId !== '' && compareIds(deadId, last) <= 0);
    return this.#inspector.purge(last);
  }
}

function checkIds(ids: readonly string[]): void {
  const wrong = ids.find((id) => !isEntryId(id));
  if (wrong === undefined) return;
  const message = `the id of a dead letter looks like 1795251095809-0; got ${JSON.stringify(wrong)}`;
  throw new CgroupError('NOT_FOUND', message);
}
