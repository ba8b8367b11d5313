import Table from 'cli-table3';
import { printable } from '../log/printable.js';

const NO_LINES = Object.fromEntries(
  ['top', 'bottom', 'left', 'right', 'mid'].flatMap((side) =>
    ['', '-mid', '-left', '-right'].map((corner) => [`${side}${corner}`, '']),
  ),
);

/** Rows in columns, without lines and colours, for people and for `awk`. Each cell is {@link printable}. */
export function columns(rows: readonly (readonly string[])[]): string {
  const table = new Table({
    chars: { ...NO_LINES, middle: '' },
    style: { 'padding-left': 0, 'padding-right': 2, head: [], border: [] },
  });
  table.push(...rows.map((row) => row.map(printable)));
  return table
    .toString()
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
