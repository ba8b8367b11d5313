import { comparePositions, type Position } from '../position.js';

interface Segment {
  readonly epoch: number;
  readonly messages: Buffer[];
  /** How many of the messages, from the front, are gone. */
  gone: number;
}

/** Some messages from the front of the buffer, and the position of the last one. */
export interface Batch {
  readonly messages: Buffer[];
  readonly to: Position;
}

/**
 * What a bridge received since its first mark and may still have to relay, each message with its position.
 * Appending and dropping cost O(1) per message.
 */
export class PositionedBuffer {
  #segments: Segment[];
  #epoch: number;
  #offset = 0;
  #length = 0;
  /** Messages up to here are not to be kept when they come: somebody has relayed them already. */
  #floor: Position | undefined;

  /** @param epoch the number of the mark after which the messages follow */
  constructor(epoch: number) {
    this.#epoch = epoch;
    this.#segments = [{ epoch, messages: [], gone: 0 }];
  }

  /** How many messages it holds. */
  get length(): number {
    return this.#length;
  }

  /** The position of the last message or mark that came. */
  get end(): Position {
    return { epoch: this.#epoch, offset: this.#offset };
  }

  push(message: Buffer): void {
    this.#offset++;
    // biome-ignore lint/style/noNonNullAssertion: there is always a last segment
    const segment = this.#segments[this.#segments.length - 1]!;
    segment.messages.push(message);
    if (this.#floor && comparePositions(this.end, this.#floor) <= 0) {
      segment.gone++;
    } else {
      this.#floor = undefined;
      this.#length++;
    }
  }

  /** A mark came: what follows belongs to its epoch. */
  cut(epoch: number): void {
    this.#epoch = epoch;
    this.#offset = 0;
    this.#segments.push({ epoch, messages: [], gone: 0 });
    this.#tidy();
  }

  /** Forgets the messages up to a position, those included that are still to come. */
  dropThrough(position: Position): void {
    for (const segment of this.#segments) {
      if (segment.epoch > position.epoch) break;
      const present = segment.messages.length;
      const gone = segment.epoch < position.epoch ? present : Math.min(position.offset, present);
      if (gone > segment.gone) {
        this.#length -= gone - segment.gone;
        segment.gone = gone;
      }
    }
    this.#floor = comparePositions(position, this.end) > 0 ? position : undefined;
    this.#tidy();
  }

  /** The first messages, at most so many and about so many bytes, at least one; they stay in the buffer. */
  head(maxMessages: number, maxBytes: number): Batch | undefined {
    if (this.#length === 0) return undefined;
    const messages: Buffer[] = [];
    let bytes = 0;
    let to = this.end;
    for (const { epoch, messages: all, gone } of this.#segments) {
      for (let i = gone; i < all.length; i++) {
        // biome-ignore lint/style/noNonNullAssertion: i is within the array
        const message = all[i]!;
        if (messages.length > 0 && (messages.length >= maxMessages || bytes + message.length > maxBytes))
          return { messages, to };
        messages.push(message);
        bytes += message.length;
        to = { epoch, offset: i + 1 };
      }
    }
    return { messages, to };
  }

  /** Lets go of segments with nothing left in them, but for the last, which still grows. */
  #tidy(): void {
    let empty = 0;
    while (empty < this.#segments.length - 1) {
      const segment = this.#segments[empty];
      if (!segment || segment.gone < segment.messages.length) break;
      empty++;
    }
    if (empty > 0) this.#segments.splice(0, empty);
  }
}
