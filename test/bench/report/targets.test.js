import { describe, expect, it } from 'vitest';
import { judge, TARGETS } from './targets.js';

const verdictOf = (measures, what) => judge(measures).find((verdict) => verdict.what.includes(what));

const flood = (rate, redisMicros) => ({
  rounds: [
    {
      limit: { rate: 1_000_000, redisMicros: 1 },
      cgroup: { rate, redisMicros },
      bullmq: { rate: 10_000 },
      tutorial: { rate: 50_000 },
    },
  ],
});

describe('judge', () => {
  it('says that no target was measured if no measure ran', () => {
    const verdicts = judge({});
    expect(verdicts).toHaveLength(TARGETS.length);
    for (const { verdict } of verdicts) expect(verdict).toBe('not measured');
  });

  it('says that a measure failed', () => {
    expect(verdictOf({ flood: { error: 'delivery: 1 lost' } }, 'BullMQ').verdict).toBe('failed');
  });

  it('says by how much a target was reached', () => {
    const verdict = verdictOf({ flood: flood(360_000, 4) }, 'BullMQ');
    expect(verdict).toMatchObject({ asked: 'at least 18 ×', got: '36 ×', verdict: 'reached', margin: 1 });
  });

  it('says by how much a target was missed', () => {
    const verdict = verdictOf({ flood: flood(125_000, 4) }, 'XADD limit');
    expect(verdict).toMatchObject({ got: '0.125', verdict: 'missed', margin: -0.5 });
  });

  it('wants less CPU, not more', () => {
    expect(verdictOf({ flood: flood(1, 4) }, 'CPU')).toMatchObject({ verdict: 'reached' });
    expect(verdictOf({ flood: flood(1, 6) }, 'CPU').verdict).toBe('missed');
  });

  it('takes the latency of cgroup at the rate of the target, as the median of the rounds', () => {
    const run = (contender, rate, p50) => ({ contender, rate, p50, p99: p50 * 2 });
    const runs = [run('cgroup', 10_000, 1), run('cgroup', 10_000, 9), run('cgroup', 10_000, 3)];
    const others = [run('bullmq', 10_000, 0.1), run('cgroup', 1_000, 0.1)];
    expect(verdictOf({ latency: { runs: [...runs, ...others] } }, 'p50').got).toBe('3 ms');
  });

  it('compares 64 consumers with 64 times one, and finds the worst step of any kind of work', () => {
    const run = (work, round) => (size, rate) => ({ size, work, round, rate });
    const [slow, one, two, three] = [run(5, 1), run(0, 1), run(0, 2), run(0, 3)];
    const runs = [slow(1, 200), slow(64, 12_160), one(1, 100_000), one(2, 120_000), one(64, 90_000)];
    // A slow machine is slow for a whole round; only the third round varies.
    runs.push(
      two(1, 50_000),
      two(2, 60_000),
      two(64, 45_000),
      three(1, 99_000),
      three(2, 99_000),
      three(64, 9_000),
    );
    expect(verdictOf({ scaling: { runs } }, 'linear')).toMatchObject({ got: '0.95', verdict: 'reached' });
    expect(verdictOf({ scaling: { runs } }, 'step')).toMatchObject({ got: '0.75', verdict: 'missed' });
  });

  it('says not measured if there were too few sizes', () => {
    const runs = [{ size: 1, work: 5, rate: 200 }];
    expect(verdictOf({ scaling: { runs } }, 'linear').verdict).toBe('not measured');
    expect(verdictOf({ scaling: { runs } }, 'step').verdict).toBe('not measured');
  });

  it('does not count a flood that was too short or had a slow publisher', () => {
    const result = { rate: 200_000, published: 100, relayed: 100, outputBuffer: 1, limits: { hard: 100 } };
    const of = (publishedRate, seconds) =>
      verdictOf({ stopped: { ...result, publishedRate, seconds } }, 'lost').verdict;
    expect(of(199_000, 60)).toBe('reached');
    expect(of(150_000, 60)).toBe('not measured');
    expect(of(199_000, 10)).toBe('not measured');
  });

  it('takes the median of the pairs with and without watchers, if there were enough', () => {
    const pair = (watched) => ({ watched: { rate: watched }, alone: { rate: 100_000 } });
    const of = (streams, ...rates) => verdictOf({ watched: { streams, rounds: rates.map(pair) } }, 'streams');
    const rates = Array.from({ length: 11 }, (_, i) => 93_000 + i * 1_000);
    expect(of(100, ...rates)).toMatchObject({ asked: 'at least 0.97', got: '0.98', verdict: 'reached' });
    expect(of(5, ...rates).verdict).toBe('not measured');
    expect(of(100, ...rates.slice(0, 9)).verdict).toBe('not measured');
  });

  it('holds each kind of processor against its own target, and remote against a module too', () => {
    const round = (remote, p99) => ({
      module: { rate: 200_000, p99: 2 },
      remote: { rate: remote, p99 },
      exec: { rate: 24_000, p99: 3 },
      http: { rate: 4_000 },
    });
    const processors = { rounds: [round(49_000, 9), round(60_000, 30), round(45_000, 10)] };
    const of = (what) => verdictOf({ processors }, what);
    expect(of('remote, msg/s')).toMatchObject({
      asked: 'at least 30,000',
      got: '49,000',
      verdict: 'reached',
    });
    expect(of('exec, msg/s').verdict).toBe('missed');
    expect(of('http, msg/s').verdict).toBe('reached');
    expect(of('remote, of a module')).toMatchObject({ got: '0.245', verdict: 'missed' });
    expect(of('remote, p99')).toMatchObject({ asked: 'at most 10 ms', got: '10 ms', verdict: 'reached' });
    expect(of('http, p99').verdict).toBe('not measured');
  });

  it('takes the lane that is furthest from an equal share, and counts what strayed in all runs', () => {
    const run = (parts, commands) => ({ parts, strays: commands });
    const of = (runs, what) => verdictOf({ lanes: { runs } }, what);
    const even = [run([1], 0), run([0.51, 0.49], 0)];
    expect(of(even, 'equal share')).toMatchObject({ got: '0.02', verdict: 'reached' });
    expect(of([...even, run([0.3, 0.35, 0.35], 0)], 'equal share')).toMatchObject({
      got: '0.1',
      verdict: 'missed',
    });
    expect(of(even, 'the wrong node').verdict).toBe('reached');
    expect(of([...even, run([1], 2)], 'the wrong node')).toMatchObject({ got: '2', verdict: 'missed' });
  });

  it('misses a target of 0 by any number', () => {
    const burst = { messages: 1_500_000, processed: 1_499_999, seconds: 1, afterSeconds: 60, after: 1 };
    expect(verdictOf({ burst }, 'burst that were lost')).toMatchObject({ got: '1', verdict: 'missed' });
  });

  it('compares the last minute of the soak with the third, if there was one', () => {
    const soak = (minutes) => ({
      rate: 100_000,
      publishedRate: 99_000,
      peak: 1,
      readings: minutes.flatMap((rss, minute) =>
        Array.from({ length: 60 }, (_, second) => ({ at: (minute * 60 + second) * 1_000, rss })),
      ),
    });
    expect(verdictOf({ soak: soak([50, 90, 100, 105]) }, 'last minute').verdict).toBe('reached');
    expect(verdictOf({ soak: soak([50, 90, 100, 115]) }, 'last minute').verdict).toBe('missed');
    expect(verdictOf({ soak: soak([50, 90, 100]) }, 'last minute').verdict).toBe('not measured');
  });
});
