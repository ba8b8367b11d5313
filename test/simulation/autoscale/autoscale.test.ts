import { describe, expect, it } from 'vitest';
import type { MakeScaler } from './group.js';
import { MUTANTS, makeMutant } from './mutants.js';
import { makeReal, runFamily } from './run.js';
import { FAMILIES, type Family } from './scenarios.js';

/** Seeds of each family. */
const SEEDS = Number(process.env.SEEDS ?? 30);
/** The steady load has more, as a reversal is rare. */
const STEADY = 'a steady load with noise has no reversal in ten minutes';
const STEADY_SEEDS = Math.max(SEEDS, 1_000);
/** A mutant must show within so many seeds. */
const MUTANT_SEEDS = 100;

const FAMILY_LIST = Object.entries(FAMILIES);

/** The first run of a family that goes wrong with this autoscaler. */
function firstShown(family: Family, make: MakeScaler): string | undefined {
  for (let seed = 0; seed < MUTANT_SEEDS; seed++) {
    const [wrong] = runFamily(family, seed, make).wrong;
    if (wrong) return `seed ${seed}: ${wrong}`;
  }
  return undefined;
}

if (process.env.FAMILY !== undefined) {
  const [name, family] = FAMILY_LIST.find(([each]) => each.includes(process.env.FAMILY ?? '')) ?? [];
  it(`${name}, seed ${process.env.SEED ?? 0}`, () => {
    if (!family) throw new Error('no such family');
    const { seconds, wrong } = runFamily(family, Number(process.env.SEED ?? 0), makeReal);
    for (const { at, decision, size, consumers, backlog, why } of seconds)
      process.stdout.write(
        `${at} ms${decision ? ' *' : ''}: size ${size}, ${consumers} consumers, ${backlog}: ${why}\n`,
      );
    expect(wrong).toEqual([]);
  });
} else {
  // A seed alone is one of the bridges' simulation.
  describe.skipIf(process.env.SEED !== undefined)('the autoscaler', () => {
    it.each(FAMILY_LIST)('%s', (name, family) => {
      const found: string[] = [];
      for (let seed = 0; seed < (name === STEADY ? STEADY_SEEDS : SEEDS) && found.length < 5; seed++) {
        const { wrong } = runFamily(family, seed, makeReal);
        const line = `FAMILY='${name}' SEED=${seed} npx vitest run --project unit test/simulation/autoscale`;
        if (wrong.length > 0) found.push(`${wrong.slice(0, 5).join('\n')}\n    to see it: ${line}`);
      }
      expect(found.join('\n')).toBe('');
    });

    it('is deterministic', () => {
      for (const [, family] of FAMILY_LIST)
        expect(runFamily(family, 1, makeReal)).toEqual(runFamily(family, 1, makeReal));
    });
  });

  describe.skipIf(process.env.SEED !== undefined)('the simulation shows a difference if', () => {
    it.each(Object.entries(MUTANTS))('%s', async (name, change) => {
      const make = await makeMutant(change);
      const family = FAMILIES[change.shownBy];
      if (!family) throw new Error(`no family is called ${change.shownBy}`);
      const shown = firstShown(family, make);
      if (process.env.VERBOSE) process.stdout.write(`${name}: ${shown}\n`);
      expect(shown, `not shown: ${change.shownBy}`).toBeDefined();
    });
  });
}
