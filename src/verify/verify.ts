import { parseMessage } from '../core/message.js';
import { pause } from '../core/service.js';
import { compareIds, timeOfId } from '../core/stream-id.js';
import { readLedger } from '../publish/ledger-file.js';
import type { GapRecord, Inspector, Reading, StreamEntry } from '../redis/inspect.js';
import { CounterAccount, type StreamName } from './counter-check.js';
import type { Differences, Examples } from './differences.js';
import { LedgerAccount, type LedgerResult } from './ledger-check.js';

/** ms between two looks at a group that is still relaying what the ledger lists. */
const LOOK_EVERY = 500;
/** So many looks that find no more of it are enough. */
const LOOKS_IN_VAIN = 3;

/** What a group has done, held against its counters and against a ledger. Keys are added, never renamed. */
export interface Verification extends Differences {
  readonly relayed: number;
  readonly processed: number;
  readonly dead: number;
  /** Not settled yet: neither a failure nor a success. */
  readonly backlog: number;
  /** The part of `lost` that lies where a gap is recorded. Only a ledger can tell. */
  readonly lostInGaps: number;
  /** Nothing lost or doubled, and the streams hold no more than the group wrote. */
  readonly ok: boolean;
  /** Results that `outputMaxLen` has trimmed, and dead letters that were purged: they cannot be looked at. */
  readonly trimmed: number;
  readonly purged: number;
  /** Times during which messages may have been missed. */
  readonly gaps: number;
  /** Ids in the ledgers; null without one. */
  readonly ledger: number | null;
  /** Ids of the ledgers that were not found, but may have been trimmed or purged. */
  readonly untraceable: number;
  /** The two accounts. Each of the numbers above is the greater one of both. */
  readonly byCounters: Differences;
  readonly byLedger: Differences | null;
  /**
   * The first few: message ids; where there is none, ids in the inbox (doubled) or in the stream
   * (unexpected).
   */
  readonly examples: Examples;
}

export interface VerifyOptions {
  /** Files of message ids, as `publish` writes them; they are added up. */
  readonly ledgers?: readonly (string | URL)[];
  /** Gets how many entries are read, of how many. */
  readonly onProgress?: (read: number, total: number) => void;
}

/** What a verification asks of a group. */
export type Readable = Pick<Inspector, 'read' | 'output' | 'deadLetters' | 'inbox' | 'gaps'>;

/**
 * Holds the output and the dead letters of a group against its counters, and against ledgers. The group may
 * be running.
 *
 * @throws {CgroupError} NOT_FOUND for a ledger that cannot be read; KEY_TYPE, REDIS_REFUSED, REDIS_UNREACHABLE
 */
export async function verify(
  group: Readable,
  { ledgers = [], onProgress }: VerifyOptions = {},
): Promise<Verification> {
  const ledger = ledgers.length > 0 ? new LedgerAccount() : undefined;
  for (const path of ledgers) {
    ledger?.newFile();
    await readLedger(path, (id) => ledger?.list(id));
  }
  let [missing, inVain] = [Infinity, 0];
  for (;;) {
    const look = await lookAt(group, ledger, onProgress);
    // What a bridge has received and not relayed yet is nowhere to be seen. As long as messages come into the
    // inbox it may be among them, so we look again. (So are letters found that were sent back while we read.)
    inVain = ledger && ledger.missing < missing ? 0 : inVain + 1;
    missing = ledger?.missing ?? 0;
    if (missing === 0 || !look.moved || inVain === LOOKS_IN_VAIN) return verificationOf(look, ledger);
    await pause(LOOK_EVERY);
  }
}

interface Look {
  /** At the moment against which all is held. */
  readonly reading: Reading;
  readonly account: CounterAccount;
  readonly gaps: readonly GapRecord[];
  /** Results trimmed and dead letters purged until all was read. */
  readonly deleted: number;
  /** Whether messages came into the inbox meanwhile. */
  readonly moved: boolean;
}

/**
 * Reads everything once. With a ledger, the inbox is read before the end of the streams is fixed: a message
 * that is in the backlog at the moment of the first reading is then found, in the inbox or behind that moment
 * in a stream.
 */
