import { CgroupError, hasCode } from '../core/errors.js';
import { ReadSize } from '../core/read-size.js';
import type { Keys } from './keys.js';
import { type OutputEnd, type OutputEntry, outputElementOf } from './output.js';
import type { Connection } from './protocol/connection.js';
import { type EntryReply, entryOf, type StreamEntry } from './reading.js';
import { parkedResult, type WrittenResult } from './result-text.js';
import { type Results, type ResultsPage, results } from './scripts/group.js';

/** Most entries of a page. */
const PAGE = 1_000;

/** Reads all that a key of a group holds, page by page: each is bounded by what the last one held. */
export class Pages {
  readonly #connection: Connection;
  readonly #keys: Keys;

  constructor(connection: Connection, keys: Keys) {
    this.#connection = connection;
    this.#keys = keys;
  }

  /** The messages that wait behind another one of their key. They have no id yet, but for those that came back. */
  async *held(): AsyncGenerator<StreamEntry> {
    for await (const member of this.#members(this.#keys.held)) {
      const past = member.indexOf(0, member.indexOf(0) + 1) + 1;
      const end = member.indexOf(0, past);
      if (past === 0 || end < 0) continue;
      const [id = ''] = member.toString('latin1', past, end).split(' ');
      yield { id, fields: { message: member.subarray(end + 1) } };
    }
  }

  /** The results that wait for earlier ones. */
  async *parked(): AsyncGenerator<Pick<WrittenResult, 'inboxId' | 'messageId'>> {
    for await (const member of this.#members(this.#keys.parked)) {
      const result = parkedResult(member);
      if (result) yield result;
    }
  }

  /** The members of a zset whose scores are all 0. */
  async *#members(key: string): AsyncGenerator<Buffer> {
    const size = new ReadSize(PAGE);
    for (let from = Buffer.from('-'); ; ) {
      const args = [key, from, '+', 'LIMIT', 0, size.count] as const;
      const page = (await this.#connection.callBuffer('ZRANGEBYLEX', ...args)) as Buffer[];
      size.came(
        page.length,
        page.reduce((sum, member) => sum + member.length, 0),
      );
      yield* page;
      const last = page.at(-1);
      if (!last) return;
      from = Buffer.concat([Buffer.from('('), last]);
    }
  }

  /** The results in an output list. @throws {CgroupError} STALE as for {@link Inspector.output} */
  async *elements({ lastOutput, counters }: OutputEnd): AsyncGenerator<OutputEntry> {
    const size = new ReadSize(PAGE);
    const last = counters.processed - 1;
    let [from, mark]: [number | undefined, string] = [undefined, ''];
    while (lastOutput !== '') {
      const options: ResultsPage = { from, count: size.count, last };
      const page: Results | undefined = await this.#sized(size, () =>
        this.#connection.run(results, this.#keys, options),
      );
      if (page === undefined) continue;
      // There is no element with that number any more if all up to it were taken.
      const isSame = (found: string, known: string) => found === '' || known === '' || found === known;
      if (!isSame(page.before, mark) || !isSame(page.last, lastOutput))
        throw new CgroupError(
          'STALE',
          `the list ${this.#keys.output} changed at its right side or in its middle while it was read: ` +
            'take results from its left side only (LPOP, LMOVE), or try again when no program takes any',
        );
      if (page.last === '') return;
      const { first, elements } = page;
      const before = elements.slice(0, Math.max(0, last + 1 - first));
      for (const [i, element] of before.entries()) yield outputElementOf(first + i, element);
      size.came(
        elements.length,
        elements.reduce((sum, { length }) => sum + length, 0),
      );
      if (before.length < options.count) return;
      [from, mark] = [first + elements.length, page.lastOfPage];
    }
  }

  /** Undefined if the reply did not come: a large one may have been too much for the link, or for a limit of Redis. */
  async #sized<T>(size: ReadSize, read: () => Promise<T>): Promise<T | undefined> {
    const { count } = size;
    try {
      return await read();
    } catch (error) {
      if (count === 1 || !hasCode(error, 'REDIS_UNREACHABLE')) throw error;
      size.failed();
      return undefined;
    }
  }

  /** The entries of a stream. @param last '' for no entry at all */
  async *entries(
    command: 'XRANGE' | 'XREVRANGE',
    key: string,
    first: string,
    last: string,
    most = Infinity,
  ): AsyncGenerator<StreamEntry> {
    if (last === '') return;
    const size = new ReadSize(PAGE);
    let from = first;
    let left = most;
    while (left > 0) {
      const count = Math.min(left, size.count);
      const read = () => this.#connection.callBuffer(command, key, from, last, 'COUNT', count);
      const reply = await this.#sized(size, read);
      if (reply === undefined) continue;
      const page = (reply as EntryReply[]).map(entryOf);
      size.came(page.length, bytesIn(page));
      yield* page;
      left -= page.length;
      const end = page.at(-1);
      if (!end || page.length < count) return;
      from = `(${end.id}`;
    }
  }
}

function bytesIn(entries: readonly StreamEntry[]): number {
  return entries.flatMap(({ fields }) => Object.values(fields)).reduce((sum, value) => sum + value.length, 0);
}
