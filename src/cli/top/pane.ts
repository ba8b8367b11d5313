import { numberText } from '../../core/words.js';
import { printable } from '../../log/printable.js';
import { cutStartTo, cutTo, padTo, widthOf } from '../width.js';
import type { Line, Tone } from './line.js';

/** The tables of the screen. */
export type PaneName = 'consumers' | 'processes' | 'busy keys' | 'lanes' | 'dead letters' | 'gaps';

/** How a column takes part in the width. */
interface ColumnLook {
  readonly head: string;
  /** Numbers stand at the right. */
  readonly right?: true | undefined;
  /** 0: is always shown. The column with the highest number leaves first if the width is too small. */
  readonly leaves: number;
  /** It takes what the others leave, if that is at least so much. */
  readonly fills?: number | undefined;
}

/** A column of a pane. */
export interface PaneColumn<T> extends ColumnLook {
  /** What stands there; it is made printable when it is shown. */
  readonly text: (row: T) => string;
  /** What the rows can be sorted by: the highest number first, or the texts from A to Z. */
  readonly by?: (row: T) => number | string;
}

/** A table of the screen: a part of its rows is shown, from one of them on. */
export interface Pane {
  readonly name: PaneName;
  /** How many there are: more than rows if not all were read. */
  readonly total: number;
  /** What is to be said before its rows. */
  readonly note: string | undefined;
  /** What names each row, in their order. */
  readonly keys: readonly string[];
  /** In how many ways it can be sorted. */
  readonly sorts: number;
  readonly columns: readonly ColumnLook[];
  readonly cell: (row: number, column: number) => string;
  readonly tone: (row: number) => Tone | undefined;
}

interface PaneParts<T> {
  readonly name: PaneName;
  readonly rows: readonly T[];
  readonly total?: number;
  readonly note?: string | undefined;
  readonly key: (row: T) => string;
  readonly tone?: (row: T) => Tone | undefined;
  /** The first one is named like the pane. */
  readonly columns: readonly PaneColumn<T>[];
}

const natural = new Intl.Collator('en', { numeric: true });

/**
 * Makes a pane.
 *
 * @param sort by which of the columns that can be sorted; the head of the column shows it. Undefined: by the first one, without
 * a mark. Rows of panes without such a column keep their order.
 */
export function paneOf<T>(parts: PaneParts<T>, sort: number | undefined): Pane {
  const { name, total = parts.rows.length, note, key, tone } = parts;
  const sortable = parts.columns.filter(({ by }) => by);
  const by = sortable[(sort ?? 0) % Math.max(1, sortable.length)];
  const rows = sorted(parts.rows, key, by?.by);
  const columns = parts.columns.map(({ head, right, leaves, fills, ...column }) => {
    const mark = sort !== undefined && column.by !== undefined && column.by === by?.by;
    const arrow = mark ? (right ? ' ↓' : ' ↑') : '';
    return { head: `${head}${arrow}`, right, leaves, fills };
  });
  const [first, ...others] = columns;
  const title = `${name} (${numberText(total)})${first?.head ?? ''}`;
  return {
    name,
    total,
    note,
    keys: rows.map(key),
    sorts: sortable.length,
    columns: first ? [{ ...first, head: title }, ...others] : [],
    cell: (row, column) => {
      const one = rows[row];
      return one === undefined ? '' : printable(parts.columns[column]?.text(one) ?? '');
    },
    tone: (row) => {
      const one = rows[row];
      return one === undefined ? undefined : tone?.(one);
    },
  };
}

/** Rows with the same value are in the order of their keys: else they would change places from reading to reading. */
function sorted<T>(rows: readonly T[], key: (row: T) => string, by?: (row: T) => number | string) {
  if (!by) return rows;
  const compare = (a: number | string, b: number | string) =>
    typeof a === 'number' && typeof b === 'number' ? b - a : natural.compare(String(a), String(b));
  return rows
    .map((row) => ({ row, value: by(row), key: key(row) }))
    .sort((a, b) => compare(a.value, b.value) || natural.compare(a.key, b.key))
    .map(({ row }) => row);
}

/** Blanks between two columns. */
const GAP = 2;
/** The first column, which names the row, keeps at least so much, and so much of the width. */
const LEAST_NAME = { columns: 16, share: 0.4 };
/** What the first one of several columns that fill gets of the room. */
const FIRST_FILLS = 0.6;

