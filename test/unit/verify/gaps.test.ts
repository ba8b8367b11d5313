import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type GapTimes, LOST, lostInGaps, UNKNOWN } from '../../../src/verify/gaps.js';

describe('whether a lost message lies in a gap', () => {
  const gaps = fc.array(
    fc
      .tuple(fc.integer({ min: 1, max: 100_000 }), fc.nat(20_000))
      .map(([from, length]) => ({ from, to: from + length })),
    { maxLength: 4 },
  );
  const touches = (list: readonly GapTimes[], low: number, high: number) =>
    list.some(({ from, to }) => from <= high + 1_000 && to >= low - 1_000);

  it('depends on the nearest relayed messages before and after', () => {
    const steps = fc.array(fc.tuple(fc.nat(5_000), fc.constantFrom('relayed', 'lost', 'unknown')));
    fc.assert(
      fc.property(steps, gaps, (messages, list) => {
        let now = 1;
        const at = messages.map(([step, kind]) => {
          now += step;
          return kind === 'relayed' ? now : kind === 'lost' ? LOST : UNKNOWN;
        });
        let expected = 0;
        for (const [i, time] of at.entries()) {
          if (time !== LOST) continue;
          const before = at.slice(0, i).findLast((t) => t > 0) ?? -Infinity;
          const after = at.slice(i).find((t) => t > 0) ?? Infinity;
          if (touches(list, before, after)) expected++;
        }
        expect(lostInGaps(Float64Array.from(at), list)).toBe(expected);
      }),
    );
  });

  it('ignores messages that were sent back, which are out of order', () => {
    const at = Float64Array.of(1_000, 900_000, LOST, 800_000, 3_000);
    expect(lostInGaps(at, [{ from: 1_500, to: 2_500 }])).toBe(1);
    expect(lostInGaps(at, [{ from: 850_000, to: 860_000 }])).toBe(0);
    expect(lostInGaps(at, [{ from: 5_000, to: 6_000 }])).toBe(0);
  });
});
