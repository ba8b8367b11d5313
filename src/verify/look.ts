import { parseMessage } from '../core/message.js';
import { compareIds, looksLikeEntryId, timeOfId } from '../core/stream-id.js';
import type { GapRecord, GroupInspector, LaneReader } from '../redis/group-inspector.js';
import { wasIn } from '../redis/output.js';
import type { ReadingWithEnd, StreamEntry } from '../redis/reading.js';
import type { CounterCheck } from './counter-check.js';
import { OrderCheck } from './order-check.js';
import { SpilledCounters } from './spilled-counters.js';
import type { SpilledLedger } from './spilled-ledger.js';
import { type Steps, StepsReader } from './steps.js';

/** The part of a {@link GroupInspector} that a verification needs. */
export interface Readable extends Pick<GroupInspector, 'gaps'> {
  readonly lanes: readonly ReadableLane[];
}

/** The same of a {@link LaneReader}. */
export type ReadableLane = Pick<LaneReader, 'readWithEnd' | 'output' | 'deadLetters' | 'inbox' | 'parked'>;

/** What one look at a group has found. */
export interface Look {
  /** Of each lane, or of the group if it has no more. */
  readonly lanes: readonly LaneLook[];
  readonly steps: Steps | null;
  readonly gaps: readonly GapRecord[];
  /** Results trimmed or taken, and dead letters purged, before all was read. */
  readonly deleted: number;
  /** Whether messages came into the inbox while we read. */
  readonly moved: boolean;
}

/** What one look at a lane has found. Ids in the inbox are those of its lane: only message ids are compared with other lanes. */
export interface LaneLook {
  /** The numbers that all is compared with. */
  readonly reading: ReadingWithEnd;
  readonly counterCheck: CounterCheck;
  readonly orderCheck: OrderCheck;
}

interface LookOptions {
  /** Forgets what it has found, and takes what this look finds. */
  readonly ledger: SpilledLedger | undefined;
  /** Whether to gather how long each step took. */
  readonly withSteps: boolean;
  /** Called after each entry: how many are read, and how many there are. */
  readonly onProgress: ((read: number, total: number) => void) | undefined;
}

/** Reads everything once, lane by lane. */
export async function lookAt(group: Readable, options: LookOptions): Promise<Look> {
  const { ledger, withSteps, onProgress } = options;
  const readings = await Promise.all(group.lanes.map((lane) => lane.readWithEnd()));
  ledger?.startOver();
  const steps = withSteps ? new StepsReader(lastOf(readings).outputType) : undefined;
  const progress = new Progress(readings, ledger !== undefined, onProgress);
  const lanes: LaneLook[] = [];
  for (const [i, lane] of group.lanes.entries()) {
    const counters = new SpilledCounters();
    try {
      const shared = { counters, ledger, steps, progress };
      lanes.push(await lookAtLane(lane, readings[i] as ReadingWithEnd, shared));
    } finally {
      counters.close();
    }
  }

  // Of all lanes after the last one: a message that was still with a bridge may have come into any of them.
  const after = ledger ? await Promise.all(group.lanes.map((lane) => lane.readWithEnd())) : readings;
  const deletedIn = ({ counterCheck }: LaneLook, i: number) => {
    const then = after[i] as ReadingWithEnd;
    return then.counters.trimmed + then.counters.purged + counterCheck.taken(then);
  };
  return {
    lanes,
    steps: steps?.steps ?? null,
    gaps: after.some(({ counters }) => counters.gaps > 0) ? (await group.gaps()).records : [],
    deleted: lanes.map(deletedIn).reduce((sum, more) => sum + more, 0),
    moved: after.some(
      ({ counters: { relayed, revived } }, i) =>
        relayed !== readings[i]?.counters.relayed || revived !== readings[i]?.counters.revived,
    ),
  };
}

/** What the group is now: with several lanes, the first reading is of the time before it had them. */
export function lastOf<Reading>(readings: readonly Reading[]): Reading {
  return readings.at(-1) as Reading;
}

/** Counts what is read. */
class Progress {
  #read = 0;
  #total: number;
  readonly #withInbox: boolean;
  readonly #onProgress: LookOptions['onProgress'];

