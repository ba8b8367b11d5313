import type { GapRecord, Inspector } from '../redis/inspect.js';
import type { GroupTotals } from '../redis/reading.js';
import { type ControlReading, readControl } from './control-status.js';

/** A live consumer, and what it holds. */
export interface ConsumerStatus {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  /** Messages that it holds, those waiting for a retry included. */
  readonly pending: number;
  readonly processed: number;
}

/** The totals of a whole group, its control and processes, and the number of live consumers. */
export interface LiveTotals extends GroupTotals, ControlReading {
  readonly consumerCount: number;
}

/** The state of a whole group, all processes together. */
export interface GroupStatus extends GroupTotals, ControlReading {
  readonly group: string;
  readonly channel: string;
  readonly output: string;
  readonly consumers: readonly ConsumerStatus[];
  /** The latest times during which messages may have been missed: ISO 8601, Redis's clock. */
  readonly gaps: readonly { readonly from: string; readonly to: string; readonly reason: string }[];
}

const GAPS_SHOWN = 10;

/** Reads the totals of a group and the number of live consumers. Cheaper for Redis than {@link readStatus}. */
export async function readTotals(inspector: Inspector): Promise<LiveTotals> {
  const [totals, live, control] = await Promise.all([
    inspector.totals(),
    inspector.liveConsumers(),
    readControl(inspector),
  ]);
  const { consumers, foreign } = live;
  return { ...totals, ...control, consumerCount: consumers.length, foreign: [...totals.foreign, ...foreign] };
}

/** Reads the state of a group: O(consumers) for Redis. */
export async function readStatus(
  inspector: Inspector,
  names: { readonly group: string; readonly channel: string; readonly output: string },
): Promise<GroupStatus> {
  const [reading, live, { control, processes }] = await Promise.all([
    inspector.read(),
    inspector.liveConsumers(),
    readControl(inspector),
  ]);
  const gaps = reading.counters.gaps > 0 ? await inspector.gaps() : { records: [], foreign: [] };
  const { time, leader, bridges, waiting, pending, retrying, backlog, lagMs, counters, deadLetters } =
    reading;
  return {
    time,
    group: names.group,
    channel: names.channel,
    output: names.output,
    leader,
    bridges,
    control,
    processes,
    consumers: live.consumers.map(({ id, host, pid }) => ({
      id,
      host,
      pid,
      pending: reading.pendingOf.get(id) ?? 0,
      processed: reading.processedBy.get(id) ?? 0,
    })),
    waiting,
    pending,
    retrying,
    backlog,
    lagMs,
    counters,
    deadLetters,
    gaps: gaps.records.slice(-GAPS_SHOWN).map(showGap),
    foreign: [...reading.foreign, ...live.foreign, ...gaps.foreign],
  };
}

function showGap({ from, to, reason }: GapRecord) {
  return { from: new Date(from).toISOString(), to: new Date(to).toISOString(), reason };
}
