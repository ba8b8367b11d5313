import type { Readable } from 'node:stream';

/** Lines of one stream of a child that are written to the log within a second. */
const MOST_LINES = 1_000;
/** What is read of such lines within a second. Then nothing is read of the stream until the second is over. */
const MOST_READ_LINES = 10_000;
const MOST_READ_BYTES = 4 * 2 ** 20;
const SECOND = 1_000;

/**
 * Limits the lines of a child that are no answers. A child that writes them without end fills neither the log nor the
 * time of this process: in the end it waits until it is read on.
 */
export class FloodGate {
  readonly #stream: Readable;
  readonly #onDropped: () => void;
  #began = Number.NEGATIVE_INFINITY;
  #lines = 0;
  #bytes = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(stream: Readable, onDropped: () => void) {
    this.#stream = stream;
    this.#onDropped = onDropped;
  }

  /** Counts a line. Returns whether it may be written to the log; if not, it counts as dropped. */
  pass(bytes: number): boolean {
    const now = performance.now();
    if (now - this.#began >= SECOND) {
      this.#began = now;
      this.#lines = 0;
      this.#bytes = 0;
    }
    this.#lines++;
    this.#bytes += bytes;
    if (this.#lines > MOST_READ_LINES || this.#bytes > MOST_READ_BYTES) this.#pause(now);
    if (this.#lines <= MOST_LINES) return true;
    this.#onDropped();
    return false;
  }

  /** The child has ended: what it wrote last is read. */
  open(): void {
    clearTimeout(this.#timer);
    this.#stream.resume();
  }

  #pause(now: number): void {
    if (this.#stream.isPaused()) return;
    this.#stream.pause();
    this.#timer = setTimeout(() => this.#stream.resume(), this.#began + SECOND - now);
  }
}
