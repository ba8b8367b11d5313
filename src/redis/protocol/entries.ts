import { isAscii } from 'node:buffer';
import type { Entry, Pack } from '../../core/consumer-store.js';
import { type Payload, payloadOf } from '../../core/message.js';
import { countIn, isPackId } from '../../core/pack.js';
import { endsOfTexts, HEAD } from '../../core/packed.js';
import { lineAfter, numberAt, PARTIAL, ReplySplitter, startsWith } from './replies.js';
import { unpackedIn } from './unpacked.js';

/** Each begins a reply to XREADGROUP, of one stream or two, and no other reply on the connection of a consumer. */
const PREFIXES = [Buffer.from('*1\r\n*2\r\n$'), Buffer.from('*2\r\n*2\r\n$')];
/** The names of the fields that hold the message, or a pack. */
const MESSAGE = Buffer.from('message');
const PACK = Buffer.from('pack');
/** The name of the field that follows with order `key`. */
const KEY = Buffer.from('key');
/** Texts of an entry that has these two fields. */
const WITH_KEY = 4;
/** Begins each entry. */
const PAIR = '*2\r\n'.length;
const CRLF = 2;
/** What the pipe gets in place of a reply. */
const ANY_NUMBER = Buffer.from(':1\r\n');

/** What came in replies to XREADGROUP. */
export interface Taken {
  readonly packs: Pack[];
  readonly entries: Entry[];
  /** How many entries of the stream of packs are none: another program wrote them. They stay pending, so a rescue finds them. */
  readonly foreign: number;
}

/**
 * Takes the entries out of replies to XREADGROUP, of the inbox, of the packs, or of both. The parser of ioredis would make some
 * eight objects for each entry.
 *
 * A reply is `*STREAMS`, for each `*2 $LENGTH stream *COUNT` and its entries, each `*2 $LENGTH id *2 $LENGTH field $LENGTH value`,
 * everything followed by CR LF.
 */
export class EntryParser {
  readonly #splitter: ReplySplitter;
  readonly #onOther: (reply: Buffer) => void;
  readonly #packsKey: Buffer;
  #entries: Entry[] = [];
  #packs: Pack[] = [];
  #foreign = 0;
  /** Streams of the current reply that have not come in full yet; 0 between two replies. */
  #streams = 0;
  /** Entries of the current stream that have not come yet. */
  #left = 0;
  /** Whether the current stream is that of packs. */
  #arePacks = false;
  /** The current bytes as text; '' if they are not ASCII. */
  #text: string | undefined;

  /**
   * @param packsKey the name of the stream of packs
   * @param onOther gets each other reply, as it came, and a number as a reply in place of entries
   */
  constructor(packsKey: string, onOther: (reply: Buffer) => void) {
    this.#packsKey = Buffer.from(packsKey);
    this.#splitter = new ReplySplitter((bytes, at) => this.#takeReply(bytes, at), onOther);
    this.#onOther = onOther;
  }

  /** Reads what came over the socket. */
  feed(chunk: Buffer): void {
    this.#splitter.feed(chunk);
    this.#text = undefined;
  }

  /** Takes the entries that came. */
  take(): Taken {
    // New lists, not those here: V8 has moved them to the old generation, so they would keep the entries for long.
    const foreign = this.#foreign;
    this.#foreign = 0;
    return { packs: this.#packs.splice(0), entries: this.#entries.splice(0), foreign };
  }

  #takeReply(bytes: Buffer, at: number): number {
    let from = at;
    if (this.#streams === 0) {
      const streams = 1 + PREFIXES.findIndex((prefix) => startsWith(bytes, at, prefix));
      if (streams === 0) return at;
      from = this.#beginStream(bytes, at + PAIR);
      if (from === PARTIAL) return PARTIAL;
      this.#streams = streams;
    }
    this.#text ??= isAscii(bytes) ? bytes.toString('latin1') : '';
    for (;;) {
      while (this.#left > 0) {
        const end = this.#takeEntry(bytes, from);
        // The entries before it are taken.
        if (end < 0) return from > at ? from : end;
        from = end;
        this.#left--;
      }
      if (this.#streams === 1) break;
      const first = this.#beginStream(bytes, from);
      if (first === PARTIAL) return from > at ? from : PARTIAL;
      from = first;
      this.#streams--;
    }
    this.#streams = 0;
    this.#onOther(ANY_NUMBER);
    return from;
  }

  /** Where the entries of the stream begin whose name and entries stand at `at`; `PARTIAL` if part of that is missing. */
  #beginStream(bytes: Buffer, at: number): number {
    const length = at + PAIR + 1;
    const name = lineAfter(bytes, length);
    if (name === PARTIAL) return PARTIAL;
    const end = name + numberAt(bytes, length);
    const count = end + CRLF + 1;
    const first = lineAfter(bytes, count);
    if (first === PARTIAL) return PARTIAL;
    this.#arePacks = bytes.subarray(name, end).equals(this.#packsKey);
    this.#left = numberAt(bytes, count);
    return first;
  }

