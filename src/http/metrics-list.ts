import type { Histogram } from '../observe/histogram.js';
import type { ConnectionCounts } from '../observe/process-stats.js';
import type { LiveTotals } from '../observe/status.js';
import type { GroupView } from './view.js';

/** The sources of all metrics. */
export interface MetricSource {
  readonly view: GroupView;
  /** The totals of the group; undefined if they are not known at the moment. */
  readonly totals: () => LiveTotals | undefined;
}

interface Described {
  /** Follows the conventions of Prometheus: base unit, `_total` for counters. */
  readonly name: string;
  readonly unit: string;
  readonly meaning: string;
}

/** A number of the whole group. Every process serves the same: take the maximum, never the sum. */
export interface GroupMetric extends Described {
  readonly type: 'counter' | 'gauge';
  readonly of: 'group';
  readonly read: (totals: LiveTotals) => number;
}

/** A number of one process; undefined if the process has no such thing. Then it is not served. */
export interface ProcessMetric extends Described {
  readonly type: 'counter' | 'gauge';
  readonly of: 'process';
  readonly read: (view: GroupView) => number | undefined;
}

/** A number for each role of connections. */
export interface RoleMetric extends Described {
  readonly type: 'counter';
  readonly of: 'role';
  readonly read: (counts: ConnectionCounts) => number;
}

interface HistogramMetric extends Described {
  readonly type: 'histogram';
  readonly of: 'process';
  readonly read: (view: GroupView) => Histogram;
}

export type MetricDefinition = GroupMetric | ProcessMetric | RoleMetric | HistogramMetric;

function ofGroup(
  type: 'counter' | 'gauge',
  name: string,
  unit: string,
  meaning: string,
  read: (totals: LiveTotals) => number,
): GroupMetric {
  return { of: 'group', type, name, unit, meaning, read };
}

function ofProcess(
  type: 'counter' | 'gauge',
  name: string,
  unit: string,
  meaning: string,
  read: (view: GroupView) => number | undefined,
): ProcessMetric {
  return { of: 'process', type, name, unit, meaning, read };
}

function ofRole(
  name: string,
  unit: string,
  meaning: string,
  read: (counts: ConnectionCounts) => number,
): RoleMetric {
  return { of: 'role', type: 'counter', name, unit, meaning, read };
}

