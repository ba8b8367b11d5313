import { Packed } from '../core/packed.js';
import { comparePositions, type Position } from '../core/position.js';
import { ChunkPool } from './chunks.js';
import { OVERHEAD, PackedList } from './packed-list.js';

/** A full buffer drops messages down to this share of its limit: otherwise each new message would move all the others. */
const DROP_TO = 0.95;

/** The messages between two marks. */
interface Segment {
  readonly epoch: number;
  /** When its mark came: ms, the observer's own clock. */
  readonly since: number;
  /** The message of offset n has the index n - 1. */
  readonly messages: PackedList;
  /** The offset up to which its messages are relayed. */
  relayed: number;
  /** What its messages cost to keep. */
  bytes: number;
}

/** Some messages from the front of the buffer, and the position of the last one. */
export interface Batch {
  readonly messages: Packed;
  readonly to: Position;
}

/** How much a buffer keeps. */
export interface Limits {
  /** ms for which to keep relayed messages. */
  readonly retain: number;
  /** Most bytes of relayed messages. */
  readonly retainBytes: number;
  /** Most bytes in all: messages that are not relayed are dropped only if they alone are more. */
  readonly bytes: number;
}

/** Why messages up to the floor are not here: they came before the first mark, retention ended, or the buffer was full. */
export type FloorCause = 'start' | 'retained' | 'full';

/**
 * The messages since one mark, each with its position: those still to be relayed, and those relayed a short time ago,
 * which a Redis that comes back with an older state lacks. Appending and moving on cost O(1) per message.
 */
export class MessageBuffer {
  readonly #limits: Limits;
  readonly #pool = new ChunkPool();
  /** Segments that are relayed to their end, oldest first. */
  #retained: Segment[] = [];
  /** The other segments; the last one still grows. */
  #segments: Segment[];
  #epoch: number;
  #offset = 0;
  #length = 0;
  #bytes = 0;
  #retainedBytes = 0;
  #floor: Position;
  #floorCause: FloorCause = 'start';
  /** Messages up to here are relayed already, though they have not come yet. */
  #ahead: Position | undefined;

  /** @param epoch the number of the mark after which the messages follow */
  constructor(epoch: number, now: number, limits: Limits) {
    this.#limits = limits;
    this.#epoch = epoch;
    this.#floor = { epoch, offset: 0 };
    this.#segments = [this.#segmentOf(epoch, now)];
  }

  /** How many messages are still to be relayed. */
  get length(): number {
    return this.#length;
  }

