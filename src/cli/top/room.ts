/** What a pane wants of the room below the numbers. */
export interface Wish {
  /** Lines of its rows. */
  readonly rows: number;
  /** Lines that it takes besides: its head, and what is to be said first. */
  readonly fixed: number;
  /** Its share of the room, relative to the other panes. */
  readonly weight: number;
}

/**
 * How many lines each pane gets for its rows, so that all panes and an empty line between them take at most `room` lines.
 * -1: not even its head.
 *
 * @param first the pane that gets room first; the others follow in their order
 */
export function shareOut(wishes: readonly Wish[], room: number, first = 0): number[] {
  const order = [...wishes.keys()].sort((a, b) => Number(b === first) - Number(a === first) || a - b);
  const shown = wishes.map(() => -1);
  let left = room;
  for (const i of order) {
    const { fixed = 1, rows = 0 } = wishes[i] ?? {};
    const between = i === order[0] ? 0 : 1;
    // A row and the line that counts the others. The first one may have its row alone.
    const least = Math.min(rows, i === first ? 1 : 2);
    if (left < fixed + between + least) break;
    shown[i] = least;
    left -= fixed + between + least;
  }
  for (let given = true; given && left > 0; ) {
    given = false;
    for (const i of order) {
      const has = shown[i] ?? -1;
      const { weight = 1, rows = 0 } = wishes[i] ?? {};
      const more = has < 0 ? 0 : Math.min(weight, rows - has, left);
      shown[i] = has + more;
      left -= more;
      given ||= more > 0;
    }
  }
  return shown;
}

/** The rows of a list that are shown, and how many are not. */
export interface ListWindow {
  readonly from: number;
  readonly count: number;
  readonly above: number;
  readonly below: number;
}

/**
 * The part of a list that a room shows: it moves as little as it can, so that one row stays in it. If not all fit, the last line of
 * the room says how many are above and below; a room of one line has the row itself.
 *
 * @param length rows that can be shown
 * @param total rows that there are
 * @param row that is shown in any case
 * @param from the first row that was shown before
 */
export function windowOf(
  { length, total }: { readonly length: number; readonly total: number },
  room: number,
  row: number,
  from: number,
): ListWindow {
  const isAll = length <= room && total <= length;
  const count = Math.max(0, isAll ? length : Math.min(length, room > 1 ? room - 1 : room));
  const least = Math.max(0, row - count + 1);
  const first = Math.max(0, Math.min(Math.max(from, least), row, length - count));
  return { from: first, count, above: first, below: Math.max(0, total - first - count) };
}
