import type { GapRecord } from '../redis/group-inspector.js';

/** When messages may have been missed; ms since 1970. */
export type GapTimes = Pick<GapRecord, 'from' | 'to'>;

/** ms by which the times of a gap and of the inbox ids around it may differ, though both are of Redis's clock. */
const SLACK = 1_000;

/** In place of a time: the message is lost. */
export const LOST = -1;
/** In place of a time: the message was relayed, it is not known when. */
export const UNKNOWN = 0;

/**
 * How many of the lost messages lie in a gap. Inbox order is channel order, so a lost message was published between
 * its nearest relayed neighbours.
 *
 * @param relayedAt when each message was relayed, in the order of the channel: ms since 1970, LOST or UNKNOWN
 */
export function lostInGaps(relayedAt: Float64Array, gaps: readonly GapTimes[]): number {
  // A dead letter that was sent back has a new, later inbox id, so it is out of order and no use as a neighbour. A
  // message is in order if it is earlier than all behind it.
  const earliestFrom = new Float64Array(relayedAt.length + 1).fill(Infinity);
  for (let i = relayedAt.length - 1; i >= 0; i--) {
    const time = relayedAt[i] as number;
    earliestFrom[i] = Math.min(earliestFrom[i + 1] as number, time > 0 ? time : Infinity);
  }
  let inGaps = 0;
  let before = -Infinity;
  // Whether the current run of lost messages, which share their neighbours, lies in a gap.
  let run: boolean | undefined;
  for (let i = 0; i < relayedAt.length; i++) {
    const time = relayedAt[i] as number;
    if (time > 0 && time <= (earliestFrom[i] as number)) before = time;
    if (time !== LOST) {
      run = undefined;
      continue;
    }
    const after = earliestFrom[i + 1] as number;
    run ??= gaps.some(({ from, to }) => from <= after + SLACK && to >= before - SLACK);
    if (run) inGaps++;
  }
  return inGaps;
}
