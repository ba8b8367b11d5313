import { createReadStream } from 'node:fs';
import { type Command, Option } from 'commander';
import { type Source, sourceOf, sourceText } from '../../core/source.js';
import { numberText, plural, rateText } from '../../core/words.js';
import { processName } from '../../log/logger.js';
import { printableJson } from '../../log/printable.js';
import type { Plan } from '../../publish/pacing.js';
import type { Published } from '../../publish/publisher.js';
import { MAX_MESSAGE_BYTES } from '../../publish/sizes.js';
import { patternHint } from '../../settings/channels.js';
import { durationArgument, wholeNumber } from '../arguments.js';
import { print, settingsCommand, settingsOf } from '../command.js';
import { withFlags } from '../hints.js';
import { withProgress } from '../progress.js';
import { REDIS_ACCESS } from '../settings/flags.js';
import { INTERRUPTED_CODE, untilSignal } from '../signals.js';

/** Messages to publish without --count and --duration. */
const DEFAULT_COUNT = 1_000;
const DEFAULT_BATCH = 1_000;
const MAX_BATCH = 10_000;
/** Bytes of a message that is nothing but its id. */
const LEAST_BYTES = 53;

/** Flags of generated messages only. */
const GENERATED_ONLY = ['count', 'bytes', 'duration'];

interface PublishFlags {
  readonly count?: number;
  readonly rate?: number;
  /** ms */
  readonly duration?: number;
  readonly batch: number;
  readonly bytes?: number;
  readonly message?: readonly string[];
  readonly file?: string;
  readonly ledger?: string;
  readonly json?: boolean;
}

export function publishCommand(): Command {
  return settingsCommand(
    'publish',
    'Publishes messages to the channel, list or stream: yours, or generated ones: {"message_id":"<uuid>"}.',
    [...REDIS_ACCESS, 'channel', 'sharded', 'list', 'listFrom', 'stream', 'logLevel', 'logFormat'],
    [
      ['cgroup publish --count 300000', 'as fast as Redis accepts them'],
      ['cgroup publish --rate 5000 --duration 1m', 'a steady 5000 messages per second'],
      ['cgroup publish --count 100000 --ledger ids.txt', 'then: cgroup verify --ledger ids.txt'],
      [`cgroup publish --message '{"message_id":"a1","n":1}'`, 'one of your own; give it again for more'],
      ['cgroup publish --file messages.jsonl', 'each line is a message; - reads stdin'],
      ['cgroup publish --list orders --count 1000', 'RPUSH; with --list-from right: LPUSH'],
      ['cgroup publish --stream events', 'XADD, in the field message'],
    ],
  )
    .option(
      '--count <number>',
      `how many messages (default: ${DEFAULT_COUNT}, or without limit with --duration)`,
      wholeNumber(1),
    )
    .option('--rate <number>', 'messages per second (default: as fast as possible)', wholeNumber(1))
    .option('--duration <duration>', 'how long: 250ms, 10s, 2m', durationArgument)
    .option('--batch <number>', 'most messages in one command', wholeNumber(1, MAX_BATCH), DEFAULT_BATCH)
    .option(
      '--bytes <number>',
      `size of each message (default: ${LEAST_BYTES}, which is also the least)`,
      wholeNumber(LEAST_BYTES, MAX_MESSAGE_BYTES),
    )
    .option(
      '--ledger <file>',
      'write the ids that a subscriber of the channel receives to this file, one a line; of a list or stream: those appended',
    )
    .addOption(
      new Option('--message <text>', 'publish this message; may be given several times')
        .argParser((text: string, before: readonly string[] = []) => [...before, text])
        .conflicts(['file', ...GENERATED_ONLY]),
    )
    .addOption(
      new Option(
        '--file <file>',
        'publish the lines of this file, each as a message; - for stdin; blank lines are left out',
      ).conflicts(['message', ...GENERATED_ONLY]),
    )
    .option('--json', 'print one JSON object')
    .action((flags: PublishFlags, command: Command) => run(flags, command));
}

async function run(flags: PublishFlags, command: Command): Promise<void> {
  const [{ settings }, { publish }, { makeLogger }] = await Promise.all([
    settingsOf(command),
    import('../../publish/publisher.js'),
    import('../logger.js'),
  ]);
  const { channel } = settings;
  const source = sourceOf(settings);
  const log = makeLogger(settings).child({ process: processName(), [source.kind]: source.name });
  const hint = source.kind === 'channel' ? patternHint(source.name) : undefined;
  if (hint) log.warn({}, hint);
  const { rate, duration, batch, bytes, message, file, ledger } = flags;
  const messages = file === undefined ? message : file === '-' ? process.stdin : createReadStream(file);
  const count = flags.count ?? (messages || duration !== undefined ? undefined : DEFAULT_COUNT);
  const plan = { count, rate, duration, batch };
  const ending = new AbortController();
  void untilSignal((name) => ending.abort(name));
  const shown = { total: message?.length ?? expected(plan), unit: 'messages', label: 'publishing' };
  const result = await withProgress(shown, (onProgress) =>
    publish({
      ...settings,
      plan,
      bytes,
      messages,
      ledger,
      signal: ending.signal,
      logger: log,
      onProgress,
    }),
  );
  if (result.unheard > 0)
    log.warn(
      { unheard: result.unheard },
      `no subscriber received ${numberText(result.unheard)} of ${plural(result.published, 'message')}; they are gone: ` +
        `is a group running on the channel ${channel}? ` +
        `Start one first (${withFlags('cgroup start')}), or check --channel and --redis`,
    );
  print(flags.json ? printableJson(result) : publishedText(result, source));
  if (!ending.signal.aborted) return;
  const wanted = shown.total === undefined ? '' : ` of ${numberText(shown.total)}`;
  log.warn({}, `ended by ${ending.signal.reason} after ${numberText(result.published)}${wanted} messages`);
  process.exitCode = INTERRUPTED_CODE;
}

function expected({ count, rate, duration }: Plan): number | undefined {
  if (rate === undefined || duration === undefined) return count;
  return Math.min(count ?? Infinity, Math.ceil((rate * duration) / 1_000));
}

/** The result of publishing in a line. */
export function publishedText(result: Published, source: Source): string {
  const { published, seconds, rate, receivers, unheard, unsure, ledger, listed } = result;
  const sent = `published ${plural(published, 'message')} in ${seconds.toFixed(seconds < 1 ? 3 : 1)} s (${rateText(rate)})`;
  const to = ledger === null ? '' : `; ${plural(listed ?? 0, 'id')} in ${ledger}`;
  const where = receivers ? receivedText(published, receivers, unheard) : ` to ${sourceText(source)}`;
  const lost =
    unsure === 0 ? '' : `; ${numberText(unsure)} more may or may not have been: the connection was lost`;
  return `${sent}${where}${to}${lost}`;
}

function receivedText(
  published: number,
  { min, max }: NonNullable<Published['receivers']>,
  unheard: number,
): string {
  if (published === 0) return '';
  if (max === 0) return ', received by no subscriber';
  if (unheard > 0) return `, ${numberText(unheard)} of them received by no subscriber`;
  return `, received by ${min === max ? '' : 'at least '}${plural(min, 'subscriber')} each`;
}
