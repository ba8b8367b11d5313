import fc from 'fast-check';
import { afterEach, expect, it } from 'vitest';
import { Spill } from '../../../src/verify/spill.js';

const spills: Spill[] = [];
afterEach(() => {
  for (const spill of spills.splice(0)) spill.clear();
});

function spillOf(partBytes?: number): Spill {
  const spill = new Spill(partBytes);
  spills.push(spill);
  return spill;
}

async function linesIn(spill: Spill): Promise<string[][]> {
  const parts: string[][] = [];
  for (const part of spill.parts()) {
    const lines: string[] = [];
    for await (const some of part) lines.push(...some);
    parts.push(lines);
  }
  return parts;
}

it('gives all lines of a key in one part, in their order, also from the disk, again and again', async () => {
  const line = fc.tuple(fc.string({ maxLength: 3 }), fc.constantFrom('ä', 'x y', '', '🙂'));
  await fc.assert(
    fc.asyncProperty(
      fc.array(line),
      fc.array(line),
      fc.integer({ min: 1, max: 60 }),
      async (first, second, partBytes) => {
        const spill = spillOf(partBytes);
        const expected: [string, string][] = [];
        for (const lines of [first, second]) {
          for (const [key, text] of lines) {
            spill.add(key, `${expected.length} ${text}`);
            expected.push([key, `${expected.length} ${text}`]);
          }
          const parts = await linesIn(spill);
          expect(parts.flat()).toHaveLength(expected.length);
          for (const key of new Set(expected.map(([one]) => one))) {
            const ours = expected.filter(([one]) => one === key).map(([, text]) => text);
            const part = parts.find((lines) => lines.includes(ours[0] as string)) ?? [];
            expect(part.filter((text) => ours.includes(text))).toEqual(ours);
          }
        }
        spill.clear();
        expect((await linesIn(spill)).flat()).toEqual([]);
      },
    ),
    { numRuns: 30 },
  );
});

it('spreads ids over its parts', async () => {
  const spill = spillOf();
  for (let i = 0; i < 128_000; i++) spill.add(`1795251095809-${i}`, 'x');
  const sizes = (await linesIn(spill)).map(({ length }) => length);
  expect(sizes).toHaveLength(128);
  expect(Math.max(...sizes)).toBeLessThan(1_500);
  expect(Math.min(...sizes)).toBeGreaterThan(500);
});
