import { isAscii } from 'node:buffer';
import type { Entry } from '../../core/consumer-store.js';
import { type Payload, payloadOf } from '../../core/message.js';
import { lineAfter, numberAt, PARTIAL, ReplySplitter, startsWith } from './replies.js';

/** Begins a reply to XREADGROUP, and no other reply on the connection of a consumer. */
const PREFIX = Buffer.from('*1\r\n*2\r\n$');
/** The name of the field that holds the message. */
const MESSAGE = Buffer.from('message');
/** Begins each entry. */
const PAIR = '*2\r\n'.length;
const CRLF = 2;

/**
 * Takes the entries out of replies to XREADGROUP, of one stream at a time. The parser of ioredis would make some eight objects
 * for each entry; it only gets their number.
 *
 * A reply is `*1 *2 $LENGTH stream *COUNT` and its entries, each `*2 $LENGTH id *2 $LENGTH field $LENGTH value`, everything
 * followed by CR LF.
 */
export class EntryParser {
  readonly #splitter: ReplySplitter;
  readonly #onOther: (reply: Buffer) => void;
  #entries: Entry[] = [];
  /** Entries of the current reply that have not come yet. */
  #left = 0;
  /** The current bytes as text; '' if they are not ASCII. */
  #text: string | undefined;

  /** @param onOther gets each other reply, as it came, and the number of entries as a reply in their place */
  constructor(onOther: (reply: Buffer) => void) {
    this.#splitter = new ReplySplitter((bytes, at) => this.#takeReply(bytes, at), onOther);
    this.#onOther = onOther;
  }

  /** Reads what came over the socket. */
  feed(chunk: Buffer): void {
    this.#splitter.feed(chunk);
    this.#text = undefined;
  }

  /** Takes the entries that came. */
  take(): Entry[] {
    // A new list, not the one here: V8 has moved that one to the old generation, so it would keep the entries for long.
    return this.#entries.splice(0);
  }

  #takeReply(bytes: Buffer, at: number): number {
    let from = at;
    if (this.#left === 0) {
      if (!startsWith(bytes, at, PREFIX)) return at;
      const name = lineAfter(bytes, at + PREFIX.length);
      if (name === PARTIAL) return PARTIAL;
      const count = name + numberAt(bytes, at + PREFIX.length) + CRLF + 1;
      from = lineAfter(bytes, count);
      if (from === PARTIAL) return PARTIAL;
      this.#left = numberAt(bytes, count);
    }
    this.#text ??= isAscii(bytes) ? bytes.toString('latin1') : '';
    while (this.#left > 0) {
      const end = this.#takeEntry(bytes, from);
      // The entries before it are taken.
      if (end < 0) return from > at ? from : end;
      from = end;
      this.#left--;
    }
    this.#onOther(Buffer.from(`:${this.#entries.length}\r\n`));
    return from;
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
    // The message is the value of the first field; others are ignored.
    for (let i = 0; i < numberAt(bytes, texts); i++) {
      const text = lineAfter(bytes, at + 1);
      if (text === PARTIAL) return PARTIAL;
      const length = numberAt(bytes, at + 1);
      if (i === 0) isOurs = length === MESSAGE.length && startsWith(bytes, text, MESSAGE);
      if (i === 1) {
        start = text;
        end = text + length;
      }
      at = text + length + CRLF;
    }
    if (at > bytes.length) return from - at;
    // Not a slice of the text: it would keep all of the text as long as the id. A message is not kept for long.
    const id = bytes.toString('latin1', idStart, idEnd);
    let message: Payload;
    if (!isOurs) message = messageIn(fieldsAt(bytes, texts));
    else if (this.#text) message = this.#text.slice(start, end);
    else message = payloadOf(bytes.subarray(start, end));
    this.#entries.push({ id, message, attempts: 0 });
    return at;
  }
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
