import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { MovingParts } from './process.js';
import { REAL_PARTS, simulateMove, simulateSharded } from './world.js';

vi.mock('node:perf_hooks', () => ({ performance: { now: () => Date.now() } }));

/** `MOVES=1000` for more. */
const SCHEDULES = Number(process.env.MOVES ?? 20);
const MINUTES = 60_000;

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate', 'Date'],
  });
});
afterEach(() => void vi.useRealTimers());

/** Rare differences: the seed to begin with. They were searched for from 0 on. After a change the search goes on from there. */
const FIRST: Record<string, number> = {
  'messages of the server before are taken however late they are': 130,
  'Redis does not keep the server of the bridges': 38,
};
const FIRST_OF_ANY_MARK = 196;

/** Designs that lack something, and what they lack. */
const MUTANTS: Record<string, Partial<MovingParts>> = {
  'bridges take the Redis for one server': { isPlain: true },
  'commands go to whatever server the connection has by then': { isBound: false },
  'marks do not say where they were published': { saysServer: false },
  'bridges take messages at once at another server': { pauseAfterMove: 0 },
  'messages of the server before are taken however late they are': { hasLimit: false },
  'Redis does not keep the server of the bridges': { hasHome: false },
};

describe('a group whose server changes', () => {
  it(
    `loses and doubles nothing outside the gaps that are told, in ${SCHEDULES} schedules`,
    async () => {
      const wrong: string[] = [];
      for (let seed = 0; seed < SCHEDULES; seed++)
        for (const what of await simulateMove(seed)) wrong.push(`seed ${seed}: ${what}`);
      expect(wrong).toEqual([]);
    },
    5 * MINUTES,
  );

  it.each(Object.keys(MUTANTS))(
    'shows a difference if %s',
    async (name) => {
      let found: string | undefined;
      for (let seed = FIRST[name] ?? 0; !found && seed < 1_000; seed++)
        [found] = await simulateMove(seed, { ...REAL_PARTS, ...MUTANTS[name] });
      expect(found, 'no schedule shows the difference').toBeDefined();
    },
    5 * MINUTES,
  );
});

describe('a group with lanes whose server changes', () => {
  it(
    'loses and doubles nothing outside the gaps that are told',
    async () => {
      const wrong: string[] = [];
      for (let seed = 0; seed < SCHEDULES / 2; seed++)
        for (const what of await simulateMove(seed, { ...REAL_PARTS, lanes: 3 }))
          wrong.push(`seed ${seed}: ${what}`);
      expect(wrong).toEqual([]);
    },
    5 * MINUTES,
  );

  it(
    'shows a difference if the lanes do not hear of it',
    async () => {
      let found: string | undefined;
      for (let seed = 0; !found && seed < 1_000; seed++)
        [found] = await simulateMove(seed, { ...REAL_PARTS, lanes: 3, tellsLanes: false });
      expect(found, 'no schedule shows the difference').toBeDefined();
    },
    5 * MINUTES,
  );
});

describe('a sharded channel, whose marks come in another order than they were made', () => {
  it(
    'loses and doubles nothing outside the gaps that are told',
    async () => {
      const wrong: string[] = [];
      for (let seed = 0; seed < SCHEDULES; seed++)
        for (const what of await simulateSharded(seed)) wrong.push(`seed ${seed}: ${what}`);
      expect(wrong).toEqual([]);
    },
    5 * MINUTES,
  );

  it(
    'shows a difference if a bridge joins at any mark',
    async () => {
      let found: string | undefined;
      for (let seed = FIRST_OF_ANY_MARK; !found && seed < 1_000; seed++)
        [found] = await simulateSharded(seed, { knowsLast: false });
      expect(found, 'no schedule shows the difference').toBeDefined();
    },
    5 * MINUTES,
  );
});
