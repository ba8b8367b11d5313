import { describe, expect, it } from 'vitest';
import { durationArgument, wholeNumber } from '../../../src/cli/arguments.js';
import { publishedText } from '../../../src/cli/commands/publish.js';
import type { Published } from '../../../src/publish/publisher.js';

describe('a whole number in a flag', () => {
  it.each(['1', '10', '007'])('may be %s', (text) => {
    expect(wholeNumber(1, 10)(text)).toBe(Number(text));
  });

  it.each(['', '0', '11', '-1', '1.5', '1e1', '0x1', 'one', ' 1'])('may not be %j', (text) => {
    expect(() => wholeNumber(1, 10)(text)).toThrow('from 1 to 10');
  });

  it('must be a safe integer', () => {
    expect(() => wholeNumber(1)('9007199254740993')).toThrow('1 or more');
  });
});

describe('a duration in a flag', () => {
  it.each([
    ['250ms', 250],
    ['1.5s', 1_500],
    ['2m', 120_000],
  ])('%s is %d ms', (text, ms) => {
    expect(durationArgument(text)).toBe(ms);
  });

  it.each(['', '10', '-1s', '1d'])('may not be %j', (text) => {
    expect(() => durationArgument(text)).toThrow('such as 250ms');
  });

  it.each(['0s', '0.1ms'])('%s is too short', (text) => {
    expect(() => durationArgument(text)).toThrow('above 0');
  });
});

describe('the last line of publish', () => {
  const some: Published = {
    published: 300_000,
    seconds: 2.4,
    rate: 125_000,
    receivers: { min: 2, max: 2 },
    unheard: 0,
    unsure: 0,
    ledger: null,
    listed: null,
  };
  const start = 'published 300,000 messages in 2.4 s (125,000 msg/s)';

  it.each<[Partial<Published>, string]>([
    [{}, `${start}, received by 2 subscribers each`],
    [{ receivers: { min: 1, max: 1 } }, `${start}, received by 1 subscriber each`],
    [{ receivers: { min: 1, max: 2 } }, `${start}, received by at least 1 subscriber each`],
    [{ receivers: { min: 0, max: 0 }, unheard: 300_000 }, `${start}, received by no subscriber`],
    [{ receivers: { min: 0, max: 3 }, unheard: 7 }, `${start}, 7 of them received by no subscriber`],
    [
      { ledger: 'ids.txt', listed: 300_001 },
      `${start}, received by 2 subscribers each; 300,001 ids in ids.txt`,
    ],
    [
      { published: 0, seconds: 0, rate: 0, receivers: { min: 0, max: 0 } },
      'published 0 messages in 0.000 s (0 msg/s)',
    ],
    [
      { unsure: 7 },
      `${start}, received by 2 subscribers each; 7 more may or may not have been: the connection was lost`,
    ],
  ])('%j', (part, text) => {
    expect(publishedText({ ...some, ...part }, { kind: 'channel', name: 'in' })).toBe(text);
  });

  it('names a list or a stream, which has no subscribers', () => {
    const list = { kind: 'list', name: 'orders', from: 'right' } as const;
    expect(publishedText({ ...some, receivers: null, ledger: 'ids.txt', listed: 300_000 }, list)).toBe(
      `${start} to list orders, taken from the right; 300,000 ids in ids.txt`,
    );
  });
});
