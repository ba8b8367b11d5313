/**
 * A place in the channel: the number of the last mark, and the messages since.
 * All bridges that have seen a mark give a message after it the same position.
 */
export interface Position {
  readonly epoch: number;
  readonly offset: number;
}

/** Negative where `a` is before `b`, 0 where they are the same, positive where `a` is after `b`. */
export function comparePositions(a: Position, b: Position): number {
  return a.epoch - b.epoch || a.offset - b.offset;
}
