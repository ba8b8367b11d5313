import type { Counters, GapRecord, Inspector } from './redis/inspect.js';

/** A live consumer, and what lies with it. */
export interface ConsumerStatus {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  /** Messages in its hands, those waiting for a retry included. */
  readonly pending: number;
  readonly processed: number;
}

/** The state of a whole group, all processes together. */
export interface GroupStatus {
  /** When it was read, ISO 8601, by Redis's clock. */
  readonly time: string;
  readonly group: string;
  readonly channel: string;
  readonly output: string;
  /** The bridge that leads, null for none. */
  readonly leader: string | null;
  /** The bridges that are subscribed. */
  readonly bridges: readonly { readonly id: string; readonly leads: boolean }[];
  readonly consumers: readonly ConsumerStatus[];
  /** Relayed and not yet read by a consumer. */
  readonly waiting: number;
  /** In the hands of consumers. */
  readonly pending: number;
  /** Failed, and waiting for their next attempt. */
  readonly retrying: number;
  /** waiting + pending + retrying */
  readonly backlog: number;
  /** Age of the oldest unsettled message, ms. */
  readonly lagMs: number;
  readonly counters: Counters;
  /** The latest times during which messages may have been missed; as ISO 8601. */
  readonly gaps: readonly { readonly from: string; readonly to: string; readonly reason: string }[];
}

const GAPS_SHOWN = 10;

/** Reads the state of a group: what `status`, the monitor, metrics and pages show. */
export async function readStatus(
  inspector: Inspector,
  names: { readonly group: string; readonly channel: string; readonly output: string },
): Promise<GroupStatus> {
  const [reading, live] = await Promise.all([inspector.read(), inspector.liveConsumers()]);
  const gaps = reading.counters.gaps > 0 ? await inspector.gaps() : [];
  return {
    time: new Date(reading.now).toISOString(),
    group: names.group,
    channel: names.channel,
    output: names.output,
    leader: reading.leader ?? null,
    bridges: reading.bridges.map((id) => ({ id, leads: id === reading.leader })),
    consumers: live.map(({ id, host, pid }) => ({
      id,
      host,
      pid,
      pending: reading.pendingOf.get(id) ?? 0,
      processed: reading.processedBy.get(id) ?? 0,
    })),
    waiting: reading.waiting,
    pending: reading.pending,
    retrying: reading.retrying,
    backlog: reading.backlog,
    lagMs: reading.lag,
    counters: reading.counters,
    gaps: gaps.slice(-GAPS_SHOWN).map(showGap),
  };
}

function showGap({ from, to, reason }: GapRecord) {
  return { from: new Date(from).toISOString(), to: new Date(to).toISOString(), reason };
}