  /** The position of the last message or mark. */
  get end(): Position {
    return { epoch: this.#epoch, offset: this.#offset };
  }

  /** All messages after this position are here. */
  get floor(): Position {
    return this.#floor;
  }

  get floorCause(): FloorCause {
    return this.#floorCause;
  }

  /**
   * Adds the message that stands in `bytes` from `start` to `end`. Returns how many messages were dropped that were not
   * relayed, because the buffer was full.
   */
  append(bytes: Buffer, start = 0, end = bytes.length): number {
    this.#offset++;
    const segment = this.#last;
    const size = end - start + OVERHEAD;
    segment.messages.append(bytes, start, end);
    segment.bytes += size;
    this.#bytes += size;
    if (this.#ahead && comparePositions(this.end, this.#ahead) <= 0) {
      segment.relayed = this.#offset;
    } else {
      this.#ahead = undefined;
      this.#length++;
    }
    return this.#bytes > this.#limits.bytes ? this.#makeRoom() : 0;
  }

  /** A mark came at `now` (ms, monotonic): later messages belong to its epoch. */
  cut(epoch: number, now: number): void {
    this.#epoch = epoch;
    this.#offset = 0;
    this.#last.messages.trim();
    this.#segments.push(this.#segmentOf(epoch, now));
    this.#retire();
    const { retain, retainBytes } = this.#limits;
    this.#dropRetained((oldest) => now - oldest.since > retain || this.#retainedBytes > retainBytes);
  }

  /** The messages up to a position are relayed, also those that have not come yet. Never goes back. */
  relayedThrough(position: Position): void {
    for (const segment of this.#segments) {
      if (segment.epoch > position.epoch) break;
      const last = segment.messages.length;
      const relayed = segment.epoch < position.epoch ? last : Math.min(position.offset, last);
      if (relayed <= segment.relayed) continue;
      this.#length -= relayed - segment.relayed;
      segment.relayed = relayed;
    }
    if (comparePositions(position, this.#ahead ?? this.end) > 0) this.#ahead = position;
    this.#retire();
  }

  /** Of the messages here only those up to the position are relayed; none at all without one. */
  rewind(position: Position | undefined): void {
    this.#segments = [...this.#retained, ...this.#segments];
    this.#retained = [];
    this.#retainedBytes = 0;
    this.#length = 0;
    this.#ahead = undefined;
    for (const segment of this.#segments) {
      const { base, length } = segment.messages;
      segment.relayed = base;
      this.#length += length - base;
    }
    if (position) this.relayedThrough(position);
  }

  /** Forgets the marks from this one on, and their messages. */
  forgetFrom(epoch: number): void {
    const isKept = (segment: Segment) => segment.epoch < epoch;
    const gone = [...this.#retained, ...this.#segments].filter((segment) => !isKept(segment));
    if (gone.length === 0) return;
    this.#retained = this.#retained.filter(isKept);
    this.#segments = this.#segments.filter(isKept);
    if (this.#segments.length === 0) this.#segments = [this.#segmentOf(this.#floor.epoch, 0)];
    for (const { messages, relayed, bytes } of gone) {
      this.#length -= messages.length - relayed;
      this.#bytes -= bytes;
      messages.dropBefore(messages.length);
    }
    this.#retainedBytes = this.#retained.reduce((sum, { bytes }) => sum + bytes, 0);
    this.#epoch = this.#last.epoch;
    this.#offset = this.#last.messages.length;
  }

  /**
   * The first messages to relay: at most so many, about so many bytes, at least one. They stay in the buffer.
   *
   * @param oneEpoch all of them follow the same mark: the position of each follows from that of the last
   */
  head(maxMessages: number, maxBytes: number, oneEpoch = false): Batch | undefined {
    if (this.#length === 0) return undefined;
    const parts: Buffer[] = [];
    let count = 0;
    let bytes = 0;
    let to = this.end;
    for (const { epoch, messages, relayed } of this.#segments) {
      const most = Math.min(messages.length, relayed + maxMessages - count);
      let end = relayed;
      while (end < most && (count + end === relayed || bytes + messages.bytes(relayed, end + 1) <= maxBytes))
        end++;
      if (end > relayed) {
        parts.push(...messages.parts(relayed, end));
        count += end - relayed;
        bytes += messages.bytes(relayed, end);
        to = { epoch, offset: end };
      }
      if (end < messages.length || (oneEpoch && count > 0)) break;
    }
    return { messages: new Packed(count, parts), to };
  }

  /** Whether it has any message after the position; any at all, without one. */
  holdsAfter(position: Position | undefined): boolean {
    const last = [...this.#retained, ...this.#segments].findLast(
      ({ messages }) => messages.length > messages.base,
    );
    if (!last) return false;
    const end = { epoch: last.epoch, offset: last.messages.length };
    return !position || comparePositions(end, position) > 0;
  }

  get #last(): Segment {
    return this.#segments[this.#segments.length - 1] as Segment;
  }

  /** Moves the segments that are relayed to their end to the retained ones, except the last, which still grows. */
  #retire(): void {
    let count = 0;
    while (count < this.#segments.length - 1) {
      const segment = this.#segments[count] as Segment;
      const { base, length } = segment.messages;
      if (segment.relayed < length) break;
      if (length > base) this.#retained.push(segment);
      this.#retainedBytes += segment.bytes;
      count++;
    }
    if (count > 0) this.#segments.splice(0, count);
  }

  /** Drops retained segments, oldest first, while they are too many. */
  #dropRetained(tooMany: (oldest: Segment) => boolean): void {
    let count = 0;
    for (const segment of this.#retained) {
      if (!tooMany(segment)) break;
      this.#bytes -= segment.bytes;
      this.#retainedBytes -= segment.bytes;
      const { length } = segment.messages;
      this.#raiseFloor(segment.epoch, length, 'retained');
      segment.messages.dropBefore(length); // its memory is used again
      count++;
    }
    if (count > 0) this.#retained.splice(0, count);
  }

  /** Drops relayed messages, then the oldest of the others. Returns how many were not relayed. */
  #makeRoom(): number {
    const { bytes } = this.#limits;
    this.#dropRetained(() => this.#bytes > bytes);
    if (this.#bytes <= bytes) return 0;
    const target = bytes * DROP_TO;
    let dropped = 0;
    for (const segment of this.#segments) {
      if (this.#bytes <= target) break;
      const { messages, relayed } = segment;
      const { base } = messages;
      // The newest message stays, however long it is: Redis may accept it.
      const end = messages.indexFreeing(this.#bytes - target, segment !== this.#last);
      if (end === base) continue;
      const size = messages.cost(base, end);
      messages.dropBefore(end);
      segment.bytes -= size;
      this.#bytes -= size;
      const lost = Math.max(0, end - relayed);
      segment.relayed = Math.max(relayed, end);
      this.#length -= lost;
      dropped += lost;
      this.#raiseFloor(segment.epoch, end, lost > 0 ? 'full' : 'retained');
    }
    this.#retire();
    return dropped;
  }

  /** Only if messages were dropped: an empty segment leaves no hole. */
  #raiseFloor(epoch: number, offset: number, cause: FloorCause): void {
    if (offset === 0) return;
    this.#floor = { epoch, offset };
    this.#floorCause = cause;
  }

  #segmentOf(epoch: number, since: number): Segment {
    return { epoch, since, messages: new PackedList(this.#pool), relayed: 0, bytes: 0 };
  }
}
