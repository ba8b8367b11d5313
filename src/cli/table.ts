import { printable } from '../log/printable.js';
import { type Display, PLAIN, type TextTone } from './display.js';
import { cutTo, widthOf, wrapped } from './width.js';

/** Blanks between two columns. */
const GAP = 2;
/** Columns that a text keeps in a narrow terminal, at least; with fewer, spare columns are left out. */
const LEAST = 12;

/** A text, or one in a colour. */
export type Cell = string | { readonly text: string; readonly tone: TextTone | undefined };

export interface Column {
  readonly head: string;
  /** Never cut, as long as it fits: what people type, such as an id. */
  readonly fixed?: boolean;
  /** Left out on a terminal that is too narrow, the last one first. */
  readonly spare?: boolean;
  /** The colour of its cells without one of their own. */
  readonly tone?: TextTone;
}

/** Rows in columns, without lines and colours, for people and for `awk`. Each cell is {@link printable}. */
export function columns(rows: readonly (readonly string[])[]): string {
  return table(PLAIN, undefined, rows);
}

/**
 * Rows in columns. On a terminal no row is wider than it: long texts are cut, and numbers stand at the right. In a pipe all is there.
 * Each cell is {@link printable}.
 *
 * @param heads undefined for none
 */
export function table(
  display: Display,
  heads: readonly (string | Column)[] | undefined,
  rows: readonly (readonly Cell[])[],
): string {
  const all = (heads ?? []).map((head) => (typeof head === 'string' ? { head } : head));
  const body = rows.map((row) => row.map(paintedCell));
  const head = heads ? [all.map((one) => ({ text: printable(one.head), tone: 'head' as const }))] : [];
  const cells: Painted[][] = [...head, ...body];
  const widths: number[] = [];
  for (const row of cells)
    for (const [i, { text }] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, widthOf(text));
  const shown = fitting(widths, all, display.width);
  const right = widths.map(
    (_, i) => display.width !== PLAIN.width && body.length > 0 && body.every((row) => isNumber(row[i]?.text)),
  );
  return cells.map((row) => lineOf(display, row, shown, right, (i) => all[i]?.tone)).join('\n');
}

interface Painted {
  readonly text: string;
  readonly tone: TextTone | undefined;
}

function paintedCell(cell: Cell): Painted {
  return typeof cell === 'string'
    ? { text: printable(cell), tone: undefined }
    : { text: printable(cell.text), tone: cell.tone };
}

/** Digits, perhaps in groups. */
function isNumber(text: string | undefined): boolean {
  return text !== undefined && /^[\d,]+$/.test(text);
}

/** How wide each column is shown; undefined for one that is left out. */
function fitting(
  widths: readonly number[],
  all: readonly Column[],
  most: number,
): readonly (number | undefined)[] {
  const kept = new Set(widths.keys());
  for (;;) {
    const shown = capped(widths, all, kept, most);
    const spare = [...kept].findLast((i) => all[i]?.spare);
    if (shown.fits || spare === undefined) return shown.widths;
    kept.delete(spare);
  }
}

/** The widest columns lose first, all to the same width. */
function capped(
  widths: readonly number[],
  all: readonly Column[],
  kept: ReadonlySet<number>,
  most: number,
): { readonly widths: readonly (number | undefined)[]; readonly fits: boolean } {
  const upTo = (cap: number) =>
    widths.map((width, i) => (kept.has(i) ? (all[i]?.fixed ? width : Math.min(width, cap)) : undefined));
  const total = (shown: readonly (number | undefined)[]) =>
    shown.reduce<number>((sum, one) => sum + (one === undefined ? 0 : one + GAP), -GAP);
  let cap = Math.max(LEAST, ...widths);
  while (total(upTo(cap)) > most && cap > LEAST) cap--;
  return { widths: upTo(cap), fits: total(upTo(cap)) <= most };
}

function lineOf(
  display: Display,
  row: readonly Painted[],
  shown: readonly (number | undefined)[],
  right: readonly boolean[],
  toneOf: (i: number) => TextTone | undefined,
): string {
  let [line, taken, blanks] = ['', 0, 0];
  for (const [i, { text, tone = toneOf(i) }] of row.entries()) {
    const wanted = shown[i];
    if (wanted === undefined) continue;
    const width = Math.max(0, Math.min(wanted, display.width - taken - blanks));
    const cut = cutTo(text, width);
    if (cut === '') {
      blanks += width + GAP;
      continue;
    }
    const before = right[i] ? width - widthOf(cut) : 0;
    line += ' '.repeat(blanks + before) + (tone ? display.paint(tone, cut) : cut);
    taken += blanks + before + widthOf(cut);
    blanks = width + GAP - before - widthOf(cut);
  }
  return line.trimEnd();
}

/** Names and what they are; on a terminal a long text goes on below its beginning. */
export function facts(display: Display, rows: readonly (readonly [name: string, text: Cell])[]): string {
  const names = Math.max(0, ...rows.map(([name]) => widthOf(name))) + GAP;
  const lines = rows.map(([name, cell]) => {
    const { text, tone } = paintedCell(cell);
    const [first = '', ...more] = wrapped(text, display.width - names);
    const painted = [first, ...more].map((part) => (tone ? display.paint(tone, part) : part));
    const label = display.paint('head', name) + ' '.repeat(names - widthOf(name));
    return painted
      .map((part, i) => (i === 0 ? label : ' '.repeat(names)) + part)
      .join('\n')
      .trimEnd();
  });
  return lines.join('\n');
}
