import { check } from './checker.js';
import { scheduleOf } from './schedule.js';
import { type Parts, REAL, World } from './world.js';

/** Lives through the schedule of a seed, and says what was wrong with it. */
export function simulate(seed: number, parts: Parts = REAL, trace?: (line: string) => void): string[] {
  return check(new World(scheduleOf(seed), parts, trace).run());
}