async function lookAt(
  group: Readable,
  ledger: LedgerAccount | undefined,
  onProgress: VerifyOptions['onProgress'],
): Promise<Look> {
  const reading = await group.read();
  const account = new CounterAccount();
  ledger?.startOver();
  let read = 0;
  let total = reading.outputLength + reading.deadLength + (ledger ? reading.backlog : 0);
  const count = () => onProgress?.(++read, total);

  /** By inbox id, so that a message which is settled while we read is not found twice. */
  const unsettled = new Map<string, string>();
  let end = reading;
  if (ledger) {
    for await (const { id, fields } of group.inbox()) {
      const messageId = messageIdIn(fields.message);
      if (messageId !== undefined) unsettled.set(id, messageId);
      count();
    }
    end = await group.read();
    total = read + end.outputLength + end.deadLength;
  }

  const take = (stream: StreamName, entry: StreamEntry, last: string) => {
    const inboxId = inboxIdOf(stream, entry);
    if (inboxId !== undefined) unsettled.delete(inboxId);
    const then = last !== '' && compareIds(entry.id, last) <= 0;
    if (then) account.settled(stream, entry.id, inboxId);
    const messageId = ledger && messageIdOf(stream, entry);
    if (ledger && messageId !== undefined) {
      const relayedAt = inboxId === undefined ? undefined : timeOfId(inboxId);
      if (then) ledger.settled(messageId, relayedAt);
      else ledger.onTheWay(messageId, relayedAt);
    }
    count();
  };
  for await (const entry of group.output(end.lastOutput)) take('output', entry, reading.lastOutput);
  for await (const entry of group.deadLetters(end.lastDead)) take('dead', entry, reading.lastDead);
  for (const [inboxId, messageId] of unsettled) ledger?.onTheWay(messageId, timeOfId(inboxId));

  const after = ledger ? await group.read() : reading;
  return {
    reading,
    account,
    gaps: after.counters.gaps > 0 ? await group.gaps() : [],
    deleted: after.counters.trimmed + after.counters.purged,
    moved:
      after.counters.relayed !== reading.counters.relayed ||
      after.counters.revived !== reading.counters.revived,
  };
}

function verificationOf(
  { reading, account, gaps, deleted }: Look,
  ledger: LedgerAccount | undefined,
): Verification {
  const { relayed, processed, dead, trimmed, purged } = reading.counters;
  const byCounters = account.differences(reading);
  const byLedger = ledger?.result(gaps, deleted);
  const larger = (key: keyof Differences) => Math.max(byCounters[key], byLedger?.[key] ?? 0);
  const [lost, doubled, unexpected] = [larger('lost'), larger('doubled'), larger('unexpected')];
  return {
    relayed,
    processed,
    dead,
    backlog: reading.backlog,
    doubled,
    lost,
    lostInGaps: byLedger?.lostInGaps ?? 0,
    unexpected,
    // What no ledger lists may be another publisher's.
    ok: lost === 0 && doubled === 0 && byCounters.unexpected === 0,
    trimmed,
    purged,
    gaps: reading.counters.gaps,
    ledger: byLedger?.ids ?? null,
    untraceable: byLedger?.untraceable ?? 0,
    byCounters,
    byLedger: byLedger ? differencesOf(byLedger) : null,
    examples: examplesOf(account, byLedger),
  };
}

function differencesOf({ lost, doubled, unexpected }: Differences): Differences {
  return { lost, doubled, unexpected };
}

/** Message ids say more than ids of entries. */
function examplesOf(account: CounterAccount, byLedger: LedgerResult | undefined): Examples {
  const of = (key: keyof Examples) =>
    byLedger?.examples[key].length ? byLedger.examples[key] : account.examples[key];
  return { lost: of('lost'), doubled: of('doubled'), unexpected: of('unexpected') };
}

/** The inbox id that an entry of ours carries, undefined in an entry that is none of ours. */
function inboxIdOf(stream: StreamName, { fields }: StreamEntry): string | undefined {
  const inboxId = textOf(fields.inbox_id);
  const whole = stream === 'output' ? fields.message_id && fields.data : fields.message;
  return whole && inboxId !== undefined && /^\d+-\d+$/.test(inboxId) ? inboxId : undefined;
}

function messageIdOf(stream: StreamName, { fields }: StreamEntry): string | undefined {
  return stream === 'output' ? textOf(fields.message_id) : messageIdIn(fields.message);
}

function messageIdIn(message: Buffer | undefined): string | undefined {
  const parsed = message && parseMessage(message);
  return parsed?.valid ? parsed.messageId : undefined;
}

function textOf(bytes: Buffer | undefined): string | undefined {
  return bytes?.toString('utf8');
}
