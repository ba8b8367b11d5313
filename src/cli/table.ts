import { printable } from '../log/printable.js';
import { widthOf } from './width.js';

/** Blanks between two columns. */
const GAP = 2;

/** Rows in columns, without lines and colours, for people and for `awk`. Each cell is {@link printable}. */
export function columns(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map(printable));
  const widths: number[] = [];
  for (const row of cells)
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, widthOf(cell));
  const padded = (cell: string, i: number) => cell + ' '.repeat((widths[i] ?? 0) - widthOf(cell) + GAP);
  return cells.map((row) => row.map(padded).join('').trimEnd()).join('\n');
}
