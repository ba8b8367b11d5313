import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { fitColumns, type Pane, paneLines, paneOf } from '../../../../src/cli/top/pane.js';
import { shareOut, windowOf } from '../../../../src/cli/top/room.js';
import { cutStartTo, cutTo, padTo, widthOf, wrapTo } from '../../../../src/cli/width.js';

describe('the room for tables', () => {
  const wish = (rows: number, weight = 1, fixed = 1) => ({ rows, weight, fixed });

  it.each([
    // tables, room, the first, rows shown
    [[wish(10), wish(10)], 100, 0, [10, 10]],
    [[wish(10, 3), wish(10)], 13, 0, [7, 3]],
    [[wish(10), wish(10), wish(10)], 6, 0, [1, 2, -1]],
    [[wish(10), wish(10), wish(10)], 5, 0, [4, -1, -1]],
    [[wish(10), wish(1), wish(10)], 5, 0, [1, 1, -1]],
    [[wish(10), wish(10), wish(10)], 6, 2, [2, -1, 1]],
    [[wish(10), wish(0, 1, 2), wish(10)], 9, 0, [1, 0, 2]],
    [[wish(10, 1), wish(10, 4)], 13, 1, [3, 7]],
    [[wish(10)], 2, 0, [1]],
    [[wish(10)], 1, 0, [-1]],
    [[wish(0)], 1, 0, [0]],
    [[wish(10)], -3, 0, [-1]],
    [[], 10, 0, []],
  ])('%# is shared out', (wishes, room, first, rows) => {
    expect(shareOut(wishes, room, first)).toEqual(rows);
  });

  it('is never exceeded, and none of it is left while rows have no room', () => {
    for (let room = 0; room < 40; room++)
      for (const rows of [0, 1, 2, 7, 30])
        for (const first of [0, 1, 2]) {
          const wishes = [wish(rows, 3), wish(2), wish(9, 2, 2)];
          const shown = shareOut(wishes, room, first);
          const used = shown.map((n, i) => (n < 0 ? 0 : n + (wishes[i]?.fixed ?? 0) + 1));
          const sum = used.reduce((a, b) => a + b, 0) - (used.some((n) => n > 0) ? 1 : 0);
          expect(sum).toBeLessThanOrEqual(Math.max(0, room));
          if (shown.every((n) => n >= 0) && sum < room) expect(shown).toEqual([rows, 2, 9]);
        }
  });
});

describe('the rows that are shown', () => {
  const list = (length: number, total = length) => ({ length, total });

  it.each([
    // rows, room, row, from, expected
    [list(5), 10, 3, 0, { from: 0, count: 5, above: 0, below: 0 }],
    [list(5), 5, 4, 3, { from: 0, count: 5, above: 0, below: 0 }],
    [list(20), 8, 0, 0, { from: 0, count: 7, above: 0, below: 13 }],
    [list(20), 8, 7, 0, { from: 1, count: 7, above: 1, below: 12 }],
    [list(20), 8, 3, 5, { from: 3, count: 7, above: 3, below: 10 }],
    [list(20), 8, 19, 0, { from: 13, count: 7, above: 13, below: 0 }],
    [list(20), 8, 19, 18, { from: 13, count: 7, above: 13, below: 0 }],
    [list(20), 1, 4, 0, { from: 4, count: 1, above: 4, below: 15 }],
    [list(20), 0, 4, 0, { from: 4, count: 0, above: 4, below: 16 }],
    [list(20, 180), 8, 0, 0, { from: 0, count: 7, above: 0, below: 173 }],
    [list(20, 180), 20, 19, 0, { from: 1, count: 19, above: 1, below: 160 }],
    [list(20, 180), 21, 0, 0, { from: 0, count: 20, above: 0, below: 160 }],
    [list(20, 180), 40, 0, 0, { from: 0, count: 20, above: 0, below: 160 }],
    [list(0), 5, 0, 0, { from: 0, count: 0, above: 0, below: 0 }],
  ])('%#', (rows, room, row, from, expected) => {
    expect(windowOf(rows, room, row, from)).toEqual(expected);
  });

  it('hold the selected one, and with those that are not shown are all', () => {
    for (let length = 1; length < 12; length++)
      for (let room = 1; room < 14; room++)
        for (let row = 0; row < length; row++)
          for (const from of [0, 3, 11]) {
            const part = windowOf(list(length, length + 2), room, row, from);
            expect(part.from).toBeLessThanOrEqual(row);
            expect(part.from + part.count).toBeGreaterThan(row);
            expect(part.above + part.count + part.below).toBe(length + 2);
            expect(part.count).toBeLessThanOrEqual(room > 1 ? room - 1 : 1);
          }
  });
});

