import { PackedList } from '../../src/bridge/packed-list.js';
import { Packed } from '../../src/core/packed.js';

/** Messages packed as a bridge packs them. */
export function packed(messages: readonly (Buffer | string)[]): Packed {
  const list = new PackedList();
  for (const message of messages) list.append(Buffer.from(message));
  return new Packed(list.length, list.parts(0, list.length));
}

/** Buffers as latin1 strings: these compare faster. */
export function textsOf(all: Iterable<Buffer>): string[] {
  return Array.from(all, (one) => one.toString('latin1'));
}
