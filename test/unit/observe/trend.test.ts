import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { Trend, type TrendReading } from '../../../src/observe/trend.js';

type TrendClass = new () => Trend;

const SOURCE = new URL('../../../src/observe/trend.ts', import.meta.url);

/** What happens in a second: messages come, are processed, fail; processes live, are silent, or are gone. */
interface Second {
  readonly comes: number;
  readonly done: number;
  readonly failed: number;
  readonly dead: number;
  /** Of each of three processes. */
  readonly states: readonly ('live' | 'silent' | 'gone')[];
}

interface State {
  readonly at: number;
  readonly reading: TrendReading;
}

const process = (id: number, silent: boolean) => ({
  id: `p${id}`,
  host: 'h',
  silent,
  lastBeat: '2026-11-21T12:00:00.000Z',
  settled: 0,
  failed: 0,
});

/** The readings of a group in which this happens, one a second. */
function readingsOf(seconds: readonly Second[]): State[] {
  let [relayed, processed, failed, dead, backlog] = [0, 0, 0, 0, 0];
  return seconds.map(({ comes, done, failed: fails, dead: dies, states }, i) => {
    relayed += comes;
    backlog += comes;
    const died = Math.min(dies, backlog);
    dead += died;
    backlog -= died;
    const did = Math.min(done, backlog);
    processed += did;
    backlog -= did;
    failed += fails;
    return {
      at: 1_000 + 1_000 * i,
      reading: reading(i, { relayed, processed, failed, dead }, backlog, states),
    };
  });
}

function reading(
  second: number,
  counts: object,
  backlog: number,
  states: Second['states'] = [],
  waiting: number | null = null,
): TrendReading {
  return {
    time: new Date(Date.UTC(2026, 10, 21) + 1_000 * second).toISOString(),
    // biome-ignore lint/suspicious/noExplicitAny: the other counters do not matter
    counters: { revived: 0, ...counts } as any,
    backlog,
    waiting: backlog,
    held: 0,
    parked: 0,
    lagMs: 0,
    source: { waiting },
    processes: states.flatMap((state, id) => (state === 'gone' ? [] : [process(id, state === 'silent')])),
  };
}

const second = (most: number) =>
  fc.record({
    comes: fc.integer({ min: 0, max: 100 }),
    done: fc.integer({ min: 0, max: most }),
    failed: fc.integer({ min: 0, max: 20 }),
    dead: fc.integer({ min: 0, max: 5 }),
    states: fc.array(fc.constantFrom('live', 'live', 'live', 'silent', 'gone'), {
      minLength: 3,
      maxLength: 3,
    }),
  }) as fc.Arbitrary<Second>;

/** Groups that keep up, and groups that do not; a few are watched for more than a minute. */
const seconds = fc
  .tuple(
    fc.constantFrom(110, 40),
    fc.oneof(
      { weight: 19, arbitrary: fc.constant([2, 16] as const) },
      { weight: 1, arbitrary: fc.constant([65, 75] as const) },
    ),
  )
  .chain(([most, [minLength, maxLength]]) => fc.array(second(most), { minLength, maxLength }));

/** The newest state that is at least so old, or else the oldest. */
function before(states: readonly State[], ms: number): State {
  const last = states.at(-1) as State;
  return states.findLast(({ at }) => at <= last.at - ms) ?? (states[0] as State);
}

