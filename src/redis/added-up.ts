import { deadLetterIdIn, newestOfEach } from '../core/dead-letter-id.js';
import type { Counters, GroupTotals, LaneTotals, OrderTotals, Reading, RetryTotals } from './reading.js';
import type { KeyTotals, WaitingKey } from './scripts/keyed.js';

// What the lanes of a group come to, all together. Each lane is read at a moment of its own. Of each of them relayed = processed +
// dead + backlog + lost at its moment, and so it is of their sums.

/** One lane, as it was read. */
export interface LaneRead<Totals> {
  readonly output: string;
  /** `host:port` of its node; null without a connection. */
  readonly node: string | null;
  /** Undefined if it is away. */
  readonly totals: Totals | undefined;
}

/** A lane that the group had, as it was read. */
interface FormerRead<Totals> extends LaneRead<Totals> {
  readonly lane: number;
}

/** A group, as it was read. */
export interface GroupRead<Totals> {
  /**
   * What stands under the name of the output itself: the bridges, the gaps, and what was done before the group had lanes; all, if it has
   * one lane.
   */
  readonly base: Totals;
  /** The lanes that it has; none if it has one, which is the base. */
  readonly lanes: readonly LaneRead<Totals>[];
  /** The lanes that it had, by their numbers. */
  readonly former: readonly FormerRead<Totals>[];
}

/** The totals of a group. */
export function addedTotals({ base, lanes, former }: GroupRead<GroupTotals>): GroupTotals {
  const all = [base, ...totalsIn(lanes), ...totalsIn(former)];
  const sum = (key: Summed) => sumOf(all.map((one) => one[key]));
  return {
    time: base.time,
    leader: base.leader,
    bridges: base.bridges,
    waiting: sum('waiting'),
    pending: sum('pending'),
    retrying: sum('retrying'),
    held: sum('held'),
    backlog: sum('backlog'),
    parked: sum('parked'),
    order: lanes.length === 0 ? base.order : orderOf([base, ...totalsIn(lanes)].map(({ order }) => order)),
    lagMs: Math.max(...all.map(({ lagMs }) => lagMs)),
    retries: addedRetries(all.map(({ retries }) => retries)),
    counters: addedCounters(all.map(({ counters }) => counters)),
    deadLetters: sumOf(all.map(({ deadLetters }) => deadLetters)),
    // With halted messages, the lanes cannot become fewer.
    haltedCount: lanes.length === 0 ? base.haltedCount : sumOf(totalsIn(lanes).map((one) => one.haltedCount)),
    foreign: all.flatMap(({ foreign }) => foreign),
    ...(lanes.length > 0 && { lanes: lanes.map(laneTotals) }),
    awayLanes: [...lanes, ...former].flatMap(({ output, totals }) => (totals ? [] : [output])),
  };
}

/** As {@link addedTotals}, in full. */
export function addedReading(read: GroupRead<Reading>): Reading {
  const { base, lanes, former } = read;
  const all = [base, ...totalsIn(lanes), ...totalsIn(former)];
  const { outputType, orderKey, orderSince } = totalsIn(lanes)[0] ?? base;
  const numbered = [...lanes.map(({ totals }, lane) => ({ lane, totals })), ...former];
  return {
    ...addedTotals(read),
    outputType,
    orderKey,
    orderSince,
    pendingOf: addedMaps(all.map(({ pendingOf }) => pendingOf)),
    processedBy: addedMaps(all.map(({ processedBy }) => processedBy)),
    outputLength: sumOf(all.map(({ outputLength }) => outputLength)),
    lastDead: newestOfEach([
      base.lastDead,
      ...numbered.map(({ lane, totals }) => (totals?.lastDead ? deadLetterIdIn(lane, totals.lastDead) : '')),
    ]),
  };
}

/** What the keys of all lanes wait for. A key is in one lane only. */
export function addedKeys(lanes: readonly KeyTotals[], most: number): KeyTotals {
  const busy = lanes.map((one) => one.busy);
  const hottest = lanes.flatMap((one) => one.hottest).sort((a, b) => b.held - a.held);
  const stuck = lanes.flatMap((one): WaitingKey[] => (one.stuck ? [one.stuck] : []));
  return {
    busy: busy.some((one) => one !== null) ? sumOf(busy.map((one) => one ?? 0)) : null,
    hottest: hottest.slice(0, most),
    stuck: stuck.sort((a, b) => b.ageMs - a.ageMs)[0] ?? null,
  };
}

/** The numbers of a group that are sums of those of its lanes. */
type Summed = 'waiting' | 'pending' | 'retrying' | 'held' | 'backlog' | 'parked';

/** Of those that answered. */
function totalsIn<Totals>(lanes: readonly LaneRead<Totals>[]): Totals[] {
  return lanes.flatMap(({ totals }) => totals ?? []);
}

function laneTotals({ output, node, totals }: LaneRead<GroupTotals>): LaneTotals {
  if (!totals || node === null) return { output, ...AWAY };
  const { waiting, pending, retrying, held, backlog, lagMs, deadLetters, counters } = totals;
  const { relayed, processed, failed, retried, dead } = counters;
  const counted = { relayed, processed, failed, retried, dead };
  return { output, node, ...counted, waiting, pending, retrying, held, backlog, lagMs, deadLetters };
}

const AWAY = {
  ...{ node: null, relayed: null, processed: null, failed: null, retried: null, dead: null, waiting: null },
  ...{ pending: null, retrying: null, held: null, backlog: null, lagMs: null, deadLetters: null },
} as const;

/** Lanes have no total order, so nothing waits for a head. */
function orderOf(orders: readonly OrderTotals[]): OrderTotals {
  const { kind } = orders.find((one) => one.kind !== 'none') ?? { kind: 'none' };
  return { kind, head: null, parked: sumOf(orders.map(({ parked }) => parked)), window: null };
}

/** The oldest of all, and the next one that is due. */
function addedRetries(all: readonly RetryTotals[]): RetryTotals {
  const due = all.flatMap(({ dueMs }) => dueMs ?? []);
  return {
    ageMs: Math.max(...all.map(({ ageMs }) => ageMs)),
    dueMs: due.length > 0 ? Math.min(...due) : null,
  };
}

function addedCounters(all: readonly Counters[]): Counters {
  const names = Object.keys(all[0] ?? {}) as (keyof Counters)[];
  const sums = names.map((name) => [name, sumOf(all.map((one) => one[name]))]);
  return Object.fromEntries(sums) as Record<keyof Counters, number>;
}

function addedMaps(all: readonly ReadonlyMap<string, number>[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const map of all) for (const [id, more] of map) sums.set(id, (sums.get(id) ?? 0) + more);
  return sums;
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, more) => sum + more, 0);
}
