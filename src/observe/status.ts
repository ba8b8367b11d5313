import type { Halt } from '../core/consumer-store.js';
import type { Source } from '../core/source.js';
import type { GapRecord, GroupInspector } from '../redis/group-inspector.js';
import type { GroupTotals, OrderTotals } from '../redis/reading.js';
import type { KeyTotals } from '../redis/scripts/keyed.js';
import { type ControlReading, readControl } from './control-status.js';
import { type ProcessView, processOf, processViews } from './process-view.js';

export type { WaitingKey } from '../redis/scripts/keyed.js';

/** A live consumer, and what it holds. */
export interface ConsumerStatus {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  /** Messages that it holds, those waiting for a retry included. */
  readonly pending: number;
  readonly processed: number;
  /** The id of its process; null if that is not known. */
  readonly process: string | null;
}

/** Where the messages of a group come from. */
export interface SourceStatus {
  readonly kind: Source['kind'];
  readonly name: string;
  /** Messages that wait there to be relayed; null for a channel, which keeps none, or if Redis cannot tell. */
  readonly waiting: number | null;
}

/** What the order of a group waits for: with order `total`, and with order `key`. */
interface LiveOrder extends OrderTotals, KeyTotals {}

/** The same, and who has the message that results wait for. */
export interface OrderStatus extends LiveOrder {
  readonly head:
    | (NonNullable<OrderTotals['head']> & {
        /** The consumer that holds it; null if none does. */
        readonly consumerId: string | null;
        /** The attempt under way, or the last one; 0 if none has begun. */
        readonly attempt: number;
      })
    | null;
}

/** The totals of a whole group, its control and processes, and the number of live consumers. */
export interface LiveTotals extends GroupTotals, ControlReading {
  readonly processes: readonly ProcessView[];
  readonly consumerCount: number;
  readonly order: LiveOrder;
  readonly source: SourceStatus;
}

/** The state of a whole group, all processes together. */
export interface GroupStatus extends GroupTotals, ControlReading {
  readonly group: string;
  /** The name of the channel, list or stream that the messages come from. */
  readonly channel: string;
  readonly source: SourceStatus;
  readonly processes: readonly ProcessView[];
  readonly output: string;
  /** With Sentinels or a Cluster: the server that has the group's keys, `host:port`; else null. */
  readonly master: string | null;
  readonly order: OrderStatus;
  readonly consumers: readonly ConsumerStatus[];
  /** The latest times during which messages may have been missed: ISO 8601, Redis's clock. */
  readonly gaps: readonly { readonly from: string; readonly to: string; readonly reason: string }[];
  /** The first 100 messages that stop an order (onDead halt), in the order of the messages. */
  readonly halted: readonly ShownHalt[];
}

/** A dead letter that stops an order. */
export interface ShownHalt {
  /** The id of the dead letter; '' while its message is tried again. */
  readonly deadId: string;
  readonly inboxId: string;
  /** The key whose messages wait, as JSON; null if all results wait (order total). */
  readonly key: string | null;
}

const GAPS_SHOWN = 10;
const HALTS_SHOWN = 100;

/** Reads the totals of a group and the number of live consumers. Cheaper for Redis than {@link readStatus}. */
export async function readTotals(inspector: GroupInspector, source: Source): Promise<LiveTotals> {
  const [totals, live, control, shownSource] = await Promise.all([
    inspector.totals(),
    inspector.liveConsumers(),
    readControl(inspector),
    readSource(inspector, source),
  ]);
  const { consumers, foreign } = live;
  const order = { ...totals.order, ...(await inspector.keyTotals(totals.order.kind)) };
  return {
    ...totals,
    order,
    ...control,
    processes: processViews(control.processes, totals),
    source: shownSource,
    consumerCount: consumers.length,
    foreign: [...totals.foreign, ...foreign],
  };
}

async function readSource(inspector: GroupInspector, source: Source): Promise<SourceStatus> {
  const { kind, name } = source;
  return { kind, name, waiting: (await inspector.waitingIn(source)) ?? null };
}

/** Reads the state of a group: O(consumers) for Redis. */
export async function readStatus(
  inspector: GroupInspector,
  { group, output }: { readonly group: string; readonly output: string },
  from: Source,
): Promise<GroupStatus> {
  const [reading, live, { control, processes, ended }, source] = await Promise.all([
    inspector.read(),
    inspector.liveConsumers(),
    readControl(inspector),
    readSource(inspector, from),
  ]);
  const gaps = reading.counters.gaps > 0 ? await inspector.gaps() : { records: [], foreign: [] };
  const halts =
    reading.haltedCount > 0 ? await inspector.halts.first(HALTS_SHOWN) : { halts: [], foreign: [] };
  const { time, leader, bridges, waiting, pending, retrying, held, backlog, parked, lagMs } = reading;
  const { counters, deadLetters, lanes, awayLanes, retries } = reading;
  const ids = new Set(processes.map(({ id }) => id));
  const order = await orderStatus(inspector, reading.order);
  return {
    time,
    group,
    channel: source.name,
    source,
    output,
    master: inspector.master,
    leader,
    bridges,
    control,
    processes: processViews(processes, reading),
    ended,
    consumers: live.consumers.map(({ id, host, pid }) => ({
      id,
      host,
      pid,
      pending: reading.pendingOf.get(id) ?? 0,
      processed: reading.processedBy.get(id) ?? 0,
      process: processOf(id, ids),
    })),
    waiting,
    pending,
    retrying,
    held,
    backlog,
    parked,
    order,
    lagMs,
    retries,
    counters,
    deadLetters,
    gaps: gaps.records.slice(-GAPS_SHOWN).map(showGap),
    haltedCount: reading.haltedCount,
    halted: halts.halts.map(shownHalt),
    foreign: [...reading.foreign, ...live.foreign, ...gaps.foreign, ...halts.foreign],
    ...(lanes && { lanes }),
    ...(awayLanes && { awayLanes }),
  };
}

function shownHalt({ deadId, inboxId, key }: Halt): ShownHalt {
  return { deadId, inboxId, key: key ?? null };
}

async function orderStatus(inspector: GroupInspector, order: OrderTotals): Promise<OrderStatus> {
  const { kind, head } = order;
  const [keys, holder] = await Promise.all([
    inspector.keyTotals(kind),
    head ? inspector.holderOf(head.inboxId) : undefined,
  ]);
  const { consumerId = null, attempt = 0 } = holder ?? {};
  return { ...order, head: head && { ...head, consumerId, attempt }, ...keys };
}

function showGap({ from, to, reason }: GapRecord) {
  return { from: new Date(from).toISOString(), to: new Date(to).toISOString(), reason };
}
