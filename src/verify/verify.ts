import { hasCode } from '../core/errors.js';
import { parseMessage } from '../core/message.js';
import { pause } from '../core/service.js';
import { compareIds, looksLikeEntryId, timeOfId } from '../core/stream-id.js';
import { readLedger } from '../publish/ledger-file.js';
import type { GapRecord, Inspector } from '../redis/inspect.js';
import { wasIn } from '../redis/output.js';
import type { Reading, StreamEntry } from '../redis/reading.js';
import type { CounterCheck } from './counter-check.js';
import type { Differences, Examples } from './differences.js';
import type { LedgerResult } from './ledger-check.js';
import { OrderCheck } from './order-check.js';
import { SpilledCounters } from './spilled-counters.js';
import { SpilledLedger } from './spilled-ledger.js';
import { type Steps, StepsReader } from './steps.js';

/** ms between two looks at a group that still relays messages of the ledger. */
const LOOK_EVERY = 500;
/** Looks in a row that find no more of them, after which no more are expected. */
const MOST_FRUITLESS = 3;
/** Times that a list may change at the wrong place while it is read. */
const MOST_CHANGES = 3;

/** What a group has done, compared with its counters and with ledgers. Keys are added, never renamed. */
export interface Verification extends Differences {
  readonly relayed: number;
  readonly processed: number;
  readonly dead: number;
  /** Messages not settled yet: neither a failure nor a success. */
  readonly backlog: number;
  /** Results that wait for earlier ones (total order): no failure either. */
  readonly parked: number;
  /** How many of the `lost` lie in a recorded gap. 0 without a ledger. */
  readonly lostInGaps: number;
  /** What the output is, and in which order the results leave, as the group says. */
  readonly outputType: Reading['outputType'];
  readonly order: Reading['order']['kind'];
  /**
   * How often a result came directly after a later one: with the order total among all, with key among those of its key. 0 without
   * an order.
   */
  readonly outOfOrder: number;
  /** Nothing lost, doubled or out of order, and the streams hold no more than the group wrote. */
  readonly ok: boolean;
  /** Results that `outputMaxLen` has trimmed, and dead letters that were purged or trimmed: they cannot be read any more. */
  readonly trimmed: number;
  readonly purged: number;
  /** Results that others took from the output, if it is a list: nothing more is known of them. */
  readonly taken: number;
  /** How often messages may have been missed. */
  readonly gaps: number;
  /** Ids in the ledgers; null without one. */
  readonly ledger: number | null;
  /** Ids of the ledgers that were not found, but may have been trimmed, purged or taken. */
  readonly untraceable: number;
  /** The results of the two checks. Each number above is the larger of both. */
  readonly byCounters: Differences;
  readonly byLedger: Differences | null;
  /** The first few message ids; if unknown, ids in the inbox (doubled) or in the stream (unexpected). */
  readonly examples: Examples & { readonly outOfOrder: readonly string[] };
  /** Null if they were not asked for, or no result has times. */
  readonly steps: Steps | null;
}

export interface VerifyOptions {
  /** Files of message ids, as `publish` writes them. An id in two files counts twice. */
  readonly ledgers?: readonly (string | URL)[];
  /** Whether to gather how long each step took. */
  readonly steps?: boolean;
  /** Called after each entry: how many are read, and how many there are. */
  readonly onProgress?: (read: number, total: number) => void;
}

/** The part of an {@link Inspector} that a verification needs. */
export type Readable = Pick<
  Inspector,
  'readWithEnd' | 'output' | 'deadLetters' | 'inbox' | 'parked' | 'gaps'
>;

/**
 * Compares the output and the dead letters of a group with its counters, and with ledgers. The group may be running.
 *
 * @throws {CgroupError} NOT_FOUND if a ledger cannot be read; STALE if others take results from the middle or the right side
 *   of an output that is a list; KEY_TYPE, REDIS_REFUSED, REDIS_UNREACHABLE
 */
export async function verify(
  group: Readable,
  { ledgers = [], steps = false, onProgress }: VerifyOptions = {},
): Promise<Verification> {
  const ledger = ledgers.length > 0 ? new SpilledLedger() : undefined;
  try {
    for (const path of ledgers) {
      ledger?.newFile();
      await readLedger(path, (id) => ledger?.list(id));
    }
    return await compare(group, ledger, steps, onProgress);
  } finally {
    ledger?.close();
  }
}

async function compare(
  group: Readable,
  ledger: SpilledLedger | undefined,
  steps: boolean,
  onProgress: VerifyOptions['onProgress'],
): Promise<Verification> {
  let [missing, fruitless, changes] = [Infinity, 0, 0];
  for (;;) {
    const counters = new SpilledCounters();
    const look = await lookAt(group, counters, ledger, steps, onProgress)
      .catch((error: unknown) => {
        if (!hasCode(error, 'STALE') || ++changes === MOST_CHANGES) throw error;
      })
      .finally(() => counters.close());
    if (!look) continue;
    // Messages that a bridge has received and not relayed yet are invisible. While messages come into the inbox, they
    // may be next, so we look again. (This also finds dead letters that were sent back while we read.)
    const byLedger = await ledger?.result(look.gaps, look.deleted);
    const missed = byLedger ? byLedger.lost + byLedger.untraceable : 0;
    fruitless = missed < missing ? 0 : fruitless + 1;
    missing = missed;
    if (missing === 0 || !look.moved || fruitless === MOST_FRUITLESS) return verificationOf(look, byLedger);
    await pause(LOOK_EVERY);
  }
}

