/**
 * Takes what is published out of the bytes that Redis sends to a subscriber, at a tenth of what the parser of ioredis
 * costs: it makes no object for a message, and knows what it will find. Everything else is handed on to ioredis, whole
 * reply by whole reply.
 *
 * A message comes as `*3 $7 message $LENGTH channel $LENGTH message`, each followed by CR LF
 * (https://redis.io/docs/latest/develop/reference/protocol-spec/).
 */

/** What was published: it stands in `bytes` from `start` to `end`, until the call returns. */
export type OnPush = (bytes: Buffer, start: number, end: number) => void;

const CR = 0x0d;
const LF = 0x0a;
const ASTERISK = 0x2a;
const DOLLAR = 0x24;
const ZERO = 0x30;
/** Of a reply of which not all is here. */
const PARTIAL = -1;

interface Channel {
  /** All that comes before the length of the message. */
  readonly prefix: Buffer;
  readonly onPush: OnPush;
}

export class PushParser {
  readonly #channels: readonly Channel[];
  readonly #onOther: (reply: Buffer) => void;
  /** The beginning of a reply that goes on in what comes next. */
  #rest: Buffer[] = [];
  #restLength = 0;
  /** Bytes that the reply has at least: until they are here, looking at it again is in vain. */
  #wanted = 0;

  /** @param onOther given each reply that is no message of these channels, as it came */
  constructor(channels: ReadonlyMap<string, OnPush>, onOther: (reply: Buffer) => void) {
    this.#channels = [...channels].map(([name, onPush]) => ({
      prefix: Buffer.from(`*3\r\n$7\r\nmessage\r\n$${Buffer.byteLength(name)}\r\n${name}\r\n$`),
      onPush,
    }));
    this.#onOther = onOther;
  }

  /** Takes in what came over the socket. */
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

  /** Takes reply by reply; where the first is that is not here as a whole. */
  #takeAll(bytes: Buffer): number {
    let at = 0;
    while (at < bytes.length) {
      const end = this.#takePush(bytes, at);
      if (end === PARTIAL) return at;
      if (end > at) {
        at = end;
        continue;
      }
      const next = this.#endOfReply(bytes, at, at);
      if (next === PARTIAL) return at;
      this.#onOther(bytes.subarray(at, next));
      at = next;
    }
    return at;
  }

  /** Where the message that begins here ends, once it is handed on; `at` where there is none. */
  #takePush(bytes: Buffer, at: number): number {
    for (const { prefix, onPush } of this.#channels) {
      if (!startsWith(bytes, at, prefix)) continue;
      let i = at + prefix.length;
      let length = 0;
      while (i < bytes.length && bytes[i] !== CR) length = length * 10 + (bytes[i++] as number) - ZERO;
      const start = i + 2;
      const end = start + length;
      if (i >= bytes.length || end + 2 > bytes.length) {
        this.#wanted = i < bytes.length ? end + 2 - at : 0;
        return PARTIAL;
      }
      onPush(bytes, start, end);
      return end + 2;
    }
    return at;
  }

  /** Where the reply of any kind ends that stands here. */
  #endOfReply(bytes: Buffer, at: number, from: number): number {
    const line = bytes.indexOf(LF, at);
    if (line === -1) return this.#partial(0);
    const kind = bytes[at];
    if (kind !== DOLLAR && kind !== ASTERISK) return line + 1;
    const size = Number(bytes.toString('latin1', at + 1, line - 1));
    if (kind === DOLLAR) {
      const end = size < 0 ? line + 1 : line + 1 + size + 2;
      return end > bytes.length ? this.#partial(end - from) : end;
    }
    let end = line + 1;
    for (let i = 0; i < size && end !== PARTIAL; i++) end = this.#endOfReply(bytes, end, from);
    return end;
  }

  #partial(wanted: number): number {
    this.#wanted = wanted;
    return PARTIAL;
  }
}

/** Whether a whole prefix stands there. */
function startsWith(bytes: Buffer, at: number, prefix: Buffer): boolean {
  if (at + prefix.length > bytes.length) return false;
  // From its end: there the channels differ.
  for (let i = prefix.length - 1; i >= 0; i--) if (bytes[at + i] !== prefix[i]) return false;
  return true;
}
