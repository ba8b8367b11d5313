/** Bytes with which a buffer begins that gets more than one chunk. */
const FIRST = 16_384;

/** The bytes of all answers of a process that are being read. */
export interface BytesRead {
  bytes: number;
}

/** The body of an answer as it comes: copied when it has more than one chunk, for a chunk may be a single byte. */
export class AnswerBody {
  readonly #all: BytesRead;
  #buffer: Buffer = Buffer.alloc(0);
  #size = 0;

  constructor(all: BytesRead) {
    this.#all = all;
  }

  get size(): number {
    return this.#size;
  }

  append(chunk: Buffer): void {
    const size = this.#size + chunk.length;
    this.#all.bytes += chunk.length;
    if (this.#size === 0) this.#buffer = chunk;
    else {
      if (size > this.#buffer.length || this.#size === this.#buffer.length) this.#grow(size);
      chunk.copy(this.#buffer, this.#size);
    }
    this.#size = size;
  }

  /** All bytes. They no longer count as being read. */
  take(): Buffer {
    const whole = this.#buffer.subarray(0, this.#size);
    this.#all.bytes -= this.#size;
    this.#buffer = Buffer.alloc(0);
    this.#size = 0;
    return whole;
  }

  #grow(size: number): void {
    const buffer = Buffer.allocUnsafeSlow(Math.max(2 * size, FIRST));
    this.#buffer.copy(buffer, 0, 0, this.#size);
    this.#buffer = buffer;
  }
}