/** All metrics: `/metrics` and docs/metrics.md come from this list. */
export const metricDefinitions: readonly MetricDefinition[] = [
  ofGroup('counter', 'cgroup_relayed_total', 'messages', 'written to the inbox', (t) => t.counters.relayed),
  ofGroup(
    'counter',
    'cgroup_processed_total',
    'messages',
    'with a result in the output',
    (t) => t.counters.processed,
  ),
  ofGroup('counter', 'cgroup_failed_total', 'attempts', 'that failed', (t) => t.counters.failed),
  ofGroup('counter', 'cgroup_retried_total', 'attempts', 'after the first', (t) => t.counters.retried),
  ofGroup(
    'counter',
    'cgroup_dead_total',
    'messages',
    'that became dead letters; one that is sent back and dies again counts twice: `dead` + `revived` of `cgroup status`',
    // `counters.dead` falls when dead letters are sent back; a counter of Prometheus must not.
    (t) => t.counters.dead + t.counters.revived,
  ),
  ofGroup(
    'counter',
    'cgroup_revived_total',
    'messages',
    'sent back by `cgroup dead retry`',
    (t) => t.counters.revived,
  ),
  ofGroup(
    'counter',
    'cgroup_purged_total',
    'messages',
    'dead letters deleted by `cgroup dead purge`',
    (t) => t.counters.purged,
  ),
  ofGroup(
    'counter',
    'cgroup_gaps_total',
    'gaps',
    'times during which messages may have been missed',
    (t) => t.counters.gaps,
  ),
  ofGroup(
    'counter',
    'cgroup_dropped_total',
    'messages',
    'never relayed because the buffer of a bridge was full (`bufferLimit`)',
    (t) => t.counters.dropped,
  ),
  ofGroup(
    'counter',
    'cgroup_lost_total',
    'messages',
    'deleted from the inbox by another program',
    (t) => t.counters.lost,
  ),
  ofGroup(
    'counter',
    'cgroup_trimmed_total',
    'messages',
    'results trimmed from the output (`outputMaxLen`)',
    (t) => t.counters.trimmed,
  ),
  ofGroup(
    'gauge',
    'cgroup_backlog',
    'messages',
    'relayed and not settled: waiting, pending or retrying',
    (t) => t.backlog,
  ),
  ofGroup('gauge', 'cgroup_waiting', 'messages', 'relayed and not yet read by a consumer', (t) => t.waiting),
  ofGroup('gauge', 'cgroup_pending', 'messages', 'held by consumers', (t) => t.pending),
  ofGroup(
    'gauge',
    'cgroup_retrying',
    'messages',
    'failed and waiting for their next attempt',
    (t) => t.retrying,
  ),
  ofGroup(
    'gauge',
    'cgroup_lag_seconds',
    'seconds',
    'age of the oldest unsettled message; 0 if there is none',
    (t) => t.lagMs / 1_000,
  ),
  ofGroup('gauge', 'cgroup_dead_letters', 'messages', 'dead letters that are kept', (t) => t.deadLetters),
  ofGroup('gauge', 'cgroup_consumers', 'consumers', 'that live, in all processes', (t) => t.consumerCount),
  ofGroup(
    'gauge',
    'cgroup_bridges',
    'bridges',
    'that are subscribed, in all processes',
    (t) => t.bridges.length,
  ),
  ofGroup(
    'gauge',
    'cgroup_has_leader',
    '0 or 1',
    'whether a bridge leads, and its last mark is at most 2 s old',
    (t) => (t.leader === null ? 0 : 1),
  ),
  ofProcess(
    'gauge',
    'cgroup_leading',
    '0 or 1',
    'whether the bridge of this process leads',
    ({ bridge }) => bridge && Number(bridge.leads),
  ),
  ofProcess(
    'gauge',
    'cgroup_bridge_buffered',
    'messages',
    'received by the bridge of this process and not yet known to be relayed',
    ({ bridge }) => bridge?.buffered,
  ),
  ofProcess(
    'counter',
    'cgroup_leads_total',
    'times',
    'this process took the lead',
    ({ bridge, stats }) => bridge && stats.leads,
  ),
  ofProcess(
    'counter',
    'cgroup_fences_total',
    'times',
    'this process led, and found that another had taken the lead',
    ({ bridge, stats }) => bridge && stats.fences,
  ),
  ofProcess(
    'gauge',
    'cgroup_connected',
    '0 or 1',
    'whether this process is connected to Redis',
    ({ connected }) => Number(connected),
  ),
  ofProcess(
    'gauge',
    'cgroup_heartbeat_age_seconds',
    'seconds',
    'since the last heartbeat of this process reached Redis',
    ({ beatAge }) => (beatAge === undefined ? undefined : beatAge / 1_000),
  ),
  ofRole(
    'cgroup_connections_total',
    'connections',
    'to Redis that this process made, reconnects included, by `role`',
    (c) => c.made,
  ),
  ofRole('cgroup_connections_lost_total', 'connections', 'to Redis that ended, by `role`', (c) => c.lost),
  ofRole(
    'cgroup_reconnects_total',
    'connections',
    'to Redis that replaced a lost one, by `role`',
    (c) => c.remade,
  ),
  {
    of: 'process',
    type: 'histogram',
    name: 'cgroup_processing_seconds',
    unit: 'seconds',
    meaning:
      'from the start of an attempt of this process to its end, measured in its thread; failed ones count too',
    read: ({ stats }) => stats.processing,
  },
  {
    of: 'process',
    type: 'histogram',
    name: 'cgroup_publish_to_output_seconds',
    unit: 'seconds',
    meaning:
      'from the relay of a message (the time in its inbox id, some milliseconds after the PUBLISH) to when this process ' +
      'knew that its result is in the output; by Redis’s clock, exact to half a round trip',
    read: ({ stats }) => stats.toOutput,
  },
];

/** The table of all metrics in Markdown. docs/metrics.md holds it between its marks. */
export function metricsMarkdown(): string {
  const head = ['metric', 'type', 'of', 'unit', 'meaning'];
  const rows = metricDefinitions.map((one) => [
    `\`${one.name}\``,
    one.type,
    one.of === 'group' ? 'group' : 'process',
    one.unit,
    one.meaning,
  ]);
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}
