/**
 * What scripts get, in the form that they take apart with cmsgpack: one argument of a script in place of thousands, and one
 * piece of memory in place of an object for each message.
 *
 * A text is a "str 32" of MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md): 0xdb, four bytes of
 * length, the bytes. A list is an "array 32": 0xdd, four bytes of count, its values. A map is a "map 32": 0xdf, four bytes of
 * count, each name followed by its value.
 */
const STRING = 0xdb;
const ARRAY = 0xdd;
const MAP = 0xdf;
const FALSE = 0xc2;
const TRUE = 0xc3;

/** Bytes before each text, list or map. */
export const HEAD = 5;

/** Bytes of one argument; Redis takes at least a megabyte. */
const LONGEST_PIECE = 1_000_000;

/** `T`, if it can be packed: texts, numbers, booleans, bytes, and lists and objects of them. */
type Packable<T> = T extends string | number | boolean | Buffer | undefined
  ? T
  : T extends (...args: never) => unknown
    ? never
    : { [Name in keyof T]: Packable<T[Name]> };

/**
 * One value in MessagePack, such as the options of a script. A number travels as its text, because numbers of Lua are doubles.
 * What is undefined in an object is left out.
 */
export function packValue<T>(value: T & Packable<T>): Buffer {
  const target = { bytes: Buffer.allocUnsafe(512), end: 0 };
  write(target, value);
  return target.bytes.subarray(0, target.end);
}

/** One value that may be large: the pieces, joined in the script, are the value. */
export function packInPieces<T>(value: T & Packable<T>): Buffer[] {
  return pieces(packValue(value));
}

interface Target {
  bytes: Buffer;
  end: number;
}

function write(target: Target, value: unknown): void {
  if (typeof value === 'boolean') {
    reserve(target, 1);
    target.bytes[target.end++] = value ? TRUE : FALSE;
  } else if (Buffer.isBuffer(value)) {
    writeHeadTo(target, STRING, value.length, value.length);
    target.end += value.copy(target.bytes, target.end);
  } else if (Array.isArray(value)) {
    writeHeadTo(target, ARRAY, value.length);
    for (const one of value) write(target, one);
  } else if (typeof value === 'object' && value !== null) {
    const at = target.end;
    let count = 0;
    writeHeadTo(target, MAP, count);
    for (const [name, one] of Object.entries(value)) {
      if (one === undefined) continue;
      write(target, name);
      write(target, one);
      count++;
    }
    writeHead(target.bytes, at, MAP, count);
  } else {
    const text = String(value);
    // A short text gets room for the longest it can be: to measure it costs as much as to write it.
    reserve(target, HEAD + (text.length < 1_000 ? 3 * text.length : Buffer.byteLength(text)));
    const length = target.bytes.write(text, target.end + HEAD);
    target.end = writeHead(target.bytes, target.end, STRING, length) + length;
  }
}

function writeHeadTo(target: Target, kind: number, value: number, following = 0): void {
  reserve(target, HEAD + following);
  target.end = writeHead(target.bytes, target.end, kind, value);
}

function reserve(target: Target, more: number): void {
  if (target.end + more <= target.bytes.length) return;
  const larger = Buffer.allocUnsafe(2 * (target.end + more));
  target.bytes.copy(larger, 0, 0, target.end);
  target.bytes = larger;
}

/**
 * Some messages in a row, ready to be sent. Copied, because the memory that they come from is used again; in one piece,
 * because Lua would copy and hash once more what it has to join.
 */
export class Packed implements Iterable<Buffer> {
  readonly length: number;
  readonly #bytes: Buffer;

  /** @param parts the packed messages; none spans two of them */
  constructor(length: number, parts: readonly Buffer[]) {
    this.length = length;
    this.#bytes = Buffer.concat([headOfArray(length), ...parts]);
  }

  /** What a script gets: the pieces, joined there, are one list. */
  get args(): readonly Buffer[] {
    return pieces(this.#bytes);
  }

  *[Symbol.iterator](): Iterator<Buffer> {
    for (let start = HEAD; start < this.#bytes.length; ) {
      const end = start + HEAD + this.#bytes.readUInt32BE(start + 1);
      yield this.#bytes.subarray(start + HEAD, end);
      start = end;
    }
  }
}

/** Room for the head of a text, between two texts while they are one string. */
const GAP = '\0'.repeat(HEAD);

/**
 * Many texts, as a script gets them: the pieces, joined there, are one list. They are joined and written at once: one call for
 * each text costs more than copying it.
 */
export function packTexts(texts: readonly string[]): Buffer[] {
  if (texts.length === 0) return [headOfArray(0)];
  const joined = texts.join(GAP);
  const size = Buffer.byteLength(joined);
  // As many bytes as UTF-16 units: all of it is ASCII.
  const ascii = size === joined.length;
  const bytes = Buffer.allocUnsafeSlow(2 * HEAD + size);
  bytes.write(joined, 2 * HEAD, ascii ? 'latin1' : 'utf8');
  let at = writeHead(bytes, 0, ARRAY, texts.length);
  for (const text of texts) {
    const length = ascii ? text.length : Buffer.byteLength(text);
    at = writeTextHead(bytes, at, length) + length;
  }
  return pieces(bytes);
}

/** Cut at any byte: Redis closes the connection if an argument is longer than its `proto-max-bulk-len`. */
function pieces(bytes: Buffer): Buffer[] {
  const all: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += LONGEST_PIECE) all.push(bytes.subarray(at, at + LONGEST_PIECE));
  return all;
}

/** Writes what stands before a text of so many bytes; returns where the text begins. */
export function writeTextHead(target: Buffer, at: number, length: number): number {
  return writeHead(target, at, STRING, length);
}

function headOfArray(count: number): Buffer {
  const head = Buffer.allocUnsafe(HEAD);
  writeHead(head, 0, ARRAY, count);
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
