import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LanesWorld, type Step } from '../../helpers/lanes-world.js';

const PUBLISH = { arbitrary: fc.constant('publish' as const), weight: 8 };
const QUIET = [
  PUBLISH,
  { arbitrary: fc.constant('mark' as const), weight: 3 },
  { arbitrary: fc.constant('arrive' as const), weight: 14 },
];
const FAULTS = [
  { arbitrary: fc.constant('fail' as const), weight: 1 },
  { arbitrary: fc.constant('lose' as const), weight: 2 },
];
const REMEMBER = { arbitrary: fc.constant('remember' as const), weight: 2 };
const LANE = { arbitrary: fc.constant('lane' as const), weight: 1 };
const BASE = { arbitrary: fc.constant('base' as const), weight: 1 };
const CLOCK = { arbitrary: fc.constant('clock' as const), weight: 1 };
const CRASH = { arbitrary: fc.constant('crash' as const), weight: 1 };

function stepsOf(kinds: readonly { arbitrary: fc.Arbitrary<Step['kind']>; weight: number }[]) {
  const step = fc.record({ kind: fc.oneof(...kinds), which: fc.nat(1_000) });
  return fc.array(step, { minLength: 50, maxLength: 400, size: 'max' });
}

async function play(steps: readonly Step[], lanes: number, path?: string) {
  const world = new LanesWorld(lanes, path);
  await world.start();
  for (const step of steps) await world.step(step);
  await world.settle();
  const written = world.lanes.flatMap(({ state }) => state.inbox);
  return { world, written, doubled: written.length - new Set(written).size };
}

const isInOrder = (inbox: readonly string[]) =>
  inbox.every((text, i) => i === 0 || numberOf(text) > numberOf(inbox[i - 1] as string));
const numberOf = (text: string) => Number(/\d+(?=}?$)/.exec(text)?.[0]);

const RUNS = Number(process.env.LANES_RUNS ?? 100);

describe('a group with lanes', () => {
  it.each([
    ['without faults', QUIET],
    ['with lost calls and replies', [...QUIET, ...FAULTS]],
    ['with lanes that come back with an older state', [...QUIET, ...FAULTS, REMEMBER, LANE]],
    ['whose own node comes back with an older state', [...QUIET, ...FAULTS, REMEMBER, BASE]],
    ['of which all nodes come back with older states', [...QUIET, ...FAULTS, REMEMBER, LANE, BASE]],
  ])(
    '%s: each message is in one lane, once and in order',
    async (_name, kinds) => {
      const cases = fc.tuple(stepsOf(kinds), fc.integer({ min: 2, max: 5 }), fc.boolean());
      await fc.assert(
        fc.asyncProperty(cases, async ([steps, lanes, keyed]) => {
          const { world, written, doubled } = await play(steps, lanes, keyed ? 'k' : undefined);
          expect(doubled).toBe(0);
          for (const { state } of world.lanes) expect(isInOrder(state.inbox)).toBe(true);
          // A group whose own node has nothing begins anew, as with one lane.
          if (world.base.wasEmptied) return;
          expect(written.length).toBe(world.published.length);
          if (!world.lanes.some(({ wasEmptied }) => wasEmptied)) expect(world.gaps).toEqual([]);
        }),
        { numRuns: RUNS, endOnFailure: true },
      );
    },
    300_000,
  );

  it('whose bridges crash: no message is doubled, and a lost one has a gap', async () => {
    const kinds = [...QUIET, ...FAULTS, REMEMBER, LANE, CRASH];
    const cases = fc.tuple(stepsOf(kinds), fc.integer({ min: 2, max: 5 }), fc.boolean());
    await fc.assert(
      fc.asyncProperty(cases, async ([steps, lanes, keyed]) => {
        const { world, written, doubled } = await play(steps, lanes, keyed ? 'k' : undefined);
        expect(doubled).toBe(0);
        if (world.gaps.length === 0) expect(written.length).toBe(world.published.length);
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
  }, 300_000);

  it.each([
    ['', []],
    [', and the clock is put back', [CLOCK]],
  ])(
    'of which all nodes come back with older states while bridges crash%s: the same',
    async (_name, more) => {
      const kinds = [...QUIET, ...FAULTS, REMEMBER, LANE, BASE, CRASH, ...more];
      const cases = fc.tuple(stepsOf(kinds), fc.integer({ min: 2, max: 5 }), fc.boolean());
      await fc.assert(
        fc.asyncProperty(cases, async ([steps, lanes, keyed]) => {
          const { world, written, doubled } = await play(steps, lanes, keyed ? 'k' : undefined);
          expect(doubled).toBe(0);
          if (world.gaps.length === 0 && !world.base.wasEmptied)
            expect(written.length).toBe(world.published.length);
        }),
        { numRuns: RUNS, endOnFailure: true },
      );
    },
    300_000,
  );
});
