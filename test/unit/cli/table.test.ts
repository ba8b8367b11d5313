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
