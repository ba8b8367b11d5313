/**
 * Takes the reply at `at` in `bytes`, if it is one that it knows. Returns where the reply ends, or `at` if it is another one, or
 * a number below 0 if part of the reply is missing: `PARTIAL`, or the negative of how many bytes the reply has at least.
 */
export type Take = (bytes: Buffer, at: number) => number;

/** A part of the reply is missing. */
export const PARTIAL = -1;

const CR = 0x0d;
const LF = 0x0a;
const ZERO = 0x30;
const PLUS = 0x2b;
/** What an error reply begins with. */
export const MINUS = 0x2d;
/** What a number begins with. */
export const COLON = 0x3a;
/** What a list begins with. */
export const ASTERISK = 0x2a;
/** What a text begins with. */
export const DOLLAR = 0x24;

/**
 * Splits what comes over a socket into replies (https://redis.io/docs/latest/develop/reference/protocol-spec/). A taker that
 * knows its replies takes them, at a part of the cost of the parser of ioredis; each other one is handed on as a whole.
 */
export class ReplySplitter {
  readonly #take: Take;
  readonly #onOther: (reply: Buffer) => void;
  /** The beginning of a reply whose rest has not come yet. */
  #rest: Buffer[] = [];
  #restLength = 0;
  /** Bytes that the reply has at least: it is not parsed again before. */
  #wanted = 0;

  /** @param onOther gets each reply that is not taken, as it came */
  constructor(take: Take, onOther: (reply: Buffer) => void) {
    this.#take = take;
    this.#onOther = onOther;
  }

  /** Reads what came over the socket. */
  feed(chunk: Buffer): void {
    let bytes = chunk;
    if (this.#restLength > 0) {
      this.#rest.push(chunk);
      this.#restLength += chunk.length;
      if (this.#restLength < this.#wanted) return;
      bytes = Buffer.concat(this.#rest, this.#restLength);
    }
    this.#rest = [];
    this.#restLength = 0;
    const at = this.#takeAll(bytes);
    if (at === bytes.length) return;
    this.#rest = [bytes.subarray(at)];
    this.#restLength = bytes.length - at;
  }

  /** Takes reply by reply. Returns where the first incomplete one begins. */
  #takeAll(bytes: Buffer): number {
    let at = 0;
    while (at < bytes.length) {
      const end = this.#take(bytes, at);
      if (end > at) {
        at = end;
        continue;
      }
      const next = end === at ? endOfReply(bytes, at, at) : end;
      if (next < 0) {
        this.#wanted = -next;
        return at;
      }
      this.#onOther(bytes.subarray(at, next));
      at = next;
    }
    return at;
  }
}

/**
 * Where the reply at `at` ends, of any kind; it is a part of the one that began at `from`. A number below 0 if part of it is
 * missing, see {@link Take}.
 *
 * @throws if no reply begins there: then it is not known whose replies come next
 */
export function endOfReply(bytes: Buffer, at: number, from: number): number {
  if (at >= bytes.length) return PARTIAL;
  const kind = bytes[at];
  if (kind === PLUS || kind === COLON || kind === MINUS) return bytes.indexOf(LF, at) + 1 || PARTIAL;
  if (kind !== DOLLAR && kind !== ASTERISK) throw new Error('no reply of Redis begins with this byte');
  const line = lineAfter(bytes, at + 1);
  if (line === PARTIAL) return PARTIAL;
  const size = numberAt(bytes, at + 1);
  if (kind === DOLLAR) {
    const end = size < 0 ? line : line + size + 2;
    return end > bytes.length ? from - end : end;
  }
  let end = line;
  for (let i = 0; i < size && end >= 0; i++) end = endOfReply(bytes, end, from);
  return end;
}

/** Whether all of a prefix is at `at`. */
export function startsWith(bytes: Buffer, at: number, prefix: Buffer): boolean {
  if (at + prefix.length > bytes.length) return false;
  // From its end, where prefixes differ.
  for (let i = prefix.length - 1; i >= 0; i--) if (bytes[at + i] !== prefix[i]) return false;
  return true;
}

/** Where the line after the number at `at` begins; `PARTIAL` if the line of the number is incomplete. */
export function lineAfter(bytes: Buffer, at: number): number {
  let end = at;
  while (end < bytes.length && bytes[end] !== CR) end++;
  return end + 2 > bytes.length ? PARTIAL : end + 2;
}

/** The number at `at`, up to the end of its line. */
export function numberAt(bytes: Buffer, at: number): number {
  const negative = bytes[at] === MINUS;
  let number = 0;
  for (let i = negative ? at + 1 : at; bytes[i] !== CR; i++)
    number = number * 10 + (bytes[i] as number) - ZERO;
  return negative ? -number : number;
}
