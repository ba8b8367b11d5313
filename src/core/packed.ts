/**
 * Lists of texts, in the form that scripts take apart with cmsgpack: one argument of a script in place of thousands, and one
 * piece of memory in place of an object for each message.
 *
 * A text is a "str 32" of MessagePack (https://github.com/msgpack/msgpack/blob/master/spec.md): 0xdb, four bytes of
 * length, the bytes. A list is an "array 32": 0xdd, four bytes of count, its texts.
 */
const STRING = 0xdb;
const ARRAY = 0xdd;

/** Bytes before each text or list. */
export const HEAD = 5;

/** Bytes of one argument; Redis takes at least a megabyte. */
const LONGEST_PIECE = 1_000_000;

/** A longer text stands apart from its list: Lua would copy it again to take the list apart. */
const LARGE = 65_536;

/** A list as a script gets it. */
export interface ListArguments {
  /** The number of each large text (the first is 1), and of how many arguments it consists; undefined if there is none. */
  readonly large?: readonly number[];
  /** The pieces of the list, in which large texts are empty; then the pieces of the large texts. */
  readonly args: readonly Buffer[];
}

/**
 * Some messages in a row, ready to be sent. Copied, because the memory that they come from is used again; in one piece,
 * because Lua would copy and hash once more what it has to join.
 */
export class Packed implements Iterable<Buffer> {
  readonly length: number;
  readonly #bytes: Buffer;
  readonly #mayHaveLarge: boolean;

  /** @param parts the packed messages; none spans two of them */
  constructor(length: number, parts: readonly Buffer[]) {
    this.length = length;
    this.#bytes = Buffer.concat([headOf(ARRAY, length), ...parts]);
    this.#mayHaveLarge = parts.some((part) => part.length > LARGE);
  }

  /** What a script gets. */
  get list(): ListArguments {
    return listOf(this.#bytes, this.#mayHaveLarge);
  }

  /**
   * The messages in packs, each of at most so many messages and bytes, and how many each holds. Undefined if one of the
   * messages is too large for that.
   */
  packs(most: number, largest: number): { readonly counts: number[]; readonly args: Buffer[] } | undefined {
    const counts: number[] = [];
    const args: Buffer[] = [];
    let [start, count] = [HEAD, 0];
    const close = (end: number) => {
      counts.push(count);
      args.push(this.#bytes.subarray(start, end));
      [start, count] = [end, 0];
    };
    for (let at = HEAD; at < this.#bytes.length; ) {
      const end = at + HEAD + this.#bytes.readUInt32BE(at + 1);
      if (end - at > largest) return undefined;
      if (count === most || end - start > largest) close(at);
      count++;
      at = end;
    }
    if (count > 0) close(this.#bytes.length);
    return { counts, args };
  }

  /**
   * Deals the messages to lists, in their order.
   *
   * @param lists how many lists there are
   * @param listOf the number of the list of a message, from 0; undefined to leave it out. `index` is from 0
   */
  deal(lists: number, listOf: (index: number) => number | undefined): readonly Packed[] {
    const dealt = Array.from({ length: lists }, () => ({ length: 0, parts: [] as Buffer[] }));
    let [run, start, at, index]: [number | undefined, number, number, number] = [undefined, HEAD, HEAD, 0];
    const close = () => {
      if (run !== undefined && at > start) dealt[run]?.parts.push(this.#bytes.subarray(start, at));
      start = at;
    };
    while (at < this.#bytes.length) {
      const end = at + HEAD + this.#bytes.readUInt32BE(at + 1);
      const list = listOf(index++);
      if (list !== run) close();
      run = list;
      const to = list === undefined ? undefined : dealt[list];
      if (to) to.length++;
      at = end;
    }
    close();
    return dealt.map(({ length, parts }) => new Packed(length, parts));
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
 * Many texts, as a script gets them. They are joined and written at once: one call for each text costs more than copying it.
 */
export function packTexts(texts: readonly string[]): ListArguments {
  if (texts.length === 0) return { args: [headOf(ARRAY, 0)] };
  const joined = texts.join(GAP);
  const size = Buffer.byteLength(joined);
  // As many bytes as UTF-16 units: all of it is ASCII.
  const ascii = size === joined.length;
  const bytes = Buffer.allocUnsafeSlow(2 * HEAD + size);
  bytes.write(joined, 2 * HEAD, ascii ? 'latin1' : 'utf8');
  let at = writeHead(bytes, 0, ARRAY, texts.length);
  let hasLarge = false;
  for (const text of texts) {
    const length = ascii ? text.length : Buffer.byteLength(text);
    hasLarge ||= length > LARGE;
    at = writeTextHead(bytes, at, length) + length;
  }
  return listOf(bytes, hasLarge);
}

/** Texts and bytes, as a script gets them; slower than {@link packTexts}. */
export function packBytes(all: readonly (string | Buffer)[]): ListArguments {
  const parts = all.map((one) => {
    const bytes = typeof one === 'string' ? Buffer.from(one) : one;
    return Buffer.concat([headOf(STRING, bytes.length), bytes]);
  });
  const hasLarge = parts.some((part) => part.length > LARGE);
  return listOf(Buffer.concat([headOf(ARRAY, all.length), ...parts]), hasLarge);
}

/** @param mayHaveLarge false: it is not searched for large texts */
function listOf(bytes: Buffer, mayHaveLarge: boolean): ListArguments {
  const large: number[] = [];
  const apart: Buffer[] = [];
  const rest: Buffer[] = [];
  let [from, number] = [0, 0];
  for (let at = mayHaveLarge ? HEAD : bytes.length; at < bytes.length; ) {
    const start = at + HEAD;
    const end = start + bytes.readUInt32BE(at + 1);
    number++;
    if (end - start > LARGE) {
      const cut = pieces(bytes.subarray(start, end));
      large.push(number, cut.length);
      apart.push(...cut);
      rest.push(bytes.subarray(from, at), headOf(STRING, 0));
      from = end;
    }
    at = end;
  }
  if (large.length === 0) return { args: pieces(bytes) };
  return { large, args: [...pieces(Buffer.concat([...rest, bytes.subarray(from)])), ...apart] };
}

/** Cut at any byte: Redis closes the connection if an argument is longer than its `proto-max-bulk-len`. */
function pieces(bytes: Buffer): Buffer[] {
  const all: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += LONGEST_PIECE) all.push(bytes.subarray(at, at + LONGEST_PIECE));
  return all;
}

/**
 * Where each of the `count` texts ends that stand from `start` to `end`; undefined if other bytes stand there. Each begins
 * {@link HEAD} bytes after the end of the one before.
 */
export function endsOfTexts(bytes: Buffer, start: number, end: number, count: number): number[] | undefined {
  const ends: number[] = [];
  let at = start;
  while (at < end) {
    if (at + HEAD > end || bytes[at] !== STRING || ends.length === count) return undefined;
    at += HEAD + bytes.readUInt32BE(at + 1);
    ends.push(at);
  }
  return at === end && ends.length === count ? ends : undefined;
}

/** Writes what stands before a text of so many bytes; returns where the text begins. */
export function writeTextHead(target: Buffer, at: number, length: number): number {
  return writeHead(target, at, STRING, length);
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

/** The messages of a relay that only records a gap or asks for the position. */
export const NOTHING = new Packed(0, []);
