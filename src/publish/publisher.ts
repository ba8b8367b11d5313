import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { performance } from 'node:perf_hooks';
import { CgroupError, hasCode, messageOf } from '../core/errors.js';
import { pause } from '../core/service.js';
import { type Source, type SourceNames, sourceOf } from '../core/source.js';
import { listenTo } from '../core/subscriber.js';
import { plural } from '../core/words.js';
import { type Logger, silentLogger } from '../log/logger.js';
import type { Connection } from '../redis/protocol/connection.js';
import { Connections } from '../redis/protocol/connections.js';
import { ifAllowed, refusedAs } from '../redis/protocol/failure.js';
import type { PlaceOptions } from '../redis/protocol/place.js';
import { publishBatch, type Receivers } from '../redis/scripts/group.js';
import { publishToList, publishToStream } from '../redis/scripts/source.js';
import { readServer } from '../redis/server.js';
import { refuseSharded } from '../redis/server-checks.js';
import { LedgerFile } from './ledger-file.js';
import { LedgerRecorder } from './ledger-recorder.js';
import { nextStep, type Plan } from './pacing.js';
import { PushedLedger } from './pushed-ledger.js';

/** Batches under way at a time: enough to keep Redis busy. */
const MOST_IN_FLIGHT = 3;
/** Bytes of a batch, about: Redis serves no other client while it publishes one. */
const BATCH_BYTES = 1_000_000;
/** Bytes that the ledger's subscriber may lag behind: Redis disconnects one that is 8 MB behind for a minute. */
const AWAITED_BYTES = 4_000_000;

export interface PublishOptions extends SourceNames, PlaceOptions {
  readonly plan: Plan;
  /** Size of each message; the smallest possible size if undefined or too small. */
  readonly bytes?: number | undefined;
  /**
   * The file for the ids that a subscriber of the channel receives meanwhile, in the order of the channel. Of a list or a stream:
   * for our own ids, in their order there.
   */
  readonly ledger?: string | undefined;
  /** Ends the publishing early. */
  readonly signal?: AbortSignal | undefined;
  readonly logger?: Logger;
  /** Called after each batch with the number of messages published so far. */
  readonly onProgress?: (published: number) => void;
}

/** How much was published, and how many received it. */
export interface Published {
  readonly published: number;
  /** From the first message to the last reply. */
  readonly seconds: number;
  /** Messages per second. */
  readonly rate: number;
  /** The fewest and the most subscribers that received a message, our own not counted; null for a list or a stream. */
  readonly receivers: { readonly min: number; readonly max: number } | null;
  /** Messages that no subscriber received. */
  readonly unheard: number;
  /** Messages that may or may not have been published, because the connection was lost: beside `published`. */
  readonly unsure: number;
  /** The path of the ledger. */
  readonly ledger: string | null;
  /** Ids in the ledger, those of other publishers included; null without one. */
  readonly listed: number | null;
}

/** A generated message: its id and its JSON. */
export interface GeneratedMessage {
  readonly id: string;
  readonly text: string;
}

/**
 * Generates messages of one size: `{"message_id":"…"}`, padded.
 *
 * @param bytes the size; the smallest possible one if undefined or too small
 */
export function messageGenerator(
  bytes: number | undefined,
  makeId: () => string = randomUUID,
): () => GeneratedMessage {
  const head = '{"message_id":"';
  const room = Math.max(0, (bytes ?? 0) - Buffer.byteLength(`${head}${makeId()}"}`));
  const property = ',"padding":""';
  // Spaces, if there is no room for a property.
  const padding =
    room < property.length
      ? ' '.repeat(room)
      : property.replace('""', `"${'x'.repeat(room - property.length)}"`);
  const tail = `"${padding}}`;
  return () => {
    const id = makeId();
    return { id, text: head + id + tail };
  };
}

/** The plan, its batch limited so that it is not too large in bytes. */
export function withinBytes(plan: Plan, bytes: number): Plan {
  return { ...plan, batch: Math.max(1, Math.min(plan.batch, Math.floor(BATCH_BYTES / bytes))) };
}

/** Adds up the receivers of all batches. */
export class Tally {
  published = 0;
  unheard = 0;
  unsure = 0;
  #least = Infinity;
  #most = 0;