/** What the trend must say of these readings, found in another way. */
function check(make: TrendClass, happened: readonly Second[]): void {
  const trend = new make();
  const states = readingsOf(happened);
  const gone = new Map<string, number>();
  let silent = new Set<string>();
  for (const [i, { at, reading: one }] of states.entries()) {
    trend.add(one, at);
    const ids = one.processes.map(({ id }) => id);
    for (const id of silent) if (!ids.includes(id)) gone.set(id, at);
    for (const id of ids) gone.delete(id);
    silent = new Set(one.processes.filter((p) => p.silent).map(({ id }) => id));
    expect(new Set(trend.vanished.map(({ id }) => id))).toEqual(
      new Set([...gone].filter(([, since]) => at - since <= 300_000).map(([id]) => id)),
    );
    if (i === 0) {
      expect(trend.view).toBeUndefined();
      continue;
    }
    const known = states.slice(Math.max(0, i - 60), i + 1);
    const [five, sixty] = [before(known, 5_000), before(known, 60_000)];
    const { view } = trend;
    if (!view) throw new Error('no view');
    const sum = (from: State, of: (counters: TrendReading['counters']) => number) =>
      (of(one.counters) - of(from.reading.counters)) / ((at - from.at) / 1_000);
    expect(view.out5).toBeCloseTo(sum(five, (c) => c.processed + c.dead));
    expect(view.out60).toBeCloseTo(sum(sixty, (c) => c.processed + c.dead));
    expect(view.in5).toBeCloseTo(sum(five, (c) => c.relayed));
    expect(view.in60).toBeCloseTo(sum(sixty, (c) => c.relayed));
    expect(view.failed5).toBeCloseTo(sum(five, (c) => c.failed));
    expect(view.dead60).toBeCloseTo(sum(sixty, (c) => c.dead));
    expect(view.seconds).toBeCloseTo((at - sixty.at) / 1_000);
    expect(view.growth5).toBeCloseTo((one.backlog - five.reading.backlog) / ((at - five.at) / 1_000));
    if (view.failing60 !== null) expect(view.failing60).toBeGreaterThanOrEqual(0);
    if (view.failing60 !== null) expect(view.failing60).toBeLessThanOrEqual(1);
    // It never says that a group falls behind in which no more waits, and always does if more and more waits.
    if (one.backlog <= five.reading.backlog) expect(view.fallingBehind).toBeNull();
    const last = known.slice(-6);
    const rises = last.every(
      ({ reading: { backlog } }, n) => n === 0 || backlog > (last[n - 1] as State).reading.backlog,
    );
    const growth = view.growth5 >= 0.02 * view.in5 && one.backlog >= view.out5;
    if (last.length === 6 && rises && growth) expect(view.fallingBehind).not.toBeNull();
    if (i < 5) expect(view.fallingBehind).toBeNull();
  }
}

/** A copy of the class with a mistake in it. */
async function mutant(right: string, wrong: string): Promise<TrendClass> {
  const text = readFileSync(SOURCE, 'utf8');
  expect(text.split(right).length, right).toBeGreaterThan(1);
  const { outputText } = ts.transpileModule(text.replace(right, wrong), {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022 },
  });
  const module = await import(`data:text/javascript,${encodeURIComponent(outputText)}`);
  return module.Trend;
}

const MUTANTS: readonly (readonly [right: string, wrong: string])[] = [
  ['counters.dead + counters.revived', 'counters.dead - counters.dead'],
  ['settled: counters.processed + dead', 'settled: counters.processed'],
  ['at <= last.at - ms', 'at < last.at - ms'],
  ['now.depth <= first.depth', 'now.depth < first.depth'],
  ['now.waiting === 0 || ', 'false && '],
  ['if (silent && !live.has(id))', 'if (!live.has(id))'],
  ['&& !live.has(id))\n      .slice', ')\n      .slice'],
  ['growth + out)', 'growth)'],
  ['now.at - first.at < SHORT - SLACK', 'now.at - first.at < 0'],
  ['const SHORT = 5_000', 'const SHORT = 4_000'],
  ['const LONG = 60_000', 'const LONG = 50_000'],
  ['this.#processes = live;', ''],
  ['growth >= LEAST_GROWTH * comes', 'growth >= comes'],
  ['Math.min(...depths.slice(-third)) >', 'Math.min(...depths.slice(-third)) > 200 +'],
  ['failed: perSecond(to.failed - from.failed)', 'failed: to.failed - from.failed'],
];

