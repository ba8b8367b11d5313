/**
 * A place in the channel: the number of the last mark, and the messages since.
 * All bridges that have seen a mark give a message after it the same position.
 */
export interface Position {
  readonly epoch: number;
  readonly offset: number;
}

/** Before every position of a message. */
export const ORIGIN: Position = { epoch: 0, offset: 0 };

/** Negative where `a` is before `b`, 0 where they are the same, positive where `a` is after `b`. */
export function comparePositions(a: Position, b: Position): number {
  return a.epoch - b.epoch || a.offset - b.offset;
}

/** Whether `a` is after `b`; nothing is before every position. */
export function isAfter(a: Position | undefined, b: Position | undefined): a is Position {
  return a !== undefined && (b === undefined || comparePositions(a, b) > 0);
}

/** Whether both are the same position, or both none. */
export function isSame(a: Position | undefined, b: Position | undefined): boolean {
  return !isAfter(a, b) && !isAfter(b, a);
}

/** The earliest of some positions; undefined of none. */
export function earliestOf(positions: readonly Position[]): Position | undefined {
  return positions.reduce<Position | undefined>(
    (first, one) => (first && comparePositions(first, one) <= 0 ? first : one),
    undefined,
  );
}
