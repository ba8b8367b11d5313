import { HEAD, writeTextHead } from '../core/packed.js';
import { ChunkPool } from './chunks.js';

/** Bytes that a message costs beside its own: its head, and the number that says where it ends. */
export const OVERHEAD = 16;

/** Shorter messages are copied byte by byte: the call of a copy costs more. */
const SHORT = 16;

interface Filled {
  chunk: Buffer;
  /** How many bytes of the list come before it. */
  readonly offset: number;
  used: number;
}

/**
 * A list of messages that grows at its end and may be cut at its front. Cutting changes no index. The messages have the form
 * in which they are sent (`packed.ts`).
 */
export class PackedList {
  readonly #pool: ChunkPool;
  #filled: Filled[] = [];
  /** Where each message from `#base` on ends, in bytes since the first. */
  #ends: number[] = [];
  #base = 0;
  #start = 0;
  #end = 0;

  /** @param pool where its memory comes from and goes back to; by default one of its own */
  constructor(pool = new ChunkPool()) {
    this.#pool = pool;
  }

  /** How many messages were added, those included that were dropped. */
  get length(): number {
    return this.#base + this.#ends.length;
  }

  /** The index of the first message that is still here. */
  get base(): number {
    return this.#base;
  }

  /** Adds the message that stands in `bytes` from `start` to `end`. */
  append(bytes: Buffer, start = 0, end = bytes.length): void {
    const length = end - start;
    const last = this.#chunkFor(HEAD + length);
    const target = last.chunk;
    let at = writeTextHead(target, last.used, length);
    if (length > SHORT) target.set(bytes.subarray(start, end), at);
    else for (let i = start; i < end; i++) target[at++] = bytes[i] as number;
    last.used += HEAD + length;
    this.#end += HEAD + length;
    this.#ends.push(this.#end);
  }

  /** What keeping the messages from index `from` up to `to` costs, in bytes. */
  cost(from: number, to: number): number {
    return this.#endOf(to - 1) - this.#endOf(from - 1) + (to - from) * (OVERHEAD - HEAD);
  }

  /**
   * The index before which to drop so that at least `excess` bytes of cost are freed. The newest message stays, however long
   * it is, unless `whole`.
   */
  indexFreeing(excess: number, whole: boolean): number {
    const most = whole ? this.length : this.length - 1;
    let index = this.#base;
    while (index < most && this.cost(this.#base, index) < excess) index++;
    return index;
  }

  /** Bytes of the messages from index `from` up to `to`. */
  bytes(from: number, to: number): number {
    return this.#endOf(to - 1) - this.#endOf(from - 1) - (to - from) * HEAD;
  }

  /**
   * The messages from index `from` up to `to`, packed. Views into chunks: copy them before anything is dropped or trimmed,
   * because chunks are used again.
   */
  parts(from: number, to: number): Buffer[] {
    const start = this.#endOf(from - 1);
    const end = this.#endOf(to - 1);
    const parts: Buffer[] = [];
    for (const { chunk, offset, used } of this.#filled)
      if (offset < end && offset + used > start)
        parts.push(chunk.subarray(Math.max(start - offset, 0), Math.min(end - offset, used)));
    return parts;
  }

  /** Drops the messages before an index. */
  dropBefore(index: number): void {
    const start = this.#endOf(index - 1);
    this.#ends = this.#ends.slice(index - this.#base);
    this.#base = index;
    this.#start = start;
    const kept = this.#filled.findIndex(({ offset, used }) => offset + used > start);
    const dropped = this.#filled.splice(0, kept < 0 ? this.#filled.length : kept);
    for (const { chunk } of dropped) this.#pool.free(chunk);
  }

  /** Closes the last chunk. If much of it is empty, its messages move to memory of their size. */
  trim(): void {
    const last = this.#filled.at(-1);
    if (!last || last.used >= 0.75 * last.chunk.length) return;
    const { chunk, used } = last;
    last.chunk = Buffer.from(chunk.subarray(0, used));
    this.#pool.free(chunk);
  }

  #endOf(index: number): number {
    return index < this.#base ? this.#start : (this.#ends[index - this.#base] as number);
  }

  #chunkFor(size: number): Filled {
    const last = this.#filled[this.#filled.length - 1];
    if (last && last.chunk.length - last.used >= size) return last;
    this.trim();
    const next = { chunk: this.#pool.allocate(size), offset: this.#end, used: 0 };
    this.#filled.push(next);
    return next;
  }
}
