import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { messageOf } from '../core/errors.js';
import { pause } from '../core/service.js';
import { type Source, type SourceNames, sourceOf } from '../core/source.js';
import { listenTo } from '../core/subscriber.js';
import { plural } from '../core/words.js';
import { type Logger, silentLogger } from '../log/logger.js';
import type { Connection } from '../redis/protocol/connection.js';
import { Connections } from '../redis/protocol/connections.js';
import { ifAllowed, isAway, refusedAs } from '../redis/protocol/failure.js';
import type { PlaceOptions } from '../redis/protocol/place.js';
import { publishBatch } from '../redis/scripts/group.js';
import { publishToList, publishToStream } from '../redis/scripts/source.js';
import { readServer } from '../redis/server.js';
import { refuseSharded } from '../redis/server-checks.js';
import { carryOut, type Publishing } from './carry-out.js';
import { messageGenerator, withinBytes } from './generated-messages.js';
import { GivenMessages } from './given-messages.js';
import { LedgerFile } from './ledger-file.js';
import { LedgerRecorder } from './ledger-recorder.js';
import type { Plan } from './pacing.js';
import { PushedLedger } from './pushed-ledger.js';

/** Bytes that the ledger's subscriber may lag behind: Redis disconnects one that is 8 MB behind for a minute. */
const AWAITED_BYTES = 4_000_000;

export interface PublishOptions extends SourceNames, PlaceOptions {
  readonly plan: Plan;
  /** Size of each generated message; the smallest possible size if undefined or too small. */
  readonly bytes?: number | undefined;
  /** Publishes these in place of generated ones: texts, or the lines of a stream. The plan then has no `count`. */
  readonly messages?: readonly string[] | Readable | undefined;
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

/**
 * Publishes generated messages, or given ones. The subscriber of a ledger is subscribed before the first message, and has received
 * all when this returns.
 *
 * With Sentinels or a Cluster, and no ledger, it goes on at another master: what was under way is not published again.
 *
 * @throws {CgroupError} NOT_FOUND (the ledger cannot be written, or the stream of messages not read), WRONG_MESSAGE (a given message that
 *   cannot be published), REDIS_UNREACHABLE (after 5 s), REDIS_AUTH,
 *   REDIS_REFUSED, OUTCOME_UNKNOWN (a connection ended half-way; the error says how many messages were published)
 */
export async function publish(options: PublishOptions): Promise<Published> {
  const { bytes, messages, ledger, signal, onProgress, logger = silentLogger } = options;
  const source = sourceOf(options);
  const given = messages && new GivenMessages(messages, ledger !== undefined, signal);
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
    const send = sender(writer, source, recorder !== undefined, pushed);
    const { tally, seconds } = await carryOut({
      plan: given ? options.plan : withinBytes(options.plan, size),
      take: (most) => given?.take(most) ?? Array.from({ length: most }, next),
      publish: send,
      // A ledger would lack what may have been published.
      recover: writer.isPlain || file ? undefined : (error) => recovered(writer, send, error, logger, signal),
      recorder: recorder ?? pushed,
      // A given message may be of any size: one batch after the other.
      mostAwaited: given ? 0 : Math.max(1, Math.floor(AWAITED_BYTES / size)),
      signal,
      onProgress,
    });
    if (recorder && recorder.unlisted > 0)
      logger.warn(
        { unlisted: recorder.unlisted },
        `${plural(recorder.unlisted, 'message of others is', 'messages of others are')} not in the ledger: ` +
          'without a message_id, or one with a line break',
      );
    if (given && given.invalid > 0)
      logger.warn(
        { invalid: given.invalid },
        `${plural(given.invalid, 'message is', 'messages are')} no JSON object with a message_id: a group makes dead letters of them`,
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
    given?.close();
    connections.close();
    await file?.close();
  }
}

/** ms to wait for another master. */
const FAIL_OVER = 30_000;
/** ms between two looks whether a Cluster is up again. */
const LOOK_EVERY = 250;

/** Waits for another master after an error; resolves to whether there is one. */
async function recovered(
  writer: Connection,
  send: Publishing['publish'],
  error: unknown,
  log: Logger,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  if (!isAway(error)) return false;
  const giveUp = AbortSignal.timeout(FAIL_OVER);
  const ended = signal ? AbortSignal.any([signal, giveUp]) : giveUp;
  if (!writer.isReady) await once(writer, 'ready', { signal: ended }).catch(() => {});
  if (!writer.isReady) return false;
  if (refusedAs(error, 'CLUSTERDOWN')) {
    log.warn({ error }, `${messageOf(error)}; waits for it, for ${FAIL_OVER / 1_000} s at most`);
    if (!(await isUpAgain(send, ended))) return false;
  }
  log.warn({ error }, `${messageOf(error)}; publishing goes on`);
  return true;
}

/** Waits until a Cluster takes a batch, an empty one; resolves to whether it does. */
async function isUpAgain(send: Publishing['publish'], ended: AbortSignal): Promise<boolean> {
  while (!ended.aborted) {
    try {
      await send([]);
      return true;
    } catch (error) {
      if (!isAway(error)) return false;
      await pause(LOOK_EVERY, ended);
    }
  }
  return false;
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
