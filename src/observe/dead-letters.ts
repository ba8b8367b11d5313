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
}

export function shownDeadLetter({ id, fields }: StreamEntry): ShownDeadLetter {
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
    message: text('message'),
    ...(isUtf8(message) ? {} : { message_base64: message.toString('base64') }),
  };
}

/** The dead letters of a group: reads them, sends them back, deletes them. */
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
    const deadLetters: ShownDeadLetter[] = [];
    for await (const entry of this.#inspector.newestDeadLetters(limit))
      deadLetters.push(shownDeadLetter(entry));
    return deadLetters;
  }

  /**
   * The newest first, long texts cut: costs the same whatever the messages hold.
   *
   * @internal for lists
   * @param longest bytes of each text
   */
  async previews(limit: number, longest: number): Promise<ShownDeadLetter[]> {
    return (await this.#inspector.deadLettersBefore(undefined, limit, longest)).map(shownDeadLetter);
  }

  /**
   * One of them; undefined if there is none with this id.
   *
   * @throws {CgroupError} NOT_FOUND for a text that is no id
   */
  async show(id: string): Promise<ShownDeadLetter | undefined> {
    checkIds([id]);
    const entry = await this.#inspector.deadLetter(id);
    return entry && shownDeadLetter(entry);
  }

  /**
   * Sends dead letters back to the inbox, to be processed like new messages.
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

  /** How many are kept, and the id of the newest: '' for none. */
  async count(): Promise<{ readonly count: number; readonly newest: string }> {
    const { lastDead, deadLetters } = await this.#inspector.read();
    return { count: deadLetters, newest: lastDead };
  }

  /**
   * Deletes dead letters for good.
   *
   * @param options.through the id of the newest one to delete; all that are there now by default
   * @returns how many were deleted
   * @throws {CgroupError} NOT_FOUND for a text that is no id
   */
  async purge({ through }: { readonly through?: string } = {}): Promise<number> {
    if (through) checkIds([through]);
    return this.#inspector.purge(through ?? (await this.count()).newest);
  }
}

function checkIds(ids: readonly string[]): void {
  const wrong = ids.find((id) => !isEntryId(id));
  if (wrong === undefined) return;
  const message = `the id of a dead letter looks like 1795251095809-0; got ${JSON.stringify(wrong)}`;
  throw new CgroupError('NOT_FOUND', message);
}
