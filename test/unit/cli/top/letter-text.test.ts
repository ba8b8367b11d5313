import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { letterTexts } from '../../../../src/cli/top/letter-text.js';
import { topLetter } from '../../../helpers/top.js';

const NOW = Date.parse('2026-11-21T12:03:00.000Z');

describe('a dead letter in full', () => {
  it('has ids, times, error, stack and message', () => {
    const letter = {
      ...topLetter(3, { error: 'no such order\nsecond line', key: '"c-17"', halted: true }),
      stack: 'Error: no such order\n    at work (file.js:3:1)',
    };
    expect(letterTexts(letter, NOW)).toEqual([
      'dead letter  1795251095806-0',
      'died at      2026-11-21T11:57:00.000Z, 6 min ago',
      'reason       failed, after 5 attempts',
      'consumer     web-1-abc-1',
      'inbox id     1-1',
      'key          "c-17"',
      'halted       it stops the order: retry it here, or cgroup dead skip ID',
      '',
      'error',
      '  no such order',
      '  second line',
      '',
      'stack',
      '  Error: no such order',
      '      at work (file.js:3:1)',
      '',
      'message (20 bytes)',
      '  {',
      '    "message_id": "m-1"',
      '  }',
    ]);
  });

  it('leaves out what is not known', () => {
    const texts = letterTexts(topLetter(0, { consumer_id: '', attempts: 1, message: '' }), undefined);
    expect(texts.slice(0, 4)).toEqual([
      'dead letter  1795251095809-0',
      'died at      2026-11-21T12:00:00.000Z',
      'reason       failed, after 1 attempt',
      'inbox id     1-1',
    ]);
    expect(texts).not.toContain('stack');
    expect(texts.slice(-2)).toEqual(['message (0 bytes)', '  ']);
  });

  it('shows bytes that are no text in base64, too', () => {
    const bytes = Buffer.from([0xff, 0xfe, 0x41]);
    const texts = letterTexts(
      topLetter(0, { message: bytes.toString('utf8'), message_base64: bytes.toString('base64') }),
      NOW,
    );
    expect(texts).toContain('message (3 bytes)');
    expect(texts.slice(-2)).toEqual(['not UTF-8; the bytes in base64', '  //5B']);
  });

  it('is bounded however long its texts are, and says so', () => {
    const long = 'x'.repeat(3_000_000);
    const lines = 'line\n'.repeat(500_000);
    for (const letter of [
      { ...topLetter(0, { message: long, error: lines, reason: 'failed' }), stack: lines },
      { ...topLetter(0, { message: JSON.stringify(Array(30_000).fill(1)) }), stack: long },
    ]) {
      const texts = letterTexts(letter, NOW);
      expect(texts.join('\n').length).toBeLessThan(400_000);
      expect(texts.length).toBeLessThan(8_100);
      expect(texts.filter((text) => text === '  … cut: cgroup dead show ID shows all').length).toBe(
        letter.message === long ? 3 : 2,
      );
    }
  });

  it('has no character that acts on a terminal', () => {
    const hostile = '\u001b[2J\u009b\u202e\r\u0007\u2028';
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const odd = text + hostile;
        const more = { error: odd, reason: odd, consumer_id: odd, inbox_id: odd, key: odd };
        for (const message of [odd, JSON.stringify({ [odd]: odd })]) {
          const texts = letterTexts({ ...topLetter(0, { ...more, message }), stack: odd }, NOW);
          expect(texts.join('')).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u);
        }
      }),
    );
  });
});