  /** Where the entry at `from` ends, or how many bytes it needs, as in {@link Take}. */
  #takeEntry(bytes: Buffer, from: number): number {
    const idStart = lineAfter(bytes, from + PAIR + 1);
    if (idStart === PARTIAL) return PARTIAL;
    const idEnd = idStart + numberAt(bytes, from + PAIR + 1);
    const texts = idEnd + CRLF + 1;
    let at = lineAfter(bytes, texts);
    if (at === PARTIAL) return PARTIAL;
    let start = 0;
    let end = 0;
    let isOurs = false;
    let keyStart = 0;
    let keyEnd = 0;
    const count = numberAt(bytes, texts);
    const field = this.#arePacks ? PACK : MESSAGE;
    // The message, or the pack, is the value of the first field.
    for (let i = 0; i < count; i++) {
      const text = lineAfter(bytes, at + 1);
      if (text === PARTIAL) return PARTIAL;
      const length = numberAt(bytes, at + 1);
      if (i === 0) isOurs = length === field.length && startsWith(bytes, text, field);
      if (i === 1) {
        start = text;
        end = text + length;
      }
      if (i === 2 && count === WITH_KEY && length === KEY.length && startsWith(bytes, text, KEY))
        keyStart = -1;
      if (i === 3 && keyStart < 0) {
        keyStart = text;
        keyEnd = text + length;
      }
      at = text + length + CRLF;
    }
    if (at > bytes.length) return from - at;
    // Not a slice of the text: it would keep all of the text as long as the id. A message is not kept for long.
    const id = bytes.toString('latin1', idStart, idEnd);
    if (this.#arePacks) {
      const isPack = isOurs && (count === 2 || keyStart > 0) && isPackId(id);
      const messages = isPack ? messagesOf(bytes, start, end, countIn(id)) : undefined;
      const key = keyStart > 0 ? bytes.toString('utf8', keyStart, keyEnd) : undefined;
      if (messages) this.#packs.push(key === undefined ? { id, messages } : { id, messages, key });
      else this.#foreign++;
      return at;
    }
    let message: Payload;
    if (!isOurs) message = messageIn(fieldsAt(bytes, texts));
    else if (this.#text) message = this.#text.slice(start, end);
    else message = payloadOf(bytes.subarray(start, end));
    // A message that came out of a pack.
    if (isOurs && keyStart > 0)
      this.#entries.push({ id, message, attempts: 0, key: bytes.toString('utf8', keyStart, keyEnd) });
    else if (isOurs && count > 2) this.#entries.push({ id, message, ...unpackedIn(fieldsAt(bytes, texts)) });
    else this.#entries.push({ id, message, attempts: 0 });
    return at;
  }
}

/**
 * The messages of the pack that stands from `start` to `end`; undefined if it is none. One text is made of all: it is divided
 * at a part of the cost of decoding each. What stands between the messages is not ASCII, so it is written over.
 */
function messagesOf(bytes: Buffer, start: number, end: number, count: number): Payload[] | undefined {
  const ends = endsOfTexts(bytes, start, end, count);
  if (!ends) return undefined;
  let at = start;
  for (const next of ends) {
    for (let i = at; i < at + HEAD; i++) bytes[i] = 0;
    at = next;
  }
  const pack = bytes.subarray(start, end);
  const text = isAscii(pack) ? pack.toString('latin1') : undefined;
  let from = HEAD;
  return ends.map((next) => {
    const to = next - start;
    const message = text === undefined ? payloadOf(pack.subarray(from, to)) : text.slice(from, to);
    from = to + HEAD;
    return message;
  });
}

/** Reads the texts of an entry's fields that another program wrote, names and values. */
function fieldsAt(bytes: Buffer, texts: number): Buffer[] {
  const fields: Buffer[] = [];
  let at = lineAfter(bytes, texts);
  for (let i = 0; i < numberAt(bytes, texts); i++) {
    const text = lineAfter(bytes, at + 1);
    const end = text + numberAt(bytes, at + 1);
    fields.push(bytes.subarray(text, end));
    at = end + CRLF;
  }
  return fields;
}

/**
 * The message in the fields of an entry. Another program wrote an entry whose first field is not `message`: a text stands for
 * its message that is no JSON, so that the entry becomes a dead letter.
 */
export function messageIn(fields: readonly Buffer[]): Payload {
  const [name, message] = fields;
  if (message && name?.equals(MESSAGE)) return payloadOf(message);
  const texts = fields.flatMap((text) => [Buffer.from(' '), text]);
  return payloadOf(Buffer.concat([Buffer.from('foreign entry:'), ...texts]));
}
