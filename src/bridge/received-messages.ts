import { NOTHING } from '../core/packed.js';
import { comparePositions, type Position } from '../core/position.js';
import { type Batch, type FloorCause, type Limits, MessageBuffer } from './buffer.js';

/**
 * One relay takes this share of a long queue, up to so many times the usual: on a busy machine each call waits its turn, and
 * a bridge that is behind must catch up.
 */
const SHARE = 1 / 8;
const MOST_TIMES = 8;

/** Which messages are missing before the next batch. */
export interface Missing {
  /** How many messages this bridge dropped there. */
  readonly dropped: number;
  /** Why messages are missing there, undefined if none is. */
  readonly cause: FloorCause | undefined;
  /**
   * The number of a mark that came after all that is missing at this server, which is the time when it was made; undefined if there
   * is none. A subscription misses nothing after its first mark, unless it drops it.
   */
  readonly until?: number | undefined;
}

/** What one subscription has received: the messages before its first mark, and those since, which have positions. */
export class ReceivedMessages {
  readonly #limits: Limits;
  readonly #allPositioned: boolean;
  /** The messages from before the first mark, once it has come; undefined if there are none. */
  #unpositioned: MessageBuffer | undefined;
  /** The messages since the first mark; before it comes, all. */
  #positioned: MessageBuffer;
  /** The position of the first mark; undefined before it comes. */
  #firstMark: Position | undefined;
  #dropped = 0;

  /** @param allPositioned see {@link MachineOptions.allPositioned} */
  constructor(limits: Limits, allPositioned = false) {
    this.#limits = limits;
    this.#allPositioned = allPositioned;
    this.#positioned = new MessageBuffer(0, 0, limits);
  }

  /** Messages that are not known to be relayed. */
  get length(): number {
    return (this.#unpositioned?.length ?? 0) + this.#positioned.length;
  }

  /** Messages that were dropped because the buffer was full, and that are not known to be relayed. */
  get dropped(): number {
    return this.#dropped;
  }

  /** The position of the last message or mark. */
  get end(): Position {
    return this.#positioned.end;
  }

  /** Adds the message that stands in `bytes` from `start` to `end`. */
  append(bytes: Buffer, start: number, end: number): void {
    this.#dropped += this.#positioned.append(bytes, start, end);
  }

  /** A mark came at `now` (ms, monotonic): later messages belong to its epoch. */
  cut(epoch: number, now: number): void {
    if (this.#firstMark) {
      this.#positioned.cut(epoch, now);
    } else {
      this.#firstMark = { epoch, offset: 0 };
      if (this.#positioned.length > 0 && !this.#allPositioned) this.#unpositioned = this.#positioned;
      this.#positioned = new MessageBuffer(epoch, now, this.#limits);
    }
  }

  /** All messages up to the position are relayed. */
  relayedThrough(position: Position): void {
    if (!this.startsAfter(position)) this.#unpositioned = undefined;
    if (!this.lacksAfter(position)) this.#dropped = 0;
    this.#positioned.relayedThrough(position);
  }

  /** Only the messages up to the position are relayed; none at all without one. */
  rewind(position: Position | undefined): void {
    this.#positioned.rewind(position);
    if (position) this.relayedThrough(position);
  }

  /** Forgets the marks from this one on, and their messages. */
  forgetFrom(epoch: number): void {
    this.#positioned.forgetFrom(epoch);
    if (this.#firstMark && this.#firstMark.epoch >= epoch) this.#unpositioned = undefined;
  }

  /** Forgets the messages that came before the first mark. */
  forgetUnpositioned(): void {
    this.#unpositioned = undefined;
  }

  /** A gap with so many dropped messages is written. */
  gapWritten(dropped: number): void {
    this.#dropped -= dropped;
  }

  /** Whether the position is before the first mark: then relaying starts at that mark. */
  startsAfter(position: Position | undefined): boolean {
    return !position || !this.#firstMark || comparePositions(position, this.#firstMark) < 0;
  }

  /** Whether messages may be missing between the position and what is kept here. */
  lacksAfter(position: Position | undefined): boolean {
    return !position || comparePositions(position, this.#positioned.floor) < 0;
  }

  /** Whether it has any message after the position; any at all, without one. */
  holdsAfter(position: Position | undefined): boolean {
    return this.#unpositioned !== undefined || this.#positioned.holdsAfter(position);
  }

  /**
   * The next messages to relay from the stored position on, and where they end. It has no messages if there is only a gap
   * to record.
   */
  nextBatch(relayed: Position | undefined, maxMessages: number, maxBytes: number): Batch | undefined {
    // All unpositioned messages in one batch, because only their end has a position.
    if (this.startsAfter(relayed)) {
      const all = this.#unpositioned?.head(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
      return { messages: all?.messages ?? NOTHING, to: this.#firstStop };
    }
    const times = Math.min(Math.max((this.#positioned.length * SHARE) / maxMessages, 1), MOST_TIMES);
    const batch = this.#positioned.head(
      Math.floor(times * maxMessages),
      times * maxBytes,
      this.#allPositioned,
    );
    if (batch || !this.lacksAfter(relayed)) return batch;
    return { messages: NOTHING, to: this.#positioned.floor };
  }

  /**
   * What is missing between the stored position and the next batch.
   *
   * @param isOnlyServer false where messages may still be published at another server, which the bridges have left
   */
  missingAfter(relayed: Position | undefined, isOnlyServer: boolean): Missing {
    const { floor, floorCause } = this.#positioned;
    // What was dropped since the first mark comes after the unpositioned messages: a gap of its own.
    const later = this.startsAfter(relayed) && comparePositions(this.#firstStop, floor) < 0;
    const dropped = later ? 0 : this.#dropped;
    if (!this.lacksAfter(relayed)) return { dropped, cause: undefined };
    const cause = later && floorCause === 'full' ? 'start' : floorCause;
    return { dropped, cause, until: isOnlyServer && cause === 'start' ? this.#firstMark?.epoch : undefined };
  }

  /** Where the first batch ends if the stored position is before the first mark: there, or after what was dropped since. */
  get #firstStop(): Position {
    return this.#unpositioned && this.#firstMark ? this.#firstMark : this.#positioned.floor;
  }
}