  add(messages: number, { least, most, unheard }: Receivers): void {
    this.published += messages;
    this.unheard += unheard;
    this.#least = Math.min(this.#least, least);
    this.#most = Math.max(this.#most, most);
  }

  get receivers(): { min: number; max: number } {
    return { min: this.published === 0 ? 0 : this.#least, max: this.#most };
  }
}

/** What {@link carryOut} needs. */
export interface Publishing {
  readonly plan: Plan;
  readonly next: () => GeneratedMessage;
  readonly publish: (messages: readonly string[]) => Promise<Receivers>;
  /** Waits until publishing works again after an error of `publish`; resolves to whether to go on. Without it, it ends. */
  readonly recover?: ((error: unknown) => Promise<boolean>) | undefined;
  /** `expect` is called for each message of a batch before it is published, `until` after it. */
  readonly recorder?: Pick<LedgerRecorder, 'expect' | 'until'> | undefined;
  /** Messages that the recorder may lag behind. */
  readonly mostAwaited: number;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((published: number) => void) | undefined;
}

/**
 * Carries out a plan, with a few batches under way at a time, and not far ahead of the recorder. Returns when all
 * messages that were sent are published and recorded.
 *
 * @throws {CgroupError} the error of `publish` or of the recorder, with the number of published messages
 */
export async function carryOut(publishing: Publishing): Promise<{ tally: Tally; seconds: number }> {
  const { plan, next, publish, recover, recorder, mostAwaited, signal, onProgress } = publishing;
  const tally = new Tally();
  const flying = new Set<Promise<void>>();
  const started = performance.now();
  let sent = 0;
  let failure: { error: unknown } | undefined;
  let recovering: Promise<void> | undefined;

  /** One of several batches that fail together waits for all. */
  const failed = async (error: unknown) => {
    if (!failure && !(await recover?.(error))) failure = { error };
    recovering = undefined;
  };

  const send = (messages: readonly string[]) => {
    const flight = publish(messages)
      .then((receivers) => {
        tally.add(messages.length, receivers);
        onProgress?.(tally.published);
      })
      .catch((error: unknown) => {
        tally.unsure += messages.length;
        recovering ??= failed(error);
        return recovering;
      })
      .finally(() => flying.delete(flight));
    flying.add(flight);
    sent += messages.length;
  };

  try {
    while (!signal?.aborted && !failure) {
      if (recovering) {
        await recovering;
        continue;
      }
      const step = nextStep(plan, sent, performance.now() - started);
      if (step.kind === 'done') break;
      if (step.kind === 'wait') {
        await pause(step.ms, signal);
        continue;
      }
      const batch = Array.from({ length: step.messages }, next);
      if (recorder) for (const { id } of batch) recorder.expect(id);
      send(batch.map(({ text }) => text));
      if (flying.size >= MOST_IN_FLIGHT) await Promise.race(flying);
      if (!failure) await recorder?.until(mostAwaited);
    }
    await Promise.all(flying);
    if (failure) throw failure.error;
    const seconds = Math.round(performance.now() - started) / 1_000;
    await recorder?.until(0);
    return { tally, seconds };
  } catch (error) {
    await Promise.all(flying);
    throw unfinished(error, tally.published, sent - tally.published);
  }
}

/**
 * Publishes generated messages. The subscriber of a ledger is subscribed before the first message, and has received
 * all when this returns.
 *
 * With Sentinels or a Cluster, and no ledger, it goes on at another master: what was under way is not published again.
 *
 * @throws {CgroupError} NOT_FOUND (the ledger cannot be written), REDIS_UNREACHABLE (after 5 s), REDIS_AUTH,
 *   REDIS_REFUSED, OUTCOME_UNKNOWN (a connection ended half-way; the error says how many messages were published)
 */
export async function publish(options: PublishOptions): Promise<Published> {
  const { bytes, ledger, signal, onProgress, logger = silentLogger } = options;
  const source = sourceOf(options);
  const next = messageGenerator(bytes);
  const size = Buffer.byteLength(next().text);
  // On a Cluster, where the list or stream is, or where the bridges are: a node counts its own subscribers only.
  const connections = new Connections(() => options, logger, { oneShot: true });
  const isElsewhere = source.kind !== 'channel' || source.sharded;
  const open = (role: string) => connections.open(role, isElsewhere ? source.name : undefined);
  let file: LedgerFile | undefined;
  let recorder: LedgerRecorder | undefined;
  let pushed: PushedLedger | undefined;
  try {
    const writer = await open('publisher');
    if (source.kind === 'channel' && source.sharded) await refuseOlder(writer);
    if (ledger !== undefined) {
      const opened = await LedgerFile.open(ledger);
      file = opened;
      if (source.kind !== 'channel') pushed = new PushedLedger((id) => opened.add(id));
      else {
        const recording = new LedgerRecorder((id) => opened.add(id));
        recorder = recording;
        await listenTo(
          await open('ledger'),
          source.name,
          (message) => recording.receive(message),
          () => recording.lose(),
          source.sharded,
        );
      }
    }
    const { tally, seconds } = await carryOut({
      plan: withinBytes(options.plan, size),
      next,
      publish: sender(writer, source, recorder !== undefined, pushed),
      // A ledger would lack what may have been published.
      recover: writer.isPlain || file ? undefined : (error) => recovered(writer, error, logger, signal),
      recorder: recorder ?? pushed,
      mostAwaited: Math.max(1, Math.floor(AWAITED_BYTES / size)),
      signal,
      onProgress,
    });
    if (recorder && recorder.unlisted > 0)
      logger.warn(
        { unlisted: recorder.unlisted },
        `${plural(recorder.unlisted, 'message of others is', 'messages of others are')} not in the ledger: ` +
          'without a message_id, or one with a line break',
      );
    const { published, unheard, unsure, receivers } = tally;
    const rate = seconds > 0 ? Math.round(published / seconds) : 0;
    return {
      published,
      seconds,
      rate,
      receivers: source.kind === 'channel' ? receivers : null,
      unheard,
      unsure,
      ledger: ledger ?? null,
      listed: file?.ids ?? null,
    };
  } finally {
    connections.close();
    await file?.close();
  }
}

/** ms to wait for another master. */
const FAIL_OVER = 30_000;

/** Waits for another master after an error; resolves to whether there is one. */
async function recovered(
  writer: Connection,
  error: unknown,
  log: Logger,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const isAway =
    hasCode(error, 'OUTCOME_UNKNOWN') || refusedAs(error, 'READONLY', 'MOVED', 'CLUSTERDOWN', 'LOADING');
  if (!isAway) return false;
  const giveUp = AbortSignal.timeout(FAIL_OVER);
  const ended = signal ? AbortSignal.any([signal, giveUp]) : giveUp;
  if (!writer.isReady) await once(writer, 'ready', { signal: ended }).catch(() => {});
  if (!writer.isReady) return false;
  log.warn({ error }, `${messageOf(error)}; publishing goes on`);
  return true;
}

/** @throws {CgroupError} REDIS_VERSION if Redis has no sharded channels */
async function refuseOlder(writer: Connection): Promise<void> {
  const server = await ifAllowed(() => readServer(writer));
  if (server) refuseSharded(server);
}

/** How a batch is sent, by the source. */
function sender(
  writer: Connection,
  source: Source,
  hasSubscriber: boolean,
  ledger: PushedLedger | undefined,
): Publishing['publish'] {
  const { kind, name } = source;
  if (kind === 'channel') {
    const { sharded } = source;
    return (messages) =>
      writer.run(publishBatch, {}, { channel: name, sharded, own: hasSubscriber ? 1 : 0, messages });
  }
  const keys = { source: name };
  return async (messages) => {
    let appended = false;
    try {
      // Taken from the right: appended to the left.
      if (kind === 'list')
        await writer.run(publishToList, keys, { toLeft: source.from === 'right', messages });
      else await writer.run(publishToStream, keys, { messages });
      appended = true;
    } finally {
      ledger?.answered(messages.length, appended);
    }
    return { least: 0, most: 0, unheard: 0 };
  };
}

/** The error with the number of messages that were published. */
function unfinished(error: unknown, published: number, unsure: number): CgroupError {
  const code = error instanceof CgroupError ? error.code : 'INTERNAL';
  const more = unsure > 0 ? `, ${unsure} more may or may not have been` : '';
  return new CgroupError(
    code,
    `${messageOf(error)}; ${plural(published, 'message was', 'messages were')} published for sure${more}`,
    {
      cause: error,
    },
  );
}