describe('columns', () => {
  const columns = [{ leaves: 0 }, { leaves: 2 }, { leaves: 1 }, { leaves: 3, fills: 10 }];

  it('leave one by one while the width shrinks, and the first one becomes shorter', () => {
    const at = (width: number) => fitColumns(columns, [30, 5, 5, 40], width);
    expect(at(Number.POSITIVE_INFINITY)).toEqual([30, 5, 5, 40]);
    expect(at(100)).toEqual([30, 5, 5, 40]);
    expect(at(60)).toEqual([30, 5, 5, 14]);
    expect(at(56)).toEqual([30, 5, 5, 10]);
    expect(at(50)).toEqual([24, 5, 5, 10]);
    expect(at(41)).toEqual([27, 5, 5, undefined]);
    expect(at(29)).toEqual([22, undefined, 5, undefined]);
    expect(at(20)).toEqual([20, undefined, undefined, undefined]);
    expect(at(3)).toEqual([16, undefined, undefined, undefined]);
  });

  it('that fill share what is left: what one does not want the other gets', () => {
    const two = [{ leaves: 0 }, { leaves: 1, fills: 10 }, { leaves: 2, fills: 20 }];
    expect(fitColumns(two, [10, 100, 100], 84)).toEqual([10, 34, 36]);
    expect(fitColumns(two, [10, 100, 15], 84)).toEqual([10, 55, 15]);
    expect(fitColumns(two, [10, 5, 100], 84)).toEqual([10, 5, 65]);
    expect(fitColumns(two, [10, 100, 5], 50)).toEqual([10, 31, 5]);
  });
});

describe('a table', () => {
  interface Thing {
    readonly id: string;
    readonly count: number;
    readonly text: string;
  }
  const things: readonly Thing[] = [
    { id: 'a-2', count: 5, text: 'x' },
    { id: 'a-10', count: 12_345, text: 'y\u001b[2J' },
    { id: 'a-1', count: 5, text: '漢字' },
  ];
  const pane = (sort?: number): Pane =>
    paneOf<Thing>(
      {
        name: 'consumers',
        rows: things,
        key: ({ id }) => id,
        tone: ({ count }) => (count > 100 ? 'warn' : undefined),
        columns: [
          { head: '', leaves: 0, text: ({ id }) => id, by: ({ id }) => id },
          {
            head: 'count',
            leaves: 1,
            right: true,
            text: ({ count }) => String(count),
            by: ({ count }) => count,
          },
          { head: 'text', leaves: 2, fills: 4, text: ({ text }) => text },
        ],
      },
      sort,
    );
  const texts = (one: Pane, width: number, selected?: number) =>
    paneLines(one, { width, from: 0, count: 3, selected, marks: selected !== undefined });

  it('has numbers at the right, the marked row, and no arrow in a pipe', () => {
    expect(texts(pane(), Number.POSITIVE_INFINITY)).toEqual([
      { text: 'consumers (3)  count  text', tone: 'head' },
      { text: 'a-1                5  漢字', tone: undefined },
      { text: 'a-2                5  x', tone: undefined },
      { text: 'a-10           12345  y\\u001b[2J', tone: 'warn' },
    ]);
    expect(texts(pane(1), 40, 1)).toEqual([
      { text: 'consumers (3)  count ↓  text', tone: 'head' },
      { text: '  a-10           12345  y\\u001b[2J', tone: 'warn' },
      { text: '› a-1                5  漢字', tone: 'selected' },
      { text: '  a-2                5  x', tone: undefined },
    ]);
  });

  it('fits any width', () => {
    for (let width = 1; width < 60; width++)
      for (const { text } of texts(pane(0), width, 0)) {
        // Below its first column, the frame cuts the line.
        if (width >= 18) expect(stringWidth(text)).toBeLessThanOrEqual(width);
      }
  });
});

describe('the width of texts', () => {
  const samples = ['plain text', 'in → 漢字漢字', '👩‍👩‍👧‍👦 family 👍🏽', 'e\u0301e\u0301e\u0301', ''];

  it('is kept when the start is cut, and the end stays', () => {
    expect(cutStartTo('web1-4711-aa6fcf-12', 10)).toBe('…aa6fcf-12');
    for (const text of samples)
      for (let width = 0; width <= widthOf(text) + 1; width++) {
        const cut = cutStartTo(text, width);
        expect(widthOf(cut)).toBeLessThanOrEqual(width);
        if (width >= widthOf(text)) expect(cut).toBe(text);
        else if (width > 0) expect(text.endsWith(cut.slice(1))).toBe(true);
      }
  });

  it('is reached with blanks on either side', () => {
    expect([padTo('漢', 4), padTo('漢', 4, true), padTo('longer', 4)]).toEqual(['漢  ', '  漢', 'longer']);
  });

  it('is kept in all lines of a text that is wrapped, and nothing is lost', () => {
    for (const text of samples)
      for (let width = 2; width <= widthOf(text) + 1; width++) {
        const lines = wrapTo(text, width);
        for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(width);
        expect(lines.join('')).toBe(text);
      }
    expect(wrapTo('漢a', 1)).toEqual(['a']);
    expect(wrapTo('one two three', 8)).toEqual(['one two ', 'three']);
    expect(wrapTo('one twothreefour five', 10)).toEqual(['one twothr', 'eefour ', 'five']);
    expect(cutTo('漢a', 1)).toBe('…');
  });
});
