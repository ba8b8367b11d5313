import { describe, expect, it } from 'vitest';
import { History, type PointReading } from '../../../src/http/history.js';
import { ProcessStats } from '../../../src/observe/process-stats.js';
import { groupStatus } from '../../helpers/status.js';

const START = Date.parse('2026-11-30T12:00:30.000Z');
const { counters } = groupStatus({});

function reading(second: number, more: Partial<PointReading> & { counts?: Partial<typeof counters> } = {}) {
  const { counts = {}, ...rest } = more;
  const time = new Date(START + 1_000 * second).toISOString();
  const here = { backlog: 0, lagMs: 0, consumerCount: 2, source: { waiting: null } };
  return { ...here, time, ...rest, counters: { ...counters, ...counts } };
}

const history = () => {
  const stats = new ProcessStats();
  return { stats, kept: new History(stats) };
};

describe('the points of the charts', () => {
  it('have rates from the second reading on, and what is there at the moment', () => {
    const { kept } = history();
    expect(kept.add(reading(0), 1_000)).toEqual({ point: undefined, minute: undefined });
    const counts = { relayed: 100, processed: 80, failed: 4, dead: 1 };
    const source = { waiting: 7 };
    kept.add(reading(1, { counts, backlog: 20, lagMs: 300, consumerCount: 3, source }), 2_000);
    expect(kept.seconds).toEqual([
      {
        time: START + 1_000,
        relayed: 100,
        processed: 80,
        failed: 4,
        dead: 1,
        backlog: 20,
        lagMs: 300,
        waiting: 7,
        consumers: 3,
        latency: null,
      },
    ]);
  });

  it('count a dead letter that was sent back as one that died', () => {
    const { kept } = history();
    kept.add(reading(0, { counts: { dead: 5, revived: 0 } }), 1_000);
    kept.add(reading(1, { counts: { dead: 3, revived: 3 } }), 2_000);
    expect(kept.seconds[0]?.dead).toBe(1);
  });

  it('have the latency of the results since the point before', () => {
    const { stats, kept } = history();
    const settle = (ms: number) => {
      const finishedAt = Date.now();
      stats.committed([{ inboxId: `${finishedAt - ms}-0`, startedAt: finishedAt - ms, finishedAt }]);
    };
    kept.add(reading(0), 1_000);
    settle(200);
    kept.add(reading(1), 2_000);
    kept.add(reading(2), 3_000);
    const [first, second] = kept.seconds;
    expect(first?.latency?.p50).toBeGreaterThanOrEqual(100);
    expect(first?.latency?.p50).toBeLessThanOrEqual(first?.latency?.p99 ?? 0);
    expect(second?.latency).toBeNull();
  });

  it('have a hole for each second without a reading, and never one that is older than a point', () => {
    const { kept } = history();
    kept.add(reading(0), 1_000);
    kept.add(reading(1), 2_000);
    const { point } = kept.hole(START);
    expect(point).toMatchObject({ time: START + 1_001, relayed: null, backlog: null, consumers: null });
    expect(kept.seconds).toHaveLength(2);
  });

  it('are one a minute, too: the mean of the rates, the most that waited', () => {
    const { kept } = history();
    const added = Array.from({ length: 95 }, (_, second) =>
      kept.add(
        reading(second, { counts: { relayed: 10 * second }, backlog: second === 40 ? 500 : 1 }),
        1_000 * (second + 1),
      ),
    );
    expect(added.filter(({ minute }) => minute)).toHaveLength(2);
    const [first, second] = kept.minutes;
    expect(first).toMatchObject({ time: Date.parse('2026-11-30T12:00:00.000Z'), relayed: 10, backlog: 1 });
    expect(second).toMatchObject({ relayed: 10, backlog: 500, consumers: 2 });
  });

  it('have a hole for a minute without a reading', () => {
    const { kept } = history();
    kept.add(reading(0), 1_000);
    kept.add(reading(1), 2_000);
    kept.hole(START + 40_000);
    const { minute } = kept.hole(START + 100_000);
    expect(minute).toMatchObject({ relayed: null, backlog: null });
    expect(kept.minutes.map(({ relayed }) => relayed !== null)).toEqual([true, false]);
  });

  it('are of 15 minutes and of 24 hours, and no more', () => {
    const { kept } = history();
    for (let second = 0; second < 1_000; second++) kept.add(reading(second), 1_000 * second);
    for (let minute = 0; minute < 1_500; minute++) kept.hole(START + 1_000_000 + 60_000 * minute);
    expect([kept.seconds.length, kept.minutes.length]).toEqual([900, 1_440]);
  });
});
