import stringWidth from 'string-width';
import { expect, it } from 'vitest';
import { columns } from '../../../src/cli/table.js';
import { cutTo, widthOf } from '../../../src/cli/width.js';

it('puts rows into columns as wide as their widest cell, two blanks apart, without blanks at the end', () => {
  const rows = [
    ['id', 'state', ''],
    ['漢字', 'at work', ''],
    ['x', '', 'more'],
    ['é', 'idle'],
  ];
  expect(columns(rows)).toBe('id    state\n漢字  at work\nx              more\né     idle');
  expect(columns([['a\nb\x1b[2J']])).toBe('a\\u000ab\\u001b[2J');
  expect(columns([])).toBe('');
});

it.each([
  'in → 漢字漢字漢字',
  '──漢漢漢漢漢漢',
  'plain text',
  '👩‍👩‍👧‍👦 family 👍🏽',
  'e\u0301e\u0301e\u0301',
])('cuts %j to any width, between characters', (text) => {
  for (let width = 0; width <= widthOf(text) + 1; width++) {
    const cut = cutTo(text, width);
    expect(widthOf(cut)).toBeLessThanOrEqual(width);
    if (width >= widthOf(text)) expect(cut).toBe(text);
    else if (width > 0) {
      expect(cut.endsWith('…')).toBe(true);
      expect(text.startsWith(cut.slice(0, -1))).toBe(true);
      expect(widthOf(cut)).toBeGreaterThanOrEqual(width - 2);
    }
  }
});

const range = (first: number, count: number) => Array.from({ length: count }, (_, i) => first + i);

it('measures signs as string-width does, half a surrogate pair and half a flag aside', () => {
  const isHalf = (code: number) => (code >= 0xd800 && code < 0xe000) || (code >= 0x1f1e6 && code <= 0x1f1ff);
  const codes = [0x20, 0x1100, 0x1e00, 0x3000, 0xfe00, 0x1f000].flatMap((first) => range(first, 0xd00));
  const texts = codes.filter((code) => !isHalf(code)).map((code) => String.fromCodePoint(code));
  const joined = [
    '👨‍👩‍👧',
    '👍🏽',
    '🇩🇪',
    '1️⃣',
    '☃️',
    '㊗️',
    'e\u0301',
    'ｶﾞ',
    'क्षि',
    'กำ',
    '각',
    'a\u200bb',
    '1,203 漢字',
  ];
  expect([...texts, ...joined].filter((text) => widthOf(text) !== stringWidth(text))).toEqual([]);
});
