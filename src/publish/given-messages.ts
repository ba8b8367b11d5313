import { isUtf8 } from 'node:buffer';
import { addAbortSignal, type Readable } from 'node:stream';
import { CgroupError, messageOf } from '../core/errors.js';
import { parseMessage } from '../core/message.js';
import type { OutgoingMessage } from './carry-out.js';
import { canBeListed } from './ledger-file.js';
import { BATCH_BYTES, MAX_MESSAGE_BYTES } from './sizes.js';

const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** Messages that the user has made: texts, or the lines of a stream. It reads no more of the stream than it gives. */
export class GivenMessages {
  readonly #lines: LineReader;
  readonly #needsIds: boolean;
  #number = 0;
  #invalid = 0;

  /**
   * @param needsIds whether each needs a `message_id`, for a ledger
   * @param signal ends the reading of the stream
   */
  constructor(from: readonly string[] | Readable, needsIds: boolean, signal?: AbortSignal) {
    this.#lines = new LineReader(from, signal);
    this.#needsIds = needsIds;
  }

  /** How many were no JSON object with a `message_id`. */
  get invalid(): number {
    return this.#invalid;
  }

  /**
   * The next ones, as soon as there is one: at most so many, and about a megabyte. None at the end.
   *
   * @throws {CgroupError} WRONG_MESSAGE for one that cannot be published; NOT_FOUND if the stream cannot be read
   */
  async take(most: number): Promise<OutgoingMessage[]> {
    const taken: OutgoingMessage[] = [];
    while (taken.length === 0) {
      const lines = await this.#lines.next(most, BATCH_BYTES);
      if (lines.length === 0) return taken;
      for (const line of lines) {
        this.#number++;
        if (line.length > 0) taken.push(this.#outgoing(line));
      }
    }
    return taken;
  }

  /** Ends the stream, of which nothing more is read. */
  close(): void {
    this.#lines.close();
  }

  #outgoing(line: Buffer): OutgoingMessage {
    if (!isUtf8(line)) throw wrongMessage(this.#number, 'it is not UTF-8');
    const text = line.toString();
    const parsed = parseMessage(text);
    if (parsed.valid && (!this.#needsIds || canBeListed(parsed.messageId)))
      return { id: parsed.messageId, text };
    if (this.#needsIds)
      throw wrongMessage(
        this.#number,
        parsed.valid
          ? 'a ledger cannot hold its message_id'
          : `a ledger needs its message_id, and ${parsed.error}`,
      );
    this.#invalid++;
    return { id: undefined, text };
  }
}

function wrongMessage(number: number, why: string): CgroupError {
  return new CgroupError('WRONG_MESSAGE', `message ${number} cannot be published: ${why}`);
}

/** Lines of a stream, each without its end. Holds at most one chunk of the stream, and one line. */
class LineReader {
  readonly #stream: Readable | undefined;
  readonly #chunks: AsyncIterator<Buffer> | undefined;
  readonly #signal: AbortSignal | undefined;
  #lines: Buffer[] = [];
  /** Where a line has begun. */
  #rest: Buffer[] = [];
  #restBytes = 0;
  #count = 0;
  #ended = false;

  constructor(from: readonly string[] | Readable, signal: AbortSignal | undefined) {
    this.#signal = signal;
    if (isStream(from)) {
      this.#stream = signal ? addAbortSignal(signal, from) : from;
      this.#chunks = this.#stream[Symbol.asyncIterator]();
    } else this.#lines = from.map((text) => Buffer.from(text));
  }

  close(): void {
    this.#stream?.destroy();
  }

  /** At most so many lines, and about so many bytes: those that are there, or else the next ones. None at the end. */
  async next(most: number, bytes: number): Promise<Buffer[]> {
    while (this.#lines.length === 0 && this.#chunks && !this.#ended) await this.#read(this.#chunks);
    let [count, sum] = [0, 0];
    for (const { length } of this.#lines) {
      if (count === most || (count > 0 && sum + length > bytes)) break;
      count++;
      sum += length;
    }
    this.#count += count;
    return this.#lines.splice(0, count);
  }

  async #read(chunks: AsyncIterator<Buffer>): Promise<void> {
    const chunk = await this.#nextChunk(chunks);
    if (chunk === undefined) {
      this.#ended = true;
      if (this.#restBytes > 0) this.#endLine();
      return;
    }
    let from = 0;
    for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, from)) {
      this.#keep(chunk.subarray(from, at));
      this.#endLine();
      from = at + 1;
    }
    this.#keep(chunk.subarray(from));
  }

  async #nextChunk(chunks: AsyncIterator<Buffer>): Promise<Buffer | undefined> {
    try {
      const { done, value } = await chunks.next();
      return done ? undefined : value;
    } catch (error) {
      if (this.#signal?.aborted) return undefined;
      throw new CgroupError('NOT_FOUND', `the messages cannot be read: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  #keep(part: Buffer): void {
    this.#rest.push(part);
    this.#restBytes += part.length;
    if (this.#restBytes <= MAX_MESSAGE_BYTES) return;
    throw wrongMessage(
      this.#count + this.#lines.length + 1,
      `it has more than ${MAX_MESSAGE_BYTES / 1e6} MB; each line is a message`,
    );
  }

  #endLine(): void {
    const line = this.#rest.length === 1 ? (this.#rest[0] as Buffer) : Buffer.concat(this.#rest);
    this.#lines.push(line.at(-1) === CARRIAGE_RETURN ? line.subarray(0, -1) : line);
    [this.#rest, this.#restBytes] = [[], 0];
  }
}

function isStream(from: readonly string[] | Readable): from is Readable {
  return !Array.isArray(from);
}
