import fc from 'fast-check';
import { expect, it } from 'vitest';
import { mergedNewest, mergedPage } from '../../../src/redis/merged.js';

const byNumber = (a: number, b: number) => a - b;
/** Sources of different numbers, each newest first. */
const sources = fc
  .uniqueArray(fc.nat(1_000), { maxLength: 60 })
  .chain((all) =>
    fc.tuple(fc.constant(all), fc.array(fc.nat(3), { minLength: all.length, maxLength: all.length })),
  )
  .map(([all, at]) =>
    [0, 1, 2, 3].map((source) => all.filter((_, i) => at[i] === source).sort((a, b) => b - a)),
  );
const merged = (all: readonly (readonly number[])[]) => all.flat().sort((a, b) => b - a);

async function* generated(numbers: readonly number[]): AsyncGenerator<number> {
  yield* numbers;
}

it('merges what comes newest first', async () => {
  await fc.assert(
    fc.asyncProperty(sources, async (all) => {
      const found: number[] = [];
      for await (const one of mergedNewest(all.map(generated), byNumber)) found.push(one);
      expect(found).toEqual(merged(all));
    }),
  );
});

it('makes a page of several sources, and reads little more than it needs', async () => {
  await fc.assert(
    fc.asyncProperty(sources, fc.integer({ min: 1, max: 70 }), async (all, count) => {
      let read = 0;
      const page = await mergedPage(
        all.length,
        count,
        async (source, before: number | undefined, most) => {
          const older = (all[source] ?? []).filter((one) => before === undefined || one < before);
          read += Math.min(most, older.length);
          return older.slice(0, most);
        },
        byNumber,
      );
      expect(page).toEqual(merged(all).slice(0, count));
      expect(read).toBeLessThanOrEqual(4 * count + 4);
    }),
  );
});
