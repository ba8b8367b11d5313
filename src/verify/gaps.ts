/** A time in which messages may have been missed; ms since 1970. */
export interface Gap {
  readonly from: number;
  readonly to: number;
}

/** ms that Redis's clock in a gap's record and in the inbox ids around it may be apart. */
const SLACK = 1_000;

/**
 * What {@link lostInGaps} takes for a message that was lost, and for one that was relayed at an unknown time.
 */
export const LOST = -1;
export const UNKNOWN = 0;

/**
 * How many of the lost messages lie in a gap. A lost message was published between the nearest ones before
 * and after it that were relayed, and inbox order is channel order: so their times say when that was.
 *
 * @param relayedAt when each message of a channel was relayed, in the order of the channel: ms since 1970,
 *   LOST or UNKNOWN
 */
export function lostInGaps(relayedAt: Float64Array, gaps: readonly Gap[]): number {
  // A dead letter that was sent back has a new, later inbox id: it is out of order, and no neighbour to go
  // by. What comes before everything behind it is in order.
  const earliestFrom = new Float64Array(relayedAt.length + 1).fill(Infinity);
  for (let i = relayedAt.length - 1; i >= 0; i--) {
    const time = relayedAt[i] as number;
    earliestFrom[i] = Math.min(earliestFrom[i + 1] as number, time > 0 ? time : Infinity);
  }
  let inGaps = 0;
  let before = -Infinity;
  // All of a run have the same neighbours.
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
