import { describe, expect, it } from 'vitest';
import { type Display, PLAIN } from '../../../src/cli/display.js';
import { type Cell, type Column, columns, facts, table } from '../../../src/cli/table.js';
import { widthOf, wrapped } from '../../../src/cli/width.js';
import { aboutText, numberText } from '../../../src/core/words.js';

/** A terminal that shows tones as `<tone:text>`. */
const toned = (width: number): Display => ({
  width,
  paint: (tone, text) => `<${tone}:${text}>`,
  number: numberText,
  duration: aboutText,
});
const terminal = (width: number): Display => ({ ...toned(width), paint: (_tone, text) => text });

const HEADS: readonly Column[] = [
  { head: 'id', fixed: true, tone: 'dim' },
  { head: 'time', fixed: true, spare: true },
  { head: 'reason' },
  { head: 'attempts', fixed: true, spare: true },
  { head: 'error' },
  { head: 'message', spare: true },
];
const ROWS: readonly (readonly Cell[])[] = [
  [
    '1795251095809-0',
    '2026-11-21T12:00:03Z',
    { text: 'failed', tone: 'bad' },
    '5',
    'no such order: 漢字漢字 '.repeat(6),
    '{"message_id":"a"}',
  ],
  ['1795251095807-10', '2026-11-21T12:00:01Z', 'timeout', '12', 'no result within 60 s', ''],
];
const WIDTHS = [40, 60, 80, 100, 120, 160, 200];

describe('a table on a terminal', () => {
  it.each(WIDTHS)('has no row wider than %d columns, and whole ids', (width) => {
    const lines = table(terminal(width), HEADS, ROWS).split('\n');
    expect(lines).toHaveLength(3);
    for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(width);
    expect(lines[1]).toMatch(/^1795251095809-0 /);
    expect(lines[2]).toMatch(/^1795251095807-10 /);
    expect(lines[1]).toContain('…');
  });

  it('gives its room to the widest texts, and leaves out spare columns, the last one first', () => {
    const heads = (width: number) => table(terminal(width), HEADS, ROWS).split('\n')[0]?.split(/ +/);
    expect(heads(100)).toEqual(['id', 'time', 'reason', 'attempts', 'error', 'message']);
    expect(heads(80)).toEqual(['id', 'time', 'reason', 'attempts', 'error']);
    expect(heads(64)).toEqual(['id', 'time', 'reason', 'error']);
    expect(heads(40)).toEqual(['id', 'reason', 'error']);
  });

  it('is cut at the end if even the rest does not fit', () => {
    expect(table(terminal(20), HEADS, ROWS)).toBe(
      ['id                r…', '1795251095809-0   f…', '1795251095807-10  t…'].join('\n'),
    );
  });

  it('has numbers at the right, below their heads, and other texts at the left', () => {
    const rows = [
      ['a', '1,203', '4711', '1500ms'],
      ['bb', '7', '12', 'none'],
    ];
    expect(table(terminal(80), ['id', 'pending', 'pid', 'lag'], rows)).toBe(
      ['id  pending   pid  lag', 'a     1,203  4711  1500ms', 'bb        7    12  none'].join('\n'),
    );
  });

  it('cuts a head that is longer than the room of its numbers', () => {
    expect(table(terminal(22), ['failed attempts', 'more attempts'], [['1', '22']])).toBe(
      'failed atte…  more at…\n           1        22',
    );
  });

  it('colours cells and heads, not blanks, and cuts before it colours', () => {
    expect(
      table(toned(80), [{ head: 'id', tone: 'dim' }, 'state'], [['a', { text: 'down', tone: 'bad' }]]),
    ).toBe('<head:id>  <head:state>\n<dim:a>   <bad:down>');
    expect(table(toned(14), undefined, [[{ text: 'x'.repeat(20), tone: 'bad' }]])).toBe(
      `<bad:${'x'.repeat(13)}…>`,
    );
  });

  it('shows no control character of a cell', () => {
    expect(table(terminal(80), ['a\x1b[2J'], [['b\r\n'], [{ text: '\u202e', tone: 'bad' }]])).toBe(
      'a\\u001b[2J\nb\\u000d\\u000a\n\\u202e',
    );
  });
});

describe('a table in a pipe', () => {
  it('is whole, in columns at the left, without colours', () => {
    const text = table(PLAIN, HEADS, ROWS);
    const plain = ROWS.map((row) => row.map((cell) => (typeof cell === 'string' ? cell : cell.text)));
    expect(text).toBe(columns([HEADS.map(({ head }) => head), ...plain]));
    expect(text).toContain('no such order: 漢字漢字 '.repeat(6));
  });

  it('keeps the place of columns without a text', () => {
    expect(table(PLAIN, ['a', '', 'c'], [['1', '', '3']])).toBe('a    c\n1    3');
  });
});

describe('facts', () => {
  const rows: [string, Cell][] = [
    ['leader', { text: 'none: nothing is relayed (cgroup start)', tone: 'bad' }],
    ['output', 'out'],
  ];

  it('stand in two columns in a pipe', () => {
    expect(facts(PLAIN, rows)).toBe('leader  none: nothing is relayed (cgroup start)\noutput  out');
    expect(facts(PLAIN, [])).toBe('');
  });

  it('go on below their beginning on a narrow terminal', () => {
    expect(facts(terminal(34), rows)).toBe(
      ['leader  none: nothing is relayed', '        (cgroup start)', 'output  out'].join('\n'),
    );
    expect(facts(toned(80), rows)).toContain('<head:output>  out');
  });
});

describe('a wrapped text', () => {
  it.each([...WIDTHS, 20, 21])('has all words, in lines of at most %d columns', (width) => {
    const text = 'the quick brown fox 漢字 jumps over a lazy dog, again and again and again';
    const lines = wrapped(text, width);
    for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(width);
    expect(lines.join(' ')).toBe(text);
  });

  it('leaves a long word whole, and a text whole that would be in pieces', () => {
    const long = 'x'.repeat(50);
    expect(wrapped(`a ${long} b`, 30)).toEqual(['a', long, 'b']);
    expect(wrapped('a few words here', 5)).toEqual(['a few words here']);
    expect(wrapped(long, Number.POSITIVE_INFINITY)).toEqual([long]);
  });
});
