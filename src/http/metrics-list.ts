import { isPartial } from '../core/away-lanes.js';
import type { Sizes } from '../core/sizes.js';
import type { Histogram } from '../observe/histogram.js';
import type { ConnectionCounts } from '../observe/process-stats.js';
import type { LiveTotals } from '../observe/status.js';
import { type GroupVerdict, VERDICT_STATES } from '../observe/verdict-input.js';
import type { Counters } from '../redis/reading.js';
import type { GroupView } from './view.js';

/** The sources of all metrics. */
export interface MetricSource {
  readonly view: GroupView;
  /** The totals of the group; undefined if they are not known at the moment. */
  readonly totals: () => LiveTotals | undefined;
  /** How the group is. */
  readonly verdict: () => Pick<GroupVerdict, 'state'>;
}

interface Described {
  /** Every process serves the same numbers of the group: take the maximum, never the sum. */
  readonly of: 'group' | 'process';
  /** Follows the conventions of Prometheus: base unit, `_total` for counters. */
  readonly name: string;
  readonly unit: string;
  readonly meaning: string;
}

interface NumberMetric extends Described {
  readonly type: 'counter' | 'gauge';
  /** The label of several numbers. */
  readonly label?: 'role' | 'state';
  /** A number, or one for each role or state; undefined if it is not known at the moment. */
  readonly read: (source: MetricSource) => number | ReadonlyMap<string, number> | undefined;
}

interface HistogramMetric extends Described {
  readonly type: 'histogram';
  /** One, or one for each step. */
  readonly read: (view: GroupView) => Histogram | ReadonlyMap<string, Histogram>;
}

export type MetricDefinition = NumberMetric | HistogramMetric;

function typeOf(name: string): 'counter' | 'gauge' {
  return name.endsWith('_total') ? 'counter' : 'gauge';
}

function ofGroup(
  name: string,
  unit: string,
  meaning: string,
  read: (totals: LiveTotals) => number | undefined,
): NumberMetric {
  const readLatest = (source: MetricSource) => {
    const totals = source.totals();
    return totals && read(totals);
  };
  return { of: 'group', type: typeOf(name), name, unit, meaning, read: readLatest };
}

/** A number of keys, 0 if there is none; undefined without order by key. */
function ofKeys({ busy }: LiveTotals['order'], value: number | null | undefined): number | undefined {
  return busy === null ? undefined : (value ?? 0);
}

/** A gauge of the managed processes, all together. */
function ofManaged(name: string, meaning: string, key: keyof Sizes): NumberMetric {
  return ofGroup(name, 'consumers', meaning, ({ control }) => control[key]);
}

/** A counter that the group keeps. */
function counted(key: keyof Counters, unit: string, meaning: string): NumberMetric {
  return ofGroup(`cgroup_${key}_total`, unit, meaning, (totals) => wholeCount(totals, totals.counters[key]));
}

/** Undefined while a lane is away: a counter that falls and rises again would count all of that lane once more. */
function wholeCount(totals: LiveTotals, count: number): number | undefined {
  return isPartial(totals) ? undefined : count;
}

function ofProcess(
  name: string,
  unit: string,
  meaning: string,
  read: (view: GroupView) => number | undefined,
): NumberMetric {
  return { of: 'process', type: typeOf(name), name, unit, meaning, read: ({ view }) => read(view) };
}

/** A counter of connections to Redis, by role. */
function ofRoles(name: string, meaning: string, key: keyof ConnectionCounts): NumberMetric {
  const read = ({ view }: MetricSource) =>
    new Map([...view.stats.connections].map(([role, counts]) => [role, counts[key]]));
  return { of: 'process', type: typeOf(name), name, unit: 'connections', meaning, read };
}

