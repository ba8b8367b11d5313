import { expect, it } from 'vitest';
import { simulate } from './run.js';

it('runs', () => {
  const started = performance.now();
  const N = Number(process.env.N ?? 2000);
  const kinds = new Map<string, number[]>();
  for (let seed = Number(process.env.SEED ?? 0), n = process.env.SEED ? 1 : N; n > 0; seed++, n--) {
    const lines: string[] = [];
    let wrong: string[];
    try {
      wrong = simulate(seed, undefined, process.env.TRACE ? (line) => lines.push(line) : undefined);
    } catch (error) {
      wrong = [String((error as Error).stack)];
    }
    if (process.env.TRACE) process.stdout.write(`${[...lines, ...wrong].join('\n')}\n`);
    for (const what of wrong.slice(0, 1)) {
      const kind = what.replace(/\d+/g, 'N');
      kinds.set(kind, [...(kinds.get(kind) ?? []), seed]);
    }
  }
  const ms = performance.now() - started;
  for (const [kind, seeds] of kinds) process.stdout.write(`${seeds.length} ${kind}: ${seeds.slice(0, 8)}\n`);
  process.stdout.write(`${(N / ms) * 1000} schedules a second\n`);
  expect(1).toBe(1);
}, 600_000);
