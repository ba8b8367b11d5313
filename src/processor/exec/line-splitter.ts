import { isUtf8 } from 'node:buffer';

const NEWLINE = 10;
/** Bytes of the buffer for an unfinished line that are kept for the next one. */
const KEPT = 2 ** 16;

/** Cuts what a child writes into lines. Each byte is copied once at most, and an unfinished line is bounded. */
export class LineSplitter {
  readonly #limit: number;
  readonly #onLine: (line: string) => void;
  readonly #onBinary: (line: Buffer) => void;
  /** Holds the beginning of the line that is not finished. */
  #buffer = Buffer.alloc(0);
  #length = 0;

  /**
   * @param limit bytes of a line; one in the middle of a chunk may be longer, by less than the chunk
   * @param onLine gets each line without its end
   * @param onBinary gets each line that is not valid UTF-8
   */
  constructor(limit: number, onLine: (line: string) => void, onBinary: (line: Buffer) => void) {
    this.#limit = limit;
    this.#onLine = onLine;
    this.#onBinary = onBinary;
  }

  /** Returns false if a line is too long. */
  push(chunk: Buffer): boolean {
    const end = chunk.lastIndexOf(NEWLINE);
    const toEnd = end < 0 ? chunk.length : chunk.indexOf(NEWLINE);
    if (this.#length + toEnd > this.#limit) return false;
    if (end < 0) {
      this.#append(chunk);
      return true;
    }
    if (this.#length === 0) this.#emit(chunk.subarray(0, end));
    else {
      this.#append(chunk.subarray(0, end));
      const lines = this.#buffer.subarray(0, this.#length);
      this.#length = 0;
      if (this.#buffer.length > KEPT) this.#buffer = Buffer.alloc(0);
      this.#emit(lines);
    }
    this.#append(chunk.subarray(end + 1));
    return this.#length <= this.#limit;
  }

  #append(bytes: Buffer): void {
    const length = this.#length + bytes.length;
    if (length > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.#buffer.length));
      this.#buffer.copy(larger, 0, 0, this.#length);
      this.#buffer = larger;
    }
    bytes.copy(this.#buffer, this.#length);
    this.#length = length;
  }

  /** All lines of a chunk are decoded at once. */
  #emit(lines: Buffer): void {
    if (isUtf8(lines)) {
      for (const line of lines.toString('utf8').split('\n')) this.#onLine(line);
      return;
    }
    for (let start = 0; start <= lines.length; ) {
      const newline = lines.indexOf(NEWLINE, start);
      const end = newline < 0 ? lines.length : newline;
      const line = lines.subarray(start, end);
      if (isUtf8(line)) this.#onLine(line.toString('utf8'));
      else this.#onBinary(line);
      start = end + 1;
    }
  }
}
