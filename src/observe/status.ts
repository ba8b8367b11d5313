import type { GapRecord, Inspector } from '../redis/inspect.js';
import type { Counters, Sums } from '../redis/reading.js';

/** A live consumer, and what it holds. */
export interface ConsumerStatus {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  /** Messages that it holds, those waiting for a retry included. */
  readonly pending: number;
  readonly processed: number;
}

/** The totals of a whole group, all processes together. */
export interface GroupTotals {
  /** When the group was read: ISO 8601, Redis's clock. */
  readonly time: string;
  /** The id of the leading bridge; null if none leads. */
  readonly leader: string | null;
  /** The subscribed bridges. */
  readonly bridges: readonly { readonly id: string; readonly leads: boolean }[];
  /** Relayed and not yet read by a consumer. */
  readonly waiting: number;
  /** Held by consumers. */
  readonly pending: number;
  /** Failed and waiting for their next attempt. */
  readonly retrying: number;
  /** waiting + pending + retrying */
  readonly backlog: number;
  /** Age of the oldest unsettled message, ms. */
  readonly lagMs: number;
  readonly counters: Counters;
  /** Kept dead letters: neither purged nor sent back. */
  readonly deadLetters: number;
}

/** The totals of a whole group, and the number of live consumers. */
export interface LiveTotals extends GroupTotals {
  readonly consumerCount: number;
}

/** The state of a whole group, all processes together. */
export interface GroupStatus extends GroupTotals {
  readonly group: string;
  readonly channel: string;
  readonly output: string;
  readonly consumers: readonly ConsumerStatus[];
  /** The latest times during which messages may have been missed: ISO 8601, Redis's clock. */
  readonly gaps: readonly { readonly from: string; readonly to: string; readonly reason: string }[];
}

const GAPS_SHOWN = 10;

/** Reads the totals of a group, and the number of live consumers: O(1) for Redis. */
export async function readTotals(inspector: Inspector): Promise<LiveTotals> {
  const [totals, consumerCount] = await Promise.all([inspector.totals(), inspector.liveConsumerCount()]);
  return { ...showTotals(totals), consumerCount };
}

/** Reads the state of a group: O(consumers) for Redis. */
export async function readStatus(
  inspector: Inspector,
  names: { readonly group: string; readonly channel: string; readonly output: string },
): Promise<GroupStatus> {
  const [reading, live] = await Promise.all([inspector.read(), inspector.liveConsumers()]);
  const gaps = reading.counters.gaps > 0 ? await inspector.gaps() : [];
  const { time, leader, bridges, ...numbers } = showTotals(reading);
  return {
    time,
    group: names.group,
    channel: names.channel,
    output: names.output,
    leader,
    bridges,
    consumers: live.map(({ id, host, pid }) => ({
      id,
      host,
      pid,
      pending: reading.pendingOf.get(id) ?? 0,
      processed: reading.processedBy.get(id) ?? 0,
    })),
    ...numbers,
    gaps: gaps.slice(-GAPS_SHOWN).map(showGap),
  };
}

function showTotals(totals: Sums): GroupTotals {
  const { now, leader, bridges, lag, counters, deadLength } = totals;
  return {
    time: new Date(now).toISOString(),
    leader: leader ?? null,
    bridges: bridges.map((id) => ({ id, leads: id === leader })),
    waiting: totals.waiting,
    pending: totals.pending,
    retrying: totals.retrying,
    backlog: totals.backlog,
    lagMs: lag,
    counters,
    deadLetters: deadLength,
  };
}

function showGap({ from, to, reason }: GapRecord) {
  return { from: new Date(from).toISOString(), to: new Date(to).toISOString(), reason };
}