  constructor(
    readings: readonly ReadingWithEnd[],
    withInbox: boolean,
    onProgress: LookOptions['onProgress'],
  ) {
    this.#withInbox = withInbox;
    this.#onProgress = onProgress;
    this.#total = readings.reduce((sum, one) => sum + this.#expected(one), 0);
  }

  /** One more entry is read. */
  count(): void {
    this.#onProgress?.(++this.#read, this.#total);
  }

  /** The inbox of a lane is read, and its streams end there now. @param read entries of the inbox */
  inboxRead(before: ReadingWithEnd, read: number, { outputLength, deadLetters }: ReadingWithEnd): void {
    this.#total += read + outputLength + deadLetters - this.#expected(before);
  }

  #expected({ outputLength, deadLetters, backlog, parked }: ReadingWithEnd): number {
    return outputLength + deadLetters + (this.#withInbox ? backlog + parked : 0);
  }
}

/** What a look at a lane fills. The counters are its own, all else is shared by the lanes. */
interface Shared {
  readonly counters: SpilledCounters;
  readonly ledger: SpilledLedger | undefined;
  readonly steps: StepsReader | undefined;
  readonly progress: Progress;
}

/**
 * Reads a lane once. With a ledger, it reads the inbox before it fixes the end of the streams: so it finds each
 * message of the backlog of the first reading, in the inbox or in a stream, settled after that reading.
 */
async function lookAtLane(
  lane: ReadableLane,
  reading: ReadingWithEnd,
  { counters, ledger, steps, progress }: Shared,
): Promise<LaneLook> {
  const orderCheck = new OrderCheck({ ...reading, order: reading.order.kind });

  /** By inbox id, so that a message is not found twice if it is settled while we read. */
  const unsettled = new Map<string, string>();
  let end = reading;
  if (ledger) {
    let read = 0;
    const count = () => {
      read++;
      progress.count();
    };
    for await (const { id, fields } of lane.inbox()) {
      const messageId = messageIdIn(fields.message);
      if (messageId === undefined) continue;
      if (id === '') ledger.onTheWay(messageId, undefined);
      else unsettled.set(id, messageId);
      count();
    }
    for await (const { inboxId, messageId } of lane.parked()) {
      unsettled.set(inboxId, messageId);
      count();
    }
    end = await lane.readWithEnd();
    progress.inboxRead(reading, read, end);
  }

  const settled = (inboxId: string | undefined, messageId: string | undefined, wasThere: boolean) => {
    if (inboxId !== undefined) unsettled.delete(inboxId);
    if (ledger && messageId !== undefined) {
      const relayedAt = inboxId === undefined ? undefined : timeOfId(inboxId);
      if (wasThere) ledger.settled(messageId, relayedAt);
      else ledger.onTheWay(messageId, relayedAt);
    }
    progress.count();
  };
  for await (const entry of lane.output(end)) {
    const wasThere = wasIn(reading, entry);
    if (wasThere) counters.settled('output', entry.id, entry.inboxId);
    orderCheck.take(entry);
    steps?.take(entry);
    settled(entry.inboxId, entry.messageId, wasThere);
  }
  for await (const entry of lane.deadLetters(end.lastDead)) {
    const inboxId = inboxIdOf(entry);
    const wasThere = reading.lastDead !== '' && compareIds(entry.id, reading.lastDead) <= 0;
    if (wasThere) counters.settled('dead', entry.id, inboxId);
    settled(inboxId, ledger && messageIdIn(entry.fields.message), wasThere);
  }
  for (const [inboxId, messageId] of unsettled) ledger?.onTheWay(messageId, timeOfId(inboxId));
  return { reading, counterCheck: await counters.compare(), orderCheck };
}

/** The inbox id in a dead letter that the group wrote; undefined in any other entry. */
function inboxIdOf({ fields }: StreamEntry): string | undefined {
  const inboxId = fields.inbox_id?.toString();
  return fields.message && inboxId !== undefined && looksLikeEntryId(inboxId) ? inboxId : undefined;
}

function messageIdIn(message: Buffer | undefined): string | undefined {
  const parsed = message && parseMessage(message);
  return parsed?.valid ? parsed.messageId : undefined;
}
