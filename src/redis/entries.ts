import { isAscii } from 'node:buffer';
import { type Payload, payloadOf } from '../payload.js';
import { CR, PARTIAL, ReplySplitter, startsWith, ZERO } from './replies.js';

/** An entry of the inbox, as XREADGROUP gives it. */
export interface InboxEntry {
  readonly id: string;
  readonly message: Payload;
  /** Attempts made before: none, for it is given out for the first time. */
  readonly attempts: 0;
}

const MINUS = 0x2d;
const NOTHING = Buffer.alloc(0);

/**
 * Takes the entries out of replies to XREADGROUP, of one stream. The parser of ioredis would make some eight objects of each
 * entry; it is only told how many there were.
 *
 * A reply is `*1 *2 $LENGTH stream *COUNT` and its entries, each `*2 $LENGTH id *2 $LENGTH field $LENGTH value`, everything
 * followed by CR LF.
 */
export class EntryParser {
  /** All that comes before the number of entries. */
  readonly #prefix: Buffer;
  readonly #splitter: ReplySplitter;
  readonly #onOther: (reply: Buffer) => void;
  #entries: InboxEntry[] = [];
  /** Entries of the reply under way that have not come yet. */
  #left = 0;
  /** What is looked at, where in it, and all of it as text: '' where it is not ASCII. */
  #bytes: Buffer = NOTHING;
  #at = 0;
  #text: string | undefined;

  /** @param onOther given each other reply, as it came, and the number of entries as a reply in place of them */
  constructor(stream: string, onOther: (reply: Buffer) => void) {
    this.#prefix = Buffer.from(`*1\r\n*2\r\n$${Buffer.byteLength(stream)}\r\n${stream}\r\n*`);
    this.#splitter = new ReplySplitter((bytes, at) => this.#take(bytes, at), onOther);
    this.#onOther = onOther;
  }

  /** Takes in what came over the socket. */
  feed(chunk: Buffer): void {
    this.#splitter.feed(chunk);
    // Nothing of it is kept alive longer than its entries are.
    this.#bytes = NOTHING;
    this.#text = undefined;
  }

  /** The entries that came, once. */
  taken(): InboxEntry[] {
    const entries = this.#entries;
    this.#entries = [];
    return entries;
  }

  #take(bytes: Buffer, at: number): number {
    this.#bytes = bytes;
    let from = at;
    if (this.#left === 0) {
      if (!startsWith(bytes, at, this.#prefix)) return at;
      this.#at = at + this.#prefix.length;
      const count = this.#number();
      if (count === undefined) return PARTIAL;
      this.#left = count;
      from = this.#at;
    }
    this.#text ??= isAscii(bytes) ? bytes.toString('latin1') : '';
    while (this.#left > 0) {
      const end = this.#takeEntry(from);
      // What came before it is done with.
      if (end < 0) return from > at ? from : end;
      from = end;
      this.#left--;
    }
    this.#onOther(Buffer.from(`:${this.#entries.length}\r\n`));
    return from;
  }

  /** Where the entry ends that begins there, or how many bytes of it are wanted, as {@link Take} tells it. */
  #takeEntry(from: number): number {
    this.#at = from + '*2\r\n'.length;
    const idLength = this.#length();
    if (idLength === undefined) return PARTIAL;
    const idStart = this.#at;
    this.#at += idLength + 2 + 1;
    const texts = this.#number();
    if (texts === undefined) return PARTIAL;
    let start = 0;
    let end = 0;
    for (let i = 0; i < texts; i++) {
      const length = this.#length();
      if (length === undefined) return PARTIAL;
      if (i === 1) {
        start = this.#at;
        end = start + length;
      }
      this.#at += length + 2;
    }
    const bytes = this.#bytes;
    if (this.#at > bytes.length) return from - this.#at;
    // A part of the text would keep all of it, for as long as somebody keeps the id.
    const id = bytes.toString('latin1', idStart, idStart + idLength);
    const message = this.#text ? this.#text.slice(start, end) : payloadOf(bytes.subarray(start, end));
    this.#entries.push({ id, message, attempts: 0 });
    return this.#at;
  }

  /** The number behind a `$`. */
  #length(): number | undefined {
    this.#at++;
    return this.#number();
  }

  /** The number that stands here, up to the end of its line; undefined where that has not come yet. */
  #number(): number | undefined {
    const bytes = this.#bytes;
    let at = this.#at;
    const negative = bytes[at] === MINUS;
    if (negative) at++;
    let number = 0;
    while (at < bytes.length && bytes[at] !== CR) number = number * 10 + (bytes[at++] as number) - ZERO;
    this.#at = at + 2;
    if (at + 2 > bytes.length) return undefined;
    return negative ? -number : number;
  }
}
