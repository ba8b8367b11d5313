import { describe, expect, it } from 'vitest';
import { MUTANTS } from './mutants.js';
import { replay, simulate } from './run.js';
import { scheduleOf } from './schedule.js';
import { World } from './world.js';

const SCHEDULES = Number(process.env.SCHEDULES ?? 20_000);
const MINUTES = 60_000;

/** The command that shows what happened: the seed decides everything. */
const lineFor = (seed: number) => `SEED=${seed} npx vitest run --project unit test/simulation`;

/** The first seeds that go wrong, and how. */
function search(most: number, run: (seed: number) => string[]): { seed: number; wrong: string[] }[] {
  const found: { seed: number; wrong: string[] }[] = [];
  for (let seed = 0; seed < SCHEDULES && found.length < most; seed++) {
    const wrong = run(seed);
    if (wrong.length > 0) found.push({ seed, wrong });
  }
  return found;
}

if (process.env.SEED !== undefined) {
  it(`the schedule of seed ${process.env.SEED}`, () => {
    const { trace, wrong } = replay(Number(process.env.SEED));
    process.stdout.write(`${trace.join('\n')}\n`);
    expect(wrong).toEqual([]);
  });
} else {
  describe(`bridges and a Redis that fail in ${SCHEDULES} ways`, () => {
    it(
      'lose nothing that one of them had, double nothing, and record gaps if something may be missing',
      () => {
        const found = search(5, (seed) => simulate(seed));
        const report = found.map(({ seed, wrong }) => `${wrong.join('\n')}\n    to see it: ${lineFor(seed)}`);
        expect(report.join('\n')).toBe('');
      },
      5 * MINUTES,
    );

    it.each(Object.keys(MUTANTS))(
      'show a difference if %s',
      (name) => {
        const [found] = search(1, (seed) => simulate(seed, MUTANTS[name]));
        expect(found, 'no schedule shows the difference').toBeDefined();
        if (process.env.VERBOSE) process.stdout.write(`${name}: seed ${found?.seed}: ${found?.wrong[0]}\n`);
      },
      5 * MINUTES,
    );
  });

  describe('a schedule', () => {
    it('is deterministic', () => {
      for (let seed = 0; seed < 50; seed++) expect(replay(seed)).toEqual(replay(seed));
    });

    it('has faults of every kind, all of them within a thousand schedules', () => {
      const kinds = new Set<string>();
      const reasons = new Set<string>();
      let again = 0;
      for (let seed = 0; seed < 1_000; seed++) {
        const schedule = scheduleOf(seed);
        for (const { kind } of schedule.faults) kinds.add(kind);
        const { gaps, losses, inbox } = new World(schedule).run();
        for (const { reason } of gaps) reasons.add(reason);
        const relayed = new Set(inbox);
        if (losses.some(({ lost }) => [...lost].some((message) => relayed.has(message)))) again++;
      }
      expect(kinds.size).toBe(15);
      expect(reasons.size).toBe(4);
      expect(again, 'schedules in which something lost was relayed again').toBeGreaterThan(50);
    });
  });
}
