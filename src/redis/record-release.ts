import { createHash, randomUUID } from 'node:crypto';
import type { DeadLetter, Halt } from '../core/consumer-store.js';
import { type Recorder, rowOf } from '../core/record.js';
import type { Sink } from '../core/sink.js';
import type { Keys } from './keys.js';
import type { Connection } from './protocol/connection.js';
import { parkedResult, resultText, type WrittenResult } from './result-text.js';
import { type LetOut, type RecordChange, type RecordedPage, recordScript } from './scripts/ordered.js';

/** A dead letter whose message only Redis has. */
export type RefusedLetter = Omit<DeadLetter, 'message' | 'entryId'>;

/** The record of a group with total order. */
export interface RecordReleaseOptions {
  readonly recorder: Recorder;
  /** Whether a row that the record refuses stops the order (onDead halt). */
  readonly halt: boolean;
  readonly deadMaxLen: number;
  /** Called when results may go out: {@link RecordRelease.letOut} has to be called, one call at a time. */
  readonly onMore: () => void;
  /** Called with the dead letters of rows that the record refused, when Redis has them. */
  readonly onBuried: (deadLetters: readonly RefusedLetter[]) => void;
  /** Called with those of them that stop the order. */
  readonly onHalted: (halts: readonly Halt[]) => void;
}

/** What goes out, and how. */
export interface ReleaseOptions extends Sink {
  readonly group: string;
  readonly maxLength: number;
  readonly window: number | undefined;
}

/**
 * Total order with a record: a page of results that wait for nothing any more is written to the record in one transaction, in its
 * order, and then goes out. Any process may do this at any time, also with the same page as another one: record.lua says
 * why that changes nothing.
 */
export class RecordRelease {
  readonly #connection: Connection;
  readonly #keys: Keys;
  readonly #record: RecordReleaseOptions;
  readonly #owner = randomUUID();
  /** The record did not take the last page: then others may try. */
  #failed = false;

  constructor(connection: Connection, keys: Keys, record: RecordReleaseOptions) {
    this.#connection = connection;
    this.#keys = keys;
    this.#record = record;
  }

  /**
   * Records everything that waits for nothing any more, and lets it out.
   *
   * @param onReply called with what Redis says of the rest
   * @param goOn asked before each further page: others may commit all the time, and there is always a next one
   * @throws {CgroupError} what Redis or the record answers: what did not go out waits for the next call
   */
  async letOut(
    { timed, ...options }: ReleaseOptions,
    onReply: (reply: LetOut) => void,
    goOn: () => boolean,
  ): Promise<void> {
    const { halt, deadMaxLen } = this.#record;
    let recorded: Recorded | undefined;
    for (;;) {
      const isLast = recorded !== undefined && !goOn();
      const claims = !this.#failed && !isLast;
      const { buried, page, ...reply } = await this.#connection.run(recordScript, this.#keys, {
        ...{ ...options, halt, deadMaxLen, claims, owner: this.#owner },
        recorded: recorded?.page,
      });
      onReply(reply);
      if (recorded && buried.size > 0) this.#report(recorded, buried);
      if (page.length === 0 || isLast) return;
      this.#failed = true;
      recorded = await this.#write(page, options.list, timed);
      this.#failed = false;
    }
  }

  async #write(page: readonly Buffer[], list: boolean, timed: boolean): Promise<Recorded> {
    const { recorder, halt } = this.#record;
    const results = page.map(parkedResult);
    const ours = results.filter((result) => result !== undefined);
    const { refused, before } = await recorder.write(ours.map(rowOf), halt);
    const errors = new Map(refused.map(({ inboxId, error }) => [inboxId, error]));
    const held = new Map(before.map((one) => [one.inboxId, one]));
    const changes: RecordChange[] = [];
    const texts: string[] = [];
    const letters = new Map<number, RefusedLetter>();
    const change = (one: RecordChange, text: string) => {
      changes.push(one);
      texts.push(text);
    };
    let count = 0;
    for (const result of results) {
      const n = ++count;
      const error = result && errors.get(result.inboxId);
      if (!result) change({ n, kind: 'foreign' }, '');
      else if (error !== undefined) {
        const letter = letterOf(result, error);
        const { inboxId, consumerId, attempts } = letter;
        letters.set(n, letter);
        change({ n, kind: 'dead', inboxId, consumerId, attempts }, error);
        if (halt) break; // nothing behind it is in the record
      } else if (held.has(result.inboxId))
        change({ n, kind: 'result' }, resultText({ ...result, ...held.get(result.inboxId) }, list, timed));
    }
    const digest = createHash('sha1');
    for (const part of page.slice(0, count)) digest.update(part);
    return { page: { count, digest: digest.digest('hex'), changes, texts }, letters };
  }

  #report({ letters }: Recorded, buried: ReadonlyMap<number, string>): void {
    const { halt, onBuried, onHalted } = this.#record;
    const written = [...buried].flatMap(([n, deadId]) => {
      const letter = letters.get(n);
      return letter ? [{ letter, deadId }] : [];
    });
    onBuried(written.map(({ letter }) => letter));
    if (halt)
      onHalted(written.map(({ letter: { inboxId }, deadId }) => ({ deadId, inboxId, key: undefined })));
  }
}

/** A page in the record. */
interface Recorded {
  readonly page: RecordedPage;
  /** The rows that the record refuses, by their numbers in the page. */
  readonly letters: ReadonlyMap<number, RefusedLetter>;
}

function letterOf({ inboxId, consumerId, attempts = 1 }: WrittenResult, error: string): RefusedLetter {
  return { inboxId, consumerId, attempts, reason: 'failed', error, failed: true };
}
