import { Packed } from '../core/packed.js';
import { FULL } from './buffer.js';
import { OVERHEAD, PackedList } from './packed-list.js';

/** Messages from before the first mark, in their order. If they are too many, it drops the oldest. */
export class UnpositionedBuffer {
  readonly #most: number;
  #messages = new PackedList();
  #bytes = 0;

  /** @param most bytes */
  constructor(most: number) {
    this.#most = most;
  }

  /** A copy of all messages. */
  packed(): Packed {
    const { base, length } = this.#messages;
    return new Packed(length - base, this.#messages.parts(base, length));
  }

  get length(): number {
    return this.#messages.length - this.#messages.base;
  }

  /** Adds the message that stands in `bytes` from `start` to `end`. Returns how many were dropped. */
  append(bytes: Buffer, start = 0, end = bytes.length): number {
    const messages = this.#messages;
    messages.append(bytes, start, end);
    this.#bytes += end - start + OVERHEAD;
    if (this.#bytes <= this.#most) return 0;
    const { base } = messages;
    const first = messages.indexFreeing(this.#bytes - this.#most * FULL, false);
    this.#bytes -= messages.cost(base, first);
    messages.dropBefore(first);
    return first - base;
  }

  clear(): void {
    this.#messages = new PackedList();
    this.#bytes = 0;
  }
}
