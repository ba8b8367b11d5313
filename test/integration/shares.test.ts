import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { Redis } from 'ioredis';
import { describe, expect, onTestFinished, test } from 'vitest';
import { isFair, type Process, sumOf } from '../helpers/fair.js';
import { withRedis } from '../helpers/redis.js';

const redis = withRedis();

interface Case {
  readonly processes: readonly Process[];
  readonly wanted: number;
}

interface Answer {
  readonly sum: number;
  readonly targets: readonly number[];
}

/** shares.lua as it is, or with one text of it replaced. */
function lua([from, to]: readonly [string, string] = ['', '']): string {
  const read = (name: string) =>
    readFileSync(new URL(`../../src/redis/lua/${name}.lua`, import.meta.url), 'utf8');
  const shares = read('shares');
  if (!shares.includes(from)) throw new Error(`shares.lua no longer holds ${from}`);
  const ask = `
    local replies = {}
    for i, case in ipairs(options) do
      local reply = { share_out(case.processes, case.wanted) }
      for j, process in ipairs(case.processes) do reply[j + 1] = process.target end
      replies[i] = reply
    end
    return replies`;
  return [read('common'), shares.replace(from, () => to), ask].join('\n');
}

/** Redis's answers to all cases. */
async function answers(cases: readonly Case[], script = lua()): Promise<Answer[]> {
  const raw = new Redis(redis.url);
  onTestFinished(() => raw.disconnect());
  const found: Answer[] = [];
  for (let i = 0; i < cases.length; i += 100) {
    const replies = await raw.eval(script, 0, JSON.stringify(cases.slice(i, i + 100)));
    for (const [sum = -1, ...targets] of replies as number[][]) found.push({ sum, targets });
  }
  return found;
}

/** Hosts with processes; their last shares are anything at all. */
function casesOf(count: number, hosts: number, perHost: number, capacity: number, wanted: number): Case[] {
  const process = fc.record({
    capacity: fc.oneof(fc.nat(capacity), fc.constant(capacity)),
    share: fc.nat(capacity),
  });
  const host = fc.array(process, { minLength: 1, maxLength: perHost });
  const group = fc.record({
    hosts: fc.array(host, { minLength: 1, maxLength: hosts }),
    wanted: fc.oneof(fc.nat(wanted), fc.nat(Math.ceil(wanted / 10))),
    order: fc.infiniteStream(fc.nat()),
  });
  return fc.sample(group, { numRuns: count, seed: 17 }).map(({ hosts: found, wanted: size, order }) => {
    const processes = found.flatMap((one, h) =>
      one.map(({ capacity: most, share }, p) => ({
        id: `h${h}-p${p}`,
        host: `h${h}`,
        capacity: most,
        share: Math.min(share, most),
      })),
    );
    // Redis gives the fields of a hash in any order.
    const place = new Map(processes.map(({ id }) => [id, order.next().value as number]));
    processes.sort((a, b) => Number(place.get(a.id)) - Number(place.get(b.id)));
    return { processes, wanted: size };
  });
}

/** Consumers that begin; with the same size before and after, as many end. */
function moves(processes: readonly Process[], targets: readonly number[]): number {
  return sumOf(processes.map(({ share }, i) => Math.max(0, (targets[i] ?? 0) - share)));
}

/** The fewest moves of all fair splits, by trying every split. */
function fewestMoves({ processes }: Case, sum: number): number {
  let fewest = Number.POSITIVE_INFINITY;
  const tryFrom = (i: number, left: number, targets: number[]): void => {
    if (i === processes.length) {
      if (left === 0 && isFair(processes, targets)) fewest = Math.min(fewest, moves(processes, targets));
      return;
    }
    for (let one = 0; one <= Math.min(left, Number(processes[i]?.capacity)); one++)
      tryFrom(i + 1, left - one, [...targets, one]);
  };
  tryFrom(0, sum, []);
  return fewest;
}

/** What is wrong with an answer; undefined if nothing is. */
function problemOf(one: Case, { sum, targets }: Answer): string | undefined {
  const { processes, wanted } = one;
  if (sum !== Math.min(wanted, sumOf(processes.map(({ capacity }) => capacity)))) return 'wrong sum';
  if (sumOf(targets) !== sum) return 'the targets are not the sum';
  if (!isFair(processes, targets)) return 'not even';
  return undefined;
}