describe('a trend', () => {
  it('says of thousands of groups what another way of counting says', { timeout: 120_000 }, () => {
    fc.assert(
      fc.property(seconds, (happened) => check(Trend, happened)),
      { numRuns: 1_000 },
    );
  });

  it.each(MUTANTS)('is not the same with a mistake: %j', { timeout: 120_000 }, async (right, wrong) => {
    const broken = await mutant(right, wrong);
    const found = fc.check(
      fc.property(seconds, (happened) => check(broken, happened)),
      { numRuns: 1_500 },
    );
    expect(found.failed).toBe(true);
  });

  const steady = (comes: number, done: number, count: number) =>
    readingsOf(Array.from({ length: count }, () => ({ comes, done, failed: 0, dead: 0, states: [] })));
  const trendOf = (states: readonly State[]) => {
    const trend = new Trend();
    for (const { at, reading: one } of states) trend.add(one, at);
    return trend;
  };

  it('says that a group falls behind after 5 s, since when, and by how much', () => {
    expect(trendOf(steady(100, 60, 5)).view?.fallingBehind).toBeNull();
    expect(trendOf(steady(100, 60, 6)).view?.fallingBehind).toEqual({
      since: '2026-11-21T00:00:00.000Z',
      by: 40,
    });
  });

  it('does not call what is on its way a backlog', () => {
    expect(trendOf(steady(1_000, 995, 8)).view?.fallingBehind).toBeNull();
  });

  it('counts what waits in a list', () => {
    const trend = new Trend();
    for (let i = 0; i < 7; i++)
      trend.add(
        reading(i, { processed: 10 * i, dead: 0, failed: 0 }, 100, [], 1_000 + 50 * i),
        1_000 * (i + 1),
      );
    expect(trend.view).toMatchObject({ in5: 60, out5: 10, growth5: 50, fallingBehind: { by: 50 } });
  });

  it('begins again when a database was emptied', () => {
    const trend = trendOf(steady(100, 50, 10));
    trend.add(reading(10, { processed: 0, dead: 0, failed: 0 }, 0), 12_000);
    expect(trend.view).toBeUndefined();
  });

  it('has the least lag of the last 5 s: that of a message that is tried again is there for a moment', () => {
    const trend = new Trend();
    const counts = { processed: 0, dead: 0, failed: 0 };
    for (const [i, lagMs] of [90_000, 70_000, 0, 60_000, 70_000, 80_000, 90_000, 95_000].entries())
      trend.add({ ...reading(i, counts, 1), lagMs }, 1_000 * (i + 1));
    expect(trend.view?.leastLag5).toBe(0);
    trend.add({ ...reading(8, counts, 1), lagMs: 99_000 }, 9_000);
    expect(trend.view?.leastLag5).toBe(60_000);
  });

  it('tells a share of failing attempts of the last minute', () => {
    const trend = new Trend();
    trend.add(reading(0, { processed: 0, dead: 0, failed: 0 }, 0), 1_000);
    trend.add(reading(1, { processed: 30, dead: 2, failed: 10 }, 0), 2_000);
    expect(trend.view).toMatchObject({ failing60: 0.25, failures60: 10 });
  });

  it('counts an attempt as a success whose result is parked behind an earlier one', () => {
    const trend = new Trend();
    const at = (second: number, failed: number, parked: number) =>
      trend.add(
        { ...reading(second, { processed: 0, dead: 0, failed }, parked), parked, backlog: 0 },
        1_000 * (second + 1),
      );
    at(0, 0, 0);
    at(1, 5, 95);
    expect(trend.view).toMatchObject({ failing60: 0.05, failures60: 5 });
  });

  it('says how long the memory lasts once it has watched it for 10 s', () => {
    const trend = trendOf(steady(1, 1, 3));
    const memory = (usedMemory: number) => ({ usedMemory, memoryLimit: 1_000 });
    trend.addMemory(memory(100), 1_000);
    trend.addMemory(memory(150), 6_000);
    expect(trend.view?.memoryLasts).toBeNull();
    trend.addMemory(memory(200), 11_000);
    expect(trend.view?.memoryLasts).toBe(80);
    trend.addMemory(memory(100), 16_000);
    expect(trend.view?.memoryLasts).toBeNull();
  });
});

it('a lane that goes away and comes back is no change of the rates', () => {
  const trend = new Trend();
  const at = (second: number, processed: number, awayLanes: string[]) => {
    const counts = { relayed: processed, processed, failed: 0, dead: 0 };
    trend.add({ ...reading(second, counts, 0, []), awayLanes }, second * 1_000);
    return trend.view;
  };
  at(0, 3_000, []);
  expect(at(1, 3_010, [])?.out5).toBe(10);
  expect(at(2, 2_000, ['out:{1}'])).toBeUndefined();
  expect(at(3, 3_030, [])).toBeUndefined();
  expect(at(4, 3_040, [])?.out5).toBe(10);
});