const verdictMetric: NumberMetric = {
  of: 'group',
  type: 'gauge',
  name: 'cgroup_verdict',
  unit: '0 or 1',
  meaning: `whether the group is so, by \`state\`: ${VERDICT_STATES.map((state) => `\`${state}\``).join(', ')}`,
  label: 'state',
  read: ({ verdict }) => {
    const { state } = verdict();
    return new Map(VERDICT_STATES.map((one) => [one, Number(one === state)]));
  },
};

/** All metrics: `/metrics` and docs/metrics.md come from this list. */
export const metricDefinitions: readonly MetricDefinition[] = [
  counted('relayed', 'messages', 'written to the inbox'),
  counted('processed', 'messages', 'with a result in the output'),
  counted('failed', 'attempts', 'that failed'),
  counted('retried', 'attempts', 'after the first'),
  ofGroup(
    'cgroup_dead_total',
    'messages',
    'that became dead letters; one that is sent back and dies again counts twice: `dead` + `revived` of `cgroup status`',
    // `counters.dead` falls when dead letters are sent back; a counter of Prometheus must not.
    (t) => wholeCount(t, t.counters.dead + t.counters.revived),
  ),
  counted('revived', 'messages', 'sent back by `cgroup dead retry`'),
  counted('purged', 'messages', 'dead letters deleted, by `cgroup dead purge` or by `deadMaxLen`'),
  counted('gaps', 'gaps', 'times during which messages may have been missed'),
  counted('dropped', 'messages', 'never relayed because the buffer of a bridge was full (`bufferLimit`)'),
  counted('lost', 'messages', 'deleted from the inbox by another program'),
  counted('strays', 'messages', 'found pending with no consumer, after XACK or XGROUP by another program'),
  counted('freed', 'keys', 'that were busy with a message which another program had deleted, and went on'),
  counted('trimmed', 'messages', 'results trimmed from the output (`outputMaxLen`)'),
  ofGroup(
    'cgroup_backlog',
    'messages',
    'relayed and not settled: waiting, pending, retrying or held',
    (t) => t.backlog,
  ),
  ofGroup(
    'cgroup_lanes_away',
    'lanes',
    'that do not answer, with several lanes only: they are missing in `cgroup_backlog` and the other sums, and no counter of the group is served',
    (t) => t.awayLanes?.length,
  ),
  ofGroup(
    'cgroup_source_waiting',
    'messages',
    'in the list or stream, not taken yet; with a channel, or if Redis cannot tell, there is none',
    (t) => t.source.waiting ?? undefined,
  ),
  ofGroup('cgroup_waiting', 'messages', 'relayed and not yet read by a consumer', (t) => t.waiting),
  ofGroup('cgroup_pending', 'messages', 'held by consumers', (t) => t.pending),
  ofGroup('cgroup_retrying', 'messages', 'failed and waiting for their next attempt', (t) => t.retrying),
  ofGroup(
    'cgroup_held',
    'messages',
    'waiting behind another message of their key (order `key`)',
    (t) => t.held,
  ),
  ofGroup(
    'cgroup_busy_keys',
    'keys',
    'with a message that is not settled, or halted; with order `key` only, as the next two',
    (t) => t.order.busy ?? undefined,
  ),
  ofGroup(
    'cgroup_hottest_key_held',
    'messages',
    'waiting behind another message of the same key, the most of any key; `cgroup status` names it',
    ({ order }) => ofKeys(order, order.hottest[0]?.held),
  ),
  ofGroup(
    'cgroup_stuck_key_seconds',
    'seconds',
    'for which messages of a key have waited for the same one in work, the most of any key; 0 up to 30 s',
    ({ order }) => ofKeys(order, order.stuck && order.stuck.ageMs / 1_000),
  ),
  ofGroup(
    'cgroup_parked',
    'messages',
    'processed, and waiting for earlier ones (total order)',
    (t) => t.parked,
  ),
  ofGroup(
    'cgroup_order_window',
    'messages',
    'that may be parked before nothing new is begun (`orderWindow`); with total order only',
    (t) => t.order.window ?? undefined,
  ),
  ofGroup(
    'cgroup_order_head_age_seconds',
    'seconds',
    'for which results have waited for the same earlier message (total order); 0 if none waits',
    (t) => (t.order.head?.ageMs ?? 0) / 1_000,
  ),
  ofGroup(
    'cgroup_lag_seconds',
    'seconds',
    'age of the oldest message that waits or is in work; 0 if there is none',
    (t) => t.lagMs / 1_000,
  ),
  ofGroup(
    'cgroup_halted',
    'messages',
    'that stop an order until they are sent back or skipped (`onDead halt`)',
    (t) => t.haltedCount,
  ),
  ofGroup('cgroup_dead_letters', 'messages', 'dead letters that are kept', (t) => t.deadLetters),
  ofGroup(
    'cgroup_foreign_values',
    'values',
    'in the keys of the group that another program wrote; `cgroup doctor` names them',
    (t) => t.foreign.length,
  ),
  ofGroup('cgroup_consumers', 'consumers', 'that live, in all processes', (t) => t.consumerCount),
  ofGroup('cgroup_workers', 'workers', 'remote workers that are connected, to all processes', (t) =>
    t.processes.reduce((sum, { workers }) => sum + (workers ?? 0), 0),
  ),
  ofManaged(
    'cgroup_desired_consumers',
    'wanted in all managed processes; one for each of them if no size was ever set',
    'wanted',
  ),
  ofManaged('cgroup_managed_consumers', 'that run in managed processes', 'running'),
  ofManaged(
    'cgroup_capacity_consumers',
    'that may run in the managed processes that are not drained',
    'capacity',
  ),
  ofGroup('cgroup_processes', 'processes', 'that live, managed and fixed', (t) => t.processes.length),
  verdictMetric,
  ofGroup('cgroup_paused', '0 or 1', 'whether the group is paused', (t) => Number(t.control.paused)),
  ofGroup('cgroup_autoscaling', '0 or 1', 'whether the group finds its size by itself', (t) =>
    Number(t.control.autoscale !== null),
  ),
  ofGroup('cgroup_bridges', 'bridges', 'that are subscribed, in all processes', (t) => t.bridges.length),
  ofGroup(
    'cgroup_has_leader',
    '0 or 1',
    'whether a bridge leads, and its last mark is at most 2 s old; there is none with a list or a stream',
    (t) => (t.source.kind !== 'channel' ? undefined : t.leader === null ? 0 : 1),
  ),
  ofProcess(
    'cgroup_leading',
    '0 or 1',
    'whether the bridge of this process leads',
    ({ bridge }) => bridge && Number(bridge.leads),
  ),
  ofProcess(
    'cgroup_bridge_buffered',
    'messages',
    'received by the bridge of this process and not yet known to be relayed',
    ({ bridge }) => bridge?.buffered,
  ),
  ofProcess(
    'cgroup_leads_total',
    'times',
    'this process took the lead',
    ({ bridge, stats }) => bridge && stats.leads,
  ),
  ofProcess(
    'cgroup_fences_total',
    'times',
    'this process led, and found that another had taken the lead',
    ({ bridge, stats }) => bridge && stats.fences,
  ),
  ofProcess('cgroup_connected', '0 or 1', 'whether this process is connected to Redis', ({ connected }) =>
    Number(connected),
  ),
  ofProcess(
    'cgroup_record_away',
    '0 or 1',
    'whether the system of record took no rows of this process when it last tried; 0 if there is none',
    ({ recordAway }) => Number(recordAway ?? false),
  ),
  ofProcess(
    'cgroup_record_rows_total',
    'rows',
    'of this process that the system of record took, those that it had already included',
    ({ stats }) => stats.recordRows,
  ),
  ofProcess(
    'cgroup_record_refused_total',
    'results',
    'of this process that the system of record refused: they are dead letters',
    ({ stats }) => stats.recordRefused,
  ),
  ofProcess(
    'cgroup_heartbeat_age_seconds',
    'seconds',
    'since the last heartbeat of this process reached Redis',
    ({ beatAge }) => beatAge && beatAge / 1_000,
  ),
  ofRoles(
    'cgroup_connections_total',
    'to Redis that this process made, reconnects included, by `role`',
    'made',
  ),
  ofRoles('cgroup_connections_lost_total', 'to Redis that ended, by `role`', 'lost'),
  ofRoles('cgroup_reconnects_total', 'to Redis that replaced a lost one, by `role`', 'remade'),
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
    name: 'cgroup_record_write_seconds',
    unit: 'seconds',
    meaning: 'of each batch of rows that the system of record took from this process',
    read: ({ stats }) => stats.recordWrites,
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
  {
    of: 'process',
    type: 'histogram',
    name: 'cgroup_step_seconds',
    unit: 'seconds',
    meaning:
      'of the results of this process, with an order or a record, by `step`: `waiting` from the relay to the start of the last ' +
      'attempt, `processing` to its end, `parking` to when the result is in the output',
    read: ({ stats }) => stats.steps,
  },
];

/** The table of all metrics in Markdown. docs/metrics.md holds it between its marks. */
export function metricsMarkdown(): string {
  const head = ['metric', 'type', 'of', 'unit', 'meaning'];
  const rows = metricDefinitions.map(({ name, type, of, unit, meaning }) => [
    `\`${name}\``,
    type,
    of,
    unit,
    meaning,
  ]);
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n');
}
