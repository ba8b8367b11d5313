const [STAR, DOLLAR, MINUS, COLON, ZERO, CR] = [0x2a, 0x24, 0x2d, 0x3a, 0x30, 0x0d];
const NONE = Buffer.alloc(0);

/**
 * Finds the texts in replies of Redis, chunk by chunk, without an object for each. An array within an array is reported
 * like any other: its texts follow.
 */
export class RespScanner {
  #watch;
  /** The start of an element that the next chunk completes. */
  #rest = NONE;
  /** Elements of the reply that are still to come. */
  #open = 0;

  /**
   * @param {object} watch
   * @param {(bytes: Buffer, from: number, to: number) => void} watch.text a text of the reply, whole; the bytes are good until
   *   it returns
   * @param {(length: number) => void} watch.array an array begins; −1 for a null array
   * @param {() => void} watch.end the reply is over
   */
  constructor(watch) {
    this.#watch = watch;
  }

  /** @throws {Error} with the text of Redis, if the reply is an error */
  take(chunk) {
    // Copies only an incomplete element, and the chunk that completes it.
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    let at = 0;
    for (let next = this.#element(bytes, 0); next > 0; next = this.#element(bytes, at)) at = next;
    this.#rest = bytes.subarray(at);
  }

  /** @returns {number} where the next element begins; 0 if this one is incomplete */
  #element(bytes, at) {
    let end = at;
    while (end < bytes.length && bytes[end] !== CR) end++;
    const next = end + 2;
    if (next > bytes.length) return 0;
    switch (bytes[at]) {
      case STAR: {
        const length = integer(bytes, at + 1, end);
        this.#watch.array(length);
        return this.#complete(next, Math.max(0, length));
      }
      case DOLLAR: {
        const length = integer(bytes, at + 1, end);
        if (length < 0) return this.#complete(next, 0);
        if (next + length + 2 > bytes.length) return 0;
        this.#watch.text(bytes, next, next + length);
        return this.#complete(next + length + 2, 0);
      }
      case COLON:
        return this.#complete(next, 0);
      default:
        throw new Error(`Redis said: ${bytes.toString('latin1', at, end)}`);
    }
  }

  /** Counts a complete element, with `more` elements inside it. */
  #complete(next, more) {
    this.#open = Math.max(1, this.#open) - 1 + more;
    if (this.#open === 0) this.#watch.end();
    return next;
  }
}

function integer(bytes, from, to) {
  if (bytes[from] === MINUS) return -integer(bytes, from + 1, to);
  let number = 0;
  for (let i = from; i < to; i++) number = number * 10 + (bytes[i] - ZERO);
  return number;
}
