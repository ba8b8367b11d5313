import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { metricsRegistry } from '../../../src/http/metrics.js';
import { metricDefinitions, metricsMarkdown } from '../../../src/http/metrics-list.js';
import type { GroupView } from '../../../src/http/view.js';
import { ProcessStats } from '../../../src/observe/process-stats.js';
import type { LiveTotals } from '../../../src/observe/status.js';
import { shownProcess, unset } from '../../helpers/control.js';
import { NO_ORDER, waitingKey } from '../../helpers/status.js';

const totals: LiveTotals = {
  time: '2026-11-21T12:00:00.000Z',
  leader: 'a',
  bridges: [{ id: 'a', leads: true }],
  waiting: 1,
  pending: 2,
  retrying: 3,
  held: 0,
  backlog: 6,
  parked: 4,
  order: {
    ...NO_ORDER,
    kind: 'total',
    head: { inboxId: '1-0', ageMs: 2_500 },
    parked: 4,
    window: 10_000,
  },
  lagMs: 1_500,
  retries: { ageMs: 9_000, dueMs: 400 },
  counters: {
    relayed: 100,
    processed: 80,
    failed: 9,
    retried: 8,
    dead: 14,
    gaps: 1,
    dropped: 2,
    lost: 0,
    strays: 0,
    trimmed: 0,
    purged: 0,
    revived: 4,
    foreignMarks: 0,
    foreignRetries: 0,
    foreignHalts: 0,
    freed: 0,
    foreignHeld: 0,
    foreignParked: 0,
  },
  haltedCount: 0,
  deadLetters: 14,
  foreign: [],
  ...unset,
  consumerCount: 5,
  source: { kind: 'channel', name: 'c', waiting: null },
};

function view(more: Partial<GroupView> = {}): GroupView {
  return {
    group: 'g"1',
    process: { process: 'web1-1-abc', host: 'web1' },
    actions: false,
    source: { kind: 'channel', name: 'c' },
    pullFailingFor: 0,
    output: 'o',
    stats: new ProcessStats(),
    inspector: undefined,
    state: 'running',
    connected: true,
    bridge: { leads: true, inStep: true, buffered: 7 },
    beatAge: 250,
    activeConsumers: 2,
    stalledConsumers: 0,
    workers: undefined,
    recordAway: undefined,
    heartbeat: 1_000,
    timeout: 60_000,
    ...more,
  };
}

const verdict = () => ({ state: 'healthy' as const });