/**
 * The width of each column; undefined for one that has no room. A wider screen shows more of them, and longer names.
 *
 * @param wanted the widest text of each column
 */
export function fitColumns(
  columns: readonly Omit<ColumnLook, 'head'>[],
  wanted: readonly number[],
  width: number,
): (number | undefined)[] {
  const want = (i: number) => wanted[i] ?? 0;
  const name = Math.min(want(0), Math.max(LEAST_NAME.columns, Math.floor(width * LEAST_NAME.share)));
  const needs = (i: number) => (i === 0 ? name : (columns[i]?.fills ?? want(i)));
  const kept = new Set(columns.keys());
  const sum = (of: (i: number) => number) => [...kept].reduce((all, i) => all + of(i) + GAP, -GAP);
  while (sum(needs) > width) {
    const [leaver] = [...kept].sort((a, b) => (columns[b]?.leaves ?? 0) - (columns[a]?.leaves ?? 0));
    if (leaver === undefined || columns[leaver]?.leaves === 0) break;
    kept.delete(leaver);
  }
  const given = columns.map((_, i) => Math.min(needs(i), want(i)));
  const give = (i: number, share: number) => {
    const spare = Math.max(0, width - sum((one) => given[one] ?? 0));
    const has = given[i] ?? 0;
    given[i] =
      has + Math.min(want(i) - has, spare === Number.POSITIVE_INFINITY ? spare : Math.floor(spare * share));
  };
  give(0, 1);
  const filling = [...kept].filter((i) => columns[i]?.fills !== undefined);
  const [first] = filling;
  if (first !== undefined && filling.length > 1) give(first, FIRST_FILLS);
  for (const i of [...filling].reverse()) give(i, 1);
  return given.map((one, i) => (kept.has(i) ? one : undefined));
}

/** Which rows of a pane are shown, and how. */
export interface PaneWindow {
  readonly width: number;
  /** The first row that is shown, and how many are. */
  readonly from: number;
  readonly count: number;
  /** The row that is marked; undefined without marks. */
  readonly selected?: number | undefined;
  /** Whether each row begins with room for the mark. */
  readonly marks: boolean;
}

/** What marks the selected row, and what stands before the others. */
const MARK = '› ';

/** The head of a pane and its rows. */
export function paneLines(pane: Pane, { width, from, count, selected, marks }: PaneWindow): Line[] {
  const { columns } = pane;
  const rows = Array.from({ length: count }, (_, n) => from + n);
  const indent = marks ? MARK.length : 0;
  const widest = (column: number) => {
    const { head = '', fills } = columns[column] ?? {};
    const heads = widthOf(head) - (column === 0 ? indent : 0);
    const among = fills === undefined ? pane.keys.keys() : rows;
    let most = heads;
    for (const row of among) most = Math.max(most, widthOf(pane.cell(row, column)));
    return most;
  };
  const widths = fitColumns(
    columns,
    columns.map((_, i) => widest(i)),
    width - indent,
  );
  const lineOf = (texts: readonly string[], isHead: boolean) =>
    texts
      .flatMap((text, i) => {
        const room = widths[i];
        if (room === undefined) return [];
        const inner = room + (isHead && i === 0 ? indent : 0);
        // What differs in the ids of consumers and processes is their end.
        const cut = i === 0 && !isHead ? cutStartTo(text, inner) : cutTo(text, inner);
        return [padTo(cut, inner, columns[i]?.right)];
      })
      .join(' '.repeat(GAP))
      .trimEnd();
  const heads = columns.map(({ head }) => head);
  return [
    { text: lineOf(heads, true), tone: 'head' },
    ...(pane.note === undefined ? [] : [{ text: pane.note }]),
    ...rows.map((row): Line => {
      const texts = columns.map((_, i) => (widths[i] === undefined ? '' : pane.cell(row, i)));
      const isSelected = row === selected;
      const mark = !marks ? '' : isSelected ? MARK : ' '.repeat(MARK.length);
      return { text: `${mark}${lineOf(texts, false)}`, tone: isSelected ? 'selected' : pane.tone(row) };
    }),
  ];
}