/** A small case, that no split has fewer moves. */
function problemOfSmall(one: Case, answer: Answer): string | undefined {
  const problem = problemOf(one, answer);
  if (problem !== undefined) return problem;
  const [made, fewest] = [moves(one.processes, answer.targets), fewestMoves(one, answer.sum)];
  return made === fewest ? undefined : `${made} moves, and ${fewest} are enough`;
}

const SMALL = () => casesOf(1_500, 3, 3, 3, 12);

describe('the shares', () => {
  test('are the size, or all capacity, evenly over hosts and over the processes of each', async () => {
    const cases = casesOf(1_000, 12, 8, 64, 2_000);
    const found = await answers(cases);
    for (const [i, one] of cases.entries())
      expect(problemOf(one, found[i] as Answer), JSON.stringify(one)).toBeUndefined();
  });

  test('move as few consumers as any even split can, whatever was before', async () => {
    const cases = SMALL();
    const found = await answers(cases);
    for (const [i, one] of cases.entries())
      expect(problemOfSmall(one, found[i] as Answer), JSON.stringify(one)).toBeUndefined();
  });

  test('move nothing if nothing changed, and do not depend on the order of the processes', async () => {
    const cases = casesOf(300, 12, 8, 64, 2_000);
    const first = await answers(cases);
    const settled = cases.map(({ processes, wanted }, i) => ({
      wanted,
      processes: processes
        .map((process, j) => ({ ...process, share: Number(first[i]?.targets[j]) }))
        .reverse(),
    }));
    const second = await answers(settled);
    for (const [i, { targets }] of first.entries())
      expect([...(second[i]?.targets ?? [])].reverse()).toEqual(targets);
  });

  test('move only what the newcomer takes, and what the one that left had', async () => {
    const count = 40;
    const processes = Array.from({ length: count }, (_, i) => ({
      id: `p${i}`,
      host: `h${i}`,
      capacity: 64,
      share: 0,
    }));
    const [start] = await answers([{ processes, wanted: 1_000 }]);
    const settled = processes.map((one, i) => ({ ...one, share: Number(start?.targets[i]) }));
    const newcomer = { id: 'q', host: 'q', capacity: 64, share: 0 };
    const [joined, left, more] = await answers([
      { processes: [...settled, newcomer], wanted: 1_000 },
      { processes: settled.slice(1), wanted: 1_000 },
      { processes: settled, wanted: 1_007 },
    ]);
    expect(moves([...settled, newcomer], joined?.targets ?? [])).toBe(joined?.targets.at(-1));
    expect(moves(settled.slice(1), left?.targets ?? [])).toBe(settled[0]?.share);
    expect(moves(settled, more?.targets ?? [])).toBe(7);
  });

  test('are one for each process if no size was ever set', async () => {
    const [one] = await answers([
      {
        processes: [
          { id: 'a', host: 'x', capacity: 9, share: 4 },
          { id: 'b', host: 'x', capacity: 9, share: 0 },
          { id: 'c', host: 'y', capacity: 0, share: 0 },
        ],
      } as unknown as Case,
    ]);
    expect(one).toEqual({ sum: 2, targets: [1, 1, 0] });
  });
});

describe('these tests find', () => {
  test.each([
    ['that the rest goes to any', 'local list = has_more(one) and first or then_', 'local list = then_'],
    [
      'that hosts are not asked what runs',
      'give_rest(open, left, share_host)',
      'give_rest(open, left, tostring)',
    ],
    ['that capacities are ignored', 'math.min(one.capacity, each)', 'each'],
    ['that one is given too few', 'for i = 1, left do', 'for i = 2, left do'],
    ['that hosts do not count', 'by_name_[process.host] = host', ''],
    ['that more than the capacity is promised', 'sum = math.min(sum, wanted)', 'sum = wanted'],
  ])('%s', async (_, from, to) => {
    const cases = SMALL();
    const found = await answers(cases, lua([from, to])).catch(() => undefined);
    expect(cases.some((one, i) => !found || problemOfSmall(one, found[i] as Answer))).toBe(true);
  });
});