/** The lines with values, without the labels that are common to all. */
async function served(of: GroupView, sums: LiveTotals | undefined): Promise<string[]> {
  const text = await metricsRegistry({ view: of, totals: () => sums, verdict }).metrics();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  for (const line of lines) expect(line).toContain('group="g\\"1",output="o"');
  return lines.map((line) => line.replace(/,?group="g\\"1",output="o"/, '').replace('{}', ''));
}

describe('docs/metrics.md', () => {
  it('holds the table of all metrics between its marks', () => {
    const text = readFileSync(new URL('../../../docs/metrics.md', import.meta.url), 'utf8');
    const parts = text.split(/<!-- \/?metrics -->/);
    expect(parts).toHaveLength(3);
    expect(parts[1]?.trim()).toBe(metricsMarkdown());
  });
});

describe('the list of metrics', () => {
  it('follows the conventions of Prometheus', () => {
    const names = metricDefinitions.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const { name, type, unit } of metricDefinitions) {
      expect(name).toMatch(/^cgroup_[a-z]+(_[a-z]+)*$/);
      expect(name.endsWith('_total')).toBe(type === 'counter');
      if (unit === 'seconds') expect(name).toMatch(/_seconds$/);
    }
  });
});

describe('the metrics served', () => {
  it('are what was read, in base units', async () => {
    const lines = await served(view(), totals);
    expect(lines).toEqual(
      expect.arrayContaining([
        'cgroup_relayed_total 100',
        'cgroup_lag_seconds 1.5',
        'cgroup_has_leader 1',
        'cgroup_consumers 5',
        'cgroup_leading 1',
        'cgroup_bridge_buffered 7',
        'cgroup_heartbeat_age_seconds 0.25',
      ]),
    );
  });

  it('have one histogram for each step', async () => {
    const of = view();
    of.stats.committed([{ inboxId: '1000-1', startedAt: 1_020, finishedAt: 1_520 }]);
    of.stats.parked([40, 60_000_000]);
    const lines = (await served(of, totals)).filter((line) => line.startsWith('cgroup_step_seconds'));
    expect(lines).toEqual(
      expect.arrayContaining([
        'cgroup_step_seconds_bucket{step="waiting",le="0.01"} 0',
        'cgroup_step_seconds_bucket{step="waiting",le="0.025"} 1',
        'cgroup_step_seconds_sum{step="processing"} 0.5',
        'cgroup_step_seconds_count{step="processing"} 1',
        'cgroup_step_seconds_bucket{step="parking",le="1800"} 1',
        'cgroup_step_seconds_bucket{step="parking",le="+Inf"} 2',
      ]),
    );
    expect(lines.filter((line) => line.includes('_count{'))).toHaveLength(3);
  });

  it('have the sizes of managed processes, and whether the group is paused', async () => {
    const control = { ...unset.control, paused: true, wanted: 50, running: 37, capacity: 40 };
    const processes = [shownProcess('a', 'h'), shownProcess('b', 'h')];
    const lines = await served(view(), { ...totals, control, processes });
    expect(lines).toEqual(
      expect.arrayContaining([
        'cgroup_desired_consumers 50',
        'cgroup_managed_consumers 37',
        'cgroup_capacity_consumers 40',
        'cgroup_processes 2',
        'cgroup_paused 1',
        'cgroup_autoscaling 0',
      ]),
    );
    const autoscale = { min: 1, max: 2, drainWithin: 3 };
    const others = await served(view(), { ...totals, control: { ...unset.control, autoscale } });
    expect(others).toEqual(expect.arrayContaining(['cgroup_paused 0', 'cgroup_autoscaling 1']));
  });

  it('have what keys wait for, with order key only', async () => {
    const of = (lines: string[]) => lines.filter((line) => /_keys?_/.test(line) || line.includes('busy'));
    expect(of(await served(view(), totals))).toEqual([]);
    const order = {
      ...NO_ORDER,
      kind: 'key' as const,
      busy: 7,
      hottest: [waitingKey('"a"', 30), waitingKey('"b"', 2)],
    };
    expect(of(await served(view(), { ...totals, order }))).toEqual([
      'cgroup_busy_keys 7',
      'cgroup_hottest_key_held 30',
      'cgroup_stuck_key_seconds 0',
    ]);
    const stuck = { ...order, hottest: [], stuck: waitingKey('"b"', 2, { ageMs: 45_000 }) };
    expect(of(await served(view(), { ...totals, order: stuck }))).toEqual([
      'cgroup_busy_keys 7',
      'cgroup_hottest_key_held 0',
      'cgroup_stuck_key_seconds 45',
    ]);
  });

  it('have a counter of dead letters that does not fall when some are sent back', async () => {
    expect(await served(view(), totals)).toContain('cgroup_dead_total 18');
  });

  it('have the values of the moment of each scrape', async () => {
    const of = view();
    let sums = totals;
    const registry = metricsRegistry({ view: of, totals: () => sums, verdict });
    await registry.metrics();
    sums = { ...totals, backlog: 0, counters: { ...totals.counters, relayed: 101 } };
    of.stats.leads = 2;
    const text = await registry.metrics();
    expect(text).toMatch(/cgroup_relayed_total\{.*\} 101\n/);
    expect(text).toMatch(/cgroup_backlog\{.*\} 0\n/);
    expect(text).toMatch(/cgroup_leads_total\{.*\} 2\n/);
  });

  it('leave out what is not known, instead of an old value or 0', async () => {
    const lines = await served(view({ bridge: undefined, beatAge: undefined }), undefined);
    const names = new Set(lines.map((line) => line.split(/[ {]/)[0]));
    expect([...names].filter((name) => !/_seconds_(bucket|sum|count)$/.test(String(name)))).toEqual([
      // It says that the group is unknown.
      'cgroup_verdict',
      'cgroup_connected',
      // Without a record there are none.
      'cgroup_record_away',
      'cgroup_record_rows_total',
      'cgroup_record_refused_total',
    ]);
  });

  it('count connections by role', async () => {
    const of = view();
    of.stats.connections.set('bridge', { made: 3, lost: 2, remade: 2 });
    const lines = await served(of, totals);
    expect(lines).toEqual(
      expect.arrayContaining([
        'cgroup_connections_total{role="bridge"} 3',
        'cgroup_connections_lost_total{role="bridge"} 2',
        'cgroup_reconnects_total{role="bridge"} 2',
      ]),
    );
  });

  it('have histograms whose buckets add up', async () => {
    const of = view();
    of.stats.attempted(3);
    of.stats.attempted(3);
    of.stats.attempted(1_000_000);
    const lines = (await served(of, totals)).filter((line) => line.startsWith('cgroup_processing_seconds'));
    expect(lines).toEqual(
      expect.arrayContaining([
        'cgroup_processing_seconds_bucket{le="0.0025"} 0',
        'cgroup_processing_seconds_bucket{le="0.005"} 2',
        'cgroup_processing_seconds_bucket{le="60"} 2',
        'cgroup_processing_seconds_bucket{le="+Inf"} 3',
        'cgroup_processing_seconds_sum 1000.006',
        'cgroup_processing_seconds_count 3',
      ]),
    );
  });
});
