const NEWLINE = 10;
/** Bytes of a line that are kept. */
const LONGEST = 8_192;

/** The lines that a child writes to stderr, without empty ones: the beginning of each. */
export class StderrLines {
  /** The last line; empty if there was none. */
  last = '';
  readonly #onLine: (line: string, bytes: number) => void;
  /** The beginning of the line that is not finished. */
  readonly #kept = Buffer.allocUnsafeSlow(LONGEST);
  #length = 0;
  /** All bytes of the unfinished line. */
  #bytes = 0;

  /** @param onLine also gets the bytes of the whole line */
  constructor(onLine: (line: string, bytes: number) => void) {
    this.#onLine = onLine;
  }

  push(chunk: Buffer): void {
    for (let start = 0; start < chunk.length; ) {
      const newline = chunk.indexOf(NEWLINE, start);
      const part = chunk.subarray(start, newline < 0 ? chunk.length : newline);
      this.#length += part.copy(this.#kept, this.#length);
      this.#bytes += part.length;
      if (newline < 0) return;
      this.end();
      start = newline + 1;
    }
  }

  /** The line is finished. */
  end(): void {
    const [length, bytes] = [this.#length, this.#bytes];
    this.#length = 0;
    this.#bytes = 0;
    const text = this.#kept.toString('utf8', 0, length).trimEnd();
    if (text === '') return;
    this.last = bytes > length ? `${text}… (cut: ${bytes} bytes in all)` : text;
    this.#onLine(this.last, bytes);
  }
}
