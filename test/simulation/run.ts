import { check } from './checker.js';
import { scheduleOf } from './schedule.js';
import { type Parts, REAL, World } from './world.js';

/** Runs the schedule of a seed, and returns what went wrong. */
export function simulate(seed: number, parts: Parts = REAL): string[] {
  return check(new World(scheduleOf(seed), parts).run());
}

/** The same, with everything that happens as lines of text. */
export function replay(seed: number): { readonly trace: string[]; readonly wrong: string[] } {
  const schedule = scheduleOf(seed);
  const trace = [
    `seed ${seed}: processes start at ${schedule.processes.join(', ')} ms, ${schedule.seats} seats,` +
      ` retain ${schedule.retain} ms, buffer ${schedule.bufferBytes} bytes`,
  ];
  const wrong = check(new World(schedule, REAL, (line) => trace.push(line)).run());
  return { trace: [...trace, ...wrong.map((what) => `WRONG    ${what}`)], wrong };
}
