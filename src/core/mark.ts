import type { Mark } from './bridge-store.js';

/** Epoch, token, beat, bridges; epoch and offset of the position, or two empty words; holder, or an empty word. */
const MARK = /^(\d+) (\d+) (\d+) (\d+) (?:(\d+) (\d+)| ) (\S*)$/;

/** Reads a mark as `mark.lua` publishes it. Undefined for any other text. */
export function parseMark(text: string): Mark | undefined {
  const [, epoch, token, beat, bridges, relayedEpoch, relayedOffset, holder] = MARK.exec(text) ?? [];
  if (holder === undefined) return undefined;
  return {
    epoch: Number(epoch),
    token: Number(token),
    beat: Number(beat),
    bridges: Number(bridges),
    relayed: relayedEpoch ? { epoch: Number(relayedEpoch), offset: Number(relayedOffset) } : undefined,
    holder,
  };
}