interface Look {
  /** The numbers that all is compared with. */
  readonly reading: Reading;
  readonly counterCheck: CounterCheck;
  readonly orderCheck: OrderCheck;
  readonly steps: Steps | null;
  readonly gaps: readonly GapRecord[];
  /** Results trimmed or taken, and dead letters purged, before all was read. */
  readonly deleted: number;
  /** Whether messages came into the inbox while we read. */
  readonly moved: boolean;
}

/**
 * Reads everything once. With a ledger, it reads the inbox before it fixes the end of the streams: so it finds each
 * message of the backlog of the first reading, in the inbox or in a stream, settled after that reading.
 */
async function lookAt(
  group: Readable,
  counters: SpilledCounters,
  ledger: SpilledLedger | undefined,
  withSteps: boolean,
  onProgress: VerifyOptions['onProgress'],
): Promise<Look> {
  const reading = await group.readWithEnd();
  const orderCheck = new OrderCheck({ ...reading, order: reading.order.kind });
  const steps = withSteps ? new StepsReader(reading.outputType) : undefined;
  ledger?.startOver();
  let read = 0;
  let total = reading.outputLength + reading.deadLetters + (ledger ? reading.backlog + reading.parked : 0);
  const count = () => onProgress?.(++read, total);

  /** By inbox id, so that a message is not found twice if it is settled while we read. */
  const unsettled = new Map<string, string>();
  let end = reading;
  if (ledger) {
    for await (const { id, fields } of group.inbox()) {
      const messageId = messageIdIn(fields.message);
      if (messageId === undefined) continue;
      if (id === '') ledger.onTheWay(messageId, undefined);
      else unsettled.set(id, messageId);
      count();
    }
    for await (const { inboxId, messageId } of group.parked()) {
      unsettled.set(inboxId, messageId);
      count();
    }
    end = await group.readWithEnd();
    total = read + end.outputLength + end.deadLetters;
  }

  const settled = (inboxId: string | undefined, messageId: string | undefined, wasThere: boolean) => {
    if (inboxId !== undefined) unsettled.delete(inboxId);
    if (ledger && messageId !== undefined) {
      const relayedAt = inboxId === undefined ? undefined : timeOfId(inboxId);
      if (wasThere) ledger.settled(messageId, relayedAt);
      else ledger.onTheWay(messageId, relayedAt);
    }
    count();
  };
  for await (const entry of group.output(end)) {
    const wasThere = wasIn(reading, entry);
    if (wasThere) counters.settled('output', entry.id, entry.inboxId);
    orderCheck.take(entry);
    steps?.take(entry);
    settled(entry.inboxId, entry.messageId, wasThere);
  }
  for await (const entry of group.deadLetters(end.lastDead)) {
    const inboxId = inboxIdOf(entry);
    const wasThere = reading.lastDead !== '' && compareIds(entry.id, reading.lastDead) <= 0;
    if (wasThere) counters.settled('dead', entry.id, inboxId);
    settled(inboxId, ledger && messageIdIn(entry.fields.message), wasThere);
  }
  for (const [inboxId, messageId] of unsettled) ledger?.onTheWay(messageId, timeOfId(inboxId));

  const counterCheck = await counters.compare();
  const after = ledger ? await group.readWithEnd() : reading;
  return {
    reading,
    counterCheck,
    orderCheck,
    steps: steps?.steps ?? null,
    gaps: after.counters.gaps > 0 ? (await group.gaps()).records : [],
    deleted: after.counters.trimmed + after.counters.purged + counterCheck.taken(after),
    moved:
      after.counters.relayed !== reading.counters.relayed ||
      after.counters.revived !== reading.counters.revived,
  };
}

function verificationOf(
  { reading, counterCheck, orderCheck, steps }: Look,
  byLedger: LedgerResult | undefined,
): Verification {
  const { relayed, processed, dead, trimmed, purged } = reading.counters;
  const byCounters = counterCheck.differences(reading);
  const { outOfOrder } = orderCheck;
  const larger = (key: keyof Differences) => Math.max(byCounters[key], byLedger?.[key] ?? 0);
  const [lost, doubled, unexpected] = [larger('lost'), larger('doubled'), larger('unexpected')];
  return {
    relayed,
    processed,
    dead,
    backlog: reading.backlog,
    parked: reading.parked,
    doubled,
    lost,
    lostInGaps: byLedger?.lostInGaps ?? 0,
    unexpected,
    // A message that no ledger lists may be another publisher's.
    ok: lost === 0 && doubled === 0 && byCounters.unexpected === 0 && outOfOrder === 0,
    outputType: reading.outputType,
    order: reading.order.kind,
    outOfOrder,
    trimmed,
    purged,
    taken: counterCheck.taken(reading),
    gaps: reading.counters.gaps,
    ledger: byLedger?.ids ?? null,
    untraceable: byLedger?.untraceable ?? 0,
    byCounters,
    byLedger: byLedger ? differencesOf(byLedger) : null,
    examples: { ...examplesOf(counterCheck, byLedger), outOfOrder: orderCheck.examples },
    steps,
  };
}

function differencesOf({ lost, doubled, unexpected }: Differences): Differences {
  return { lost, doubled, unexpected };
}

/** Message ids, if there are any: they say more than ids of entries. */
function examplesOf(counterCheck: CounterCheck, byLedger: LedgerResult | undefined): Examples {
  const of = (key: keyof Examples) =>
    byLedger?.examples[key].length ? byLedger.examples[key] : counterCheck.examples[key];
  return { lost: of('lost'), doubled: of('doubled'), unexpected: of('unexpected') };
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
