import { hasCode } from '../core/errors.js';
import { pause } from '../core/service.js';
import { readLedger } from '../publish/ledger-file.js';
import type { Counters, Reading } from '../redis/reading.js';
import { addedDifferences, type Differences, type Examples, firstOf } from './differences.js';
import type { LedgerResult } from './ledger-check.js';
import { type LaneLook, type Look, lastOf, lookAt, type Readable } from './look.js';
import { SpilledLedger } from './spilled-ledger.js';
import type { Steps } from './steps.js';

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
  /** A few message ids; if unknown, ids in the inbox (doubled) or in the stream (unexpected). */
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
    const look = await lookAt(group, { ledger, withSteps: steps, onProgress }).catch((error: unknown) => {
      if (!hasCode(error, 'STALE') || ++changes === MOST_CHANGES) throw error;
    });
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

function verificationOf({ lanes, steps }: Look, byLedger: LedgerResult | undefined): Verification {
  const readings = lanes.map(({ reading }) => reading);
  const sumOf = (numbers: readonly number[]) => numbers.reduce((sum, more) => sum + more, 0);
  const total = (count: (counters: Counters) => number) => sumOf(readings.map((one) => count(one.counters)));
  const byCounters = addedDifferences(
    lanes.map(({ counterCheck, reading }) => counterCheck.differences(reading)),
  );
  const outOfOrder = sumOf(lanes.map(({ orderCheck }) => orderCheck.outOfOrder));
  const larger = (key: keyof Differences) => Math.max(byCounters[key], byLedger?.[key] ?? 0);
  const [lost, doubled, unexpected] = [larger('lost'), larger('doubled'), larger('unexpected')];
  const { outputType, order } = lastOf(readings);
  return {
    relayed: total(({ relayed }) => relayed),
    processed: total(({ processed }) => processed),
    dead: total(({ dead }) => dead),
    backlog: sumOf(readings.map(({ backlog }) => backlog)),
    parked: sumOf(readings.map(({ parked }) => parked)),
    doubled,
    lost,
    lostInGaps: byLedger?.lostInGaps ?? 0,
    unexpected,
    // A message that no ledger lists may be another publisher's.
    ok: lost === 0 && doubled === 0 && byCounters.unexpected === 0 && outOfOrder === 0,
    outputType,
    order: order.kind,
    outOfOrder,
    trimmed: total(({ trimmed }) => trimmed),
    purged: total(({ purged }) => purged),
    taken: sumOf(lanes.map(({ counterCheck, reading }) => counterCheck.taken(reading))),
    gaps: total((counters) => counters.gaps),
    ledger: byLedger?.ids ?? null,
    untraceable: byLedger?.untraceable ?? 0,
    byCounters,
    byLedger: byLedger ? differencesOf(byLedger) : null,
    examples: {
      ...examplesOf(lanes, byLedger),
      outOfOrder: firstOf(lanes.map(({ orderCheck }) => orderCheck.examples)),
    },
    steps,
  };
}

function differencesOf({ lost, doubled, unexpected }: Differences): Differences {
  return { lost, doubled, unexpected };
}

/** Message ids, if there are any: they say more than ids of entries. */
function examplesOf(lanes: readonly LaneLook[], byLedger: LedgerResult | undefined): Examples {
  const of = (key: keyof Examples) =>
    byLedger?.examples[key].length
      ? byLedger.examples[key]
      : firstOf(lanes.map(({ counterCheck }) => counterCheck.examples[key]));
  return { lost: of('lost'), doubled: of('doubled'), unexpected: of('unexpected') };
}
