import { expect, it } from 'vitest';
import { aboutText, bytesText, numberText, plural, rateText } from '../../../src/core/words.js';

it.each([
  [numberText(0), '0'],
  [numberText(0.44), '0.44'],
  [numberText(7), '7'],
  [numberText(999), '999'],
  [numberText(1_203.4), '1,203'],
  [numberText(-12_345_678), '-12,345,678'],
  [plural(0, 'message'), '0 messages'],
  [plural(1, 'message'), '1 message'],
  [plural(12_345, 'process', 'processes'), '12,345 processes'],
  [rateText(40_040), '40,040 msg/s'],
  [rateText(0.5), '0.5 msg/s'],
  [bytesText(1), '1 byte'],
  [bytesText(1_023), '1,023 bytes'],
  [bytesText(1_536), '1.5 KB'],
  [bytesText(4 * 2 ** 20), '4 MB'],
  [bytesText(1_000 * 2 ** 20), '1,000 MB'],
  [bytesText(1.5 * 2 ** 30), '1.5 GB'],
  [bytesText(2 ** 40), '1,024 GB'],
  [aboutText(0), '0 ms'],
  [aboutText(12.4), '12 ms'],
  [aboutText(1_500), '2 s'],
  [aboutText(600_000), '10 min'],
  [aboutText(7_200_000), '2 h'],
  [aboutText(1e12), '11,574 days'],
])('writes %s', (text, expected) => {
  expect(text).toBe(expected);
});
