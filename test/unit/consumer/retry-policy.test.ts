import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isSpent, LONGEST_WAIT, waitAfterFailure } from '../../../src/consumer/retry-policy.js';

const policy = { maxAttempts: 1_000, backoff: 200 };
const wait = (attempt: number, random = 0) => waitAfterFailure(attempt, policy, random);

describe('an entry that was taken over', () => {
  it.each([
    [1, 2, false], // it may not have begun: Redis counts the delivery
    [1, 3, true],
    [2, 2, false],
    [2, 3, true],
    [5, 5, false],
    [5, 6, true],
  ])('with %i attempts allowed, is given up before the attempt %i: %s', (maxAttempts, attempt, spent) => {
    expect(isSpent(attempt, { maxAttempts, backoff: 200 })).toBe(spent);
  });
});

describe('after a failed attempt', () => {
  it('the wait doubles with each, up to 30 s', () => {
    expect([1, 2, 3, 4, 8].map((attempt) => wait(attempt))).toEqual([200, 400, 800, 1_600, 25_600]);
    expect([9, 31, 32, 999].map((attempt) => wait(attempt))).toEqual([30_000, 30_000, 30_000, 30_000]);
  });

  it('jitter takes up to half of it away', () => {
    expect([0, 0.5, 1].map((random) => wait(2, random))).toEqual([400, 300, 200]);
  });

  it.each([
    [1, 1, undefined],
    [1, 5, 1],
    [4, 5, 6],
    [5, 5, undefined],
    [6, 5, undefined],
  ])('attempt %i of %i: the wait is %s', (attempt, maxAttempts, expected) => {
    expect(waitAfterFailure(attempt, { maxAttempts, backoff: 1 }, 0.5)).toBe(expected);
  });

  it.each([
    [0, 0],
    [1_500, 1_500],
    [86_400_000, LONGEST_WAIT],
  ])('a processor that asks for %i ms waits %i ms, without jitter', (asked, expected) => {
    expect(waitAfterFailure(1, { maxAttempts: 5, backoff: 200 }, 0.5, asked)).toBe(expected);
    expect(waitAfterFailure(5, { maxAttempts: 5, backoff: 200 }, 0.5, asked)).toBeUndefined();
  });

  it('any wait is whole, from half of the doubled back-off to all of it, and never above 30 s', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 999 }),
        fc.integer({ min: 0, max: 3_600_000 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (attempt, backoff, random) => {
          const wait = waitAfterFailure(attempt, { maxAttempts: 1_000, backoff }, random);
          if (wait === undefined) throw new Error('there are attempts left');
          const whole = Math.min(backoff * 2 ** (attempt - 1), 30_000);
          expect(Number.isSafeInteger(wait)).toBe(true);
          expect(wait).toBeGreaterThanOrEqual(Math.floor(whole / 2));
          expect(wait).toBeLessThanOrEqual(whole);
        },
      ),
    );
  });
});
