import { orderKeyOf } from './order-key.js';
import type { Packed } from './packed.js';
import type { Position } from './position.js';

/** Most lanes of a group. */
export const MOST_LANES = 64;
/** Messages in a row that go to the same lane: so each lane gets them in packs, and a small batch goes to few lanes. */
const BLOCK = 100;

/**
 * Which lane gets a message is a pure function of what all bridges know of it: so each leader deals it to the same lane. Without
 * an order that is its position; with order `key` its key, or its text if it has none.
 */

/** The lane of the message at a position. */
export function laneAt({ epoch, offset }: Position, lanes: number): number {
  const block = Math.floor(Math.max(offset - 1, 0) / BLOCK);
  return (mixed(epoch % 2 ** 32) + block) % lanes;
}

/** The lane of the messages with a key. */
export function laneOfKey(key: string, lanes: number): number {
  // FNV-1a (https://www.rfc-editor.org/rfc/rfc9923), of UTF-16 units.
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return mixed(hash) % lanes;
}

/** Spreads a number over 32 bits: the last step of MurmurHash3 (https://github.com/aappleby/smhasher). */
function mixed(number: number): number {
  let hash = number | 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Messages of a relay, and where they end. */
export interface Dealt {
  readonly messages: Packed;
  readonly to: Position;
}

/** What a lane gets of a relay. */
export interface LanePart {
  readonly messages: Packed;
  /** With a path: the keys of these messages, as `keyLines` gives them. */
  readonly keys?: string;
}

/**
 * Deals the messages of a relay, which follow the mark at which `to` begins, to lanes: without those that a lane has already.
 *
 * @param reached the position up to which each lane is written; undefined for nothing
 * @param path where the key of a message is; undefined without order `key`
 */
export function deal(
  { messages, to }: Dealt,
  reached: readonly (Position | undefined)[],
  path: readonly string[] | undefined,
): readonly LanePart[] {
  const lanes = reached.length;
  const before = to.offset - messages.length;
  const last = reached.map((position) => (position ? lastIn(to.epoch, position) : 0));
  const isNew = (lane: number, index: number) => before + index + 1 > (last[lane] as number);
  if (!path) {
    const laneOf = (index: number) => laneAt({ epoch: to.epoch, offset: before + index + 1 }, lanes);
    const parts = messages.deal(lanes, (index) => {
      const lane = laneOf(index);
      return isNew(lane, index) ? lane : undefined;
    });
    return parts.map((part) => ({ messages: part }));
  }
  // Each message is parsed once: what finds its lane is written with it.
  const laneOf: (number | undefined)[] = [];
  const keys = reached.map(() => '');
  for (const message of messages) {
    const key = orderKeyOf(message, path);
    const lane = laneOfKey(key ?? message.toString('latin1'), lanes);
    const isDealt = isNew(lane, laneOf.length);
    if (isDealt) keys[lane] += `${key ?? ''}\n`;
    laneOf.push(isDealt ? lane : undefined);
  }
  return messages
    .deal(lanes, (index) => laneOf[index])
    .map((part, lane) => ({ messages: part, keys: keys[lane] as string }));
}

/** The offset in an epoch up to which all is before a position. */
function lastIn(epoch: number, position: Position): number {
  if (position.epoch === epoch) return position.offset;
  return position.epoch > epoch ? Number.POSITIVE_INFINITY : 0;
}
