/**
 * Texts and bytes end to end, each behind its length, in the form that the scripts take apart with cmsgpack: one argument
 * of a script instead of thousands, and one piece of memory instead of an object for each message.
 *
 * Each is a "str 32" of MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md): 0xdb, four bytes of
 * length, the bytes. They are wrapped into an "array 32" when they are sent: 0xdd, four bytes of count.
 */
const STRING = 0xdb;
const ARRAY = 0xdd;
const HEAD = 5;

/** Bytes that keeping a message costs beside its own: its head, and where it ends. */
export const OVERHEAD = 16;

const SMALLEST_CHUNK = 1_024;
const LARGEST_CHUNK = 1_048_576;
/** Bytes of one argument; Redis takes a megabyte at the least. */
const LONGEST_PIECE = 1_000_000;
/** Shorter ones are copied byte by byte: calling for a copy costs more. */
const SHORT = 64;

/** Some messages in a row, ready to be sent. */
export class Packed implements Iterable<Buffer> {
  readonly length: number;
  /** The packed messages; none spans two of them. */
  readonly parts: readonly Buffer[];

  constructor(length: number, parts: readonly Buffer[]) {
    this.length = length;
    this.parts = parts;
  }

  static of(messages: Iterable<Buffer>): Packed {
    const list = new PackedList();
    for (const message of messages) list.push(message);
    return list.slice(0, list.length);
  }

  /** What a script is given: the pieces, joined there, are one array. */
  get args(): readonly Buffer[] {
    return this.length === 0 ? [] : [headOf(ARRAY, this.length), ...this.parts.flatMap(pieces)];
  }

  *[Symbol.iterator](): Iterator<Buffer> {
    for (const part of this.parts)
      for (let start = 0; start < part.length; ) {
        const end = start + HEAD + part.readUInt32BE(start + 1);
        yield part.subarray(start + HEAD, end);
        start = end;
      }
  }
}

interface Chunk {
  bytes: Buffer;
  /** How many bytes came before it. */
  readonly offset: number;
  used: number;
}

/** A list of messages that grows at its end, and may be cut off at its front. An index stays what it was. */
export class PackedList {
  #chunks: Chunk[] = [];
  /** Where each message ends, in bytes since the first; of those before `#base` nothing is known. */
  #ends: number[] = [];
  #base = 0;
  #start = 0;
  #end = 0;

  /** How many came, those included that were let go of. */
  get length(): number {
    return this.#base + this.#ends.length;
  }

  /** The index of the first that is here. */
  get base(): number {
    return this.#base;
  }

  /** The message in `bytes` from `start` to `end`. */
  push(bytes: Buffer, start = 0, end = bytes.length): void {
    const length = end - start;
    const chunk = this.#room(HEAD + length);
    const target = chunk.bytes;
    let at = chunk.used;
    at = writeHead(target, at, STRING, length);
    if (length > SHORT) target.set(bytes.subarray(start, end), at);
    else for (let i = start; i < end; i++) target[at++] = bytes[i] as number;
    chunk.used += HEAD + length;
    this.#end += HEAD + length;
    this.#ends.push(this.#end);
  }

  /** What keeping those from index `from` up to `to` costs, in bytes. */
  cost(from: number, to: number): number {
    return this.#endOf(to - 1) - this.#endOf(from - 1) + (to - from) * (OVERHEAD - HEAD);
  }

  /**
   * The index before which to let go so that at least `excess` bytes of cost are freed, or all but the newest: that
   * one stays, however long it is, unless `whole`.
   */
  indexFreeing(excess: number, whole: boolean): number {
    const most = whole ? this.length : this.length - 1;
    let index = this.#base;
    while (index < most && this.cost(this.#base, index) < excess) index++;
    return index;
  }

  /** Bytes of those from index `from` up to `to`. */
  bytes(from: number, to: number): number {
    return this.#endOf(to - 1) - this.#endOf(from - 1) - (to - from) * HEAD;
  }

  /** Those from index `from` up to `to`, not copied. */
  slice(from: number, to: number): Packed {
    const start = this.#endOf(from - 1);
    const end = this.#endOf(to - 1);
    const parts: Buffer[] = [];
    for (const { bytes, offset, used } of this.#chunks)
      if (offset < end && offset + used > start)
        parts.push(bytes.subarray(Math.max(start - offset, 0), Math.min(end - offset, used)));
    return new Packed(to - from, parts);
  }

  /** Lets go of those before an index. */
  dropBefore(index: number): void {
    const start = this.#endOf(index - 1);
    this.#ends = this.#ends.slice(index - this.#base);
    this.#base = index;
    this.#start = start;
    this.#chunks = this.#chunks.filter(({ offset, used }) => offset + used > start);
  }

  /** Nothing more comes for now: gives back what was taken to grow into. */
  trim(): void {
    const chunk = this.#chunks.at(-1);
    if (chunk && chunk.used < 0.75 * chunk.bytes.length)
      chunk.bytes = Buffer.from(chunk.bytes.subarray(0, chunk.used));
  }

  #endOf(index: number): number {
    return index < this.#base ? this.#start : (this.#ends[index - this.#base] as number);
  }

  #room(size: number): Chunk {
    const last = this.#chunks[this.#chunks.length - 1];
    if (last && last.bytes.length - last.used >= size) return last;
    const next = last ? Math.min(2 * last.bytes.length, LARGEST_CHUNK) : SMALLEST_CHUNK;
    const chunk = { bytes: Buffer.allocUnsafeSlow(Math.max(next, size)), offset: this.#end, used: 0 };
    this.#chunks.push(chunk);
    return chunk;
  }
}

/** Room for the head of a text, between two of them as long as they are one string. */
const GAP = '\0'.repeat(HEAD);

/**
 * Texts, as they are sent to a script: the pieces, joined there, are one array. They are joined and written at once, for a
 * call of its own costs more than copying one.
 */
export function packTexts(texts: readonly string[]): Buffer[] {
  if (texts.length === 0) return [headOf(ARRAY, 0)];
  const joined = texts.join(GAP);
  const size = Buffer.byteLength(joined);
  // As many bytes as UTF-16 units: all of it is ASCII.
  const ascii = size === joined.length;
  const bytes = Buffer.allocUnsafeSlow(2 * HEAD + size);
  bytes.write(joined, 2 * HEAD, ascii ? 'latin1' : 'utf8');
  let at = writeHead(bytes, 0, ARRAY, texts.length);
  for (const text of texts) {
    const length = ascii ? text.length : Buffer.byteLength(text);
    at = writeHead(bytes, at, STRING, length) + length;
  }
  return pieces(bytes);
}

/** Cut wherever it may be: Redis refuses arguments that are longer than its `proto-max-bulk-len`, by a closed connection. */
function pieces(bytes: Buffer): Buffer[] {
  const all: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += LONGEST_PIECE) all.push(bytes.subarray(at, at + LONGEST_PIECE));
  return all;
}

function headOf(kind: number, value: number): Buffer {
  const head = Buffer.allocUnsafe(HEAD);
  writeHead(head, 0, kind, value);
  return head;
}

function writeHead(target: Buffer, at: number, kind: number, value: number): number {
  target[at] = kind;
  target[at + 1] = value >>> 24;
  target[at + 2] = value >>> 16;
  target[at + 3] = value >>> 8;
  target[at + 4] = value;
  return at + HEAD;
}
