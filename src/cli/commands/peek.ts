import { type Command, Option } from 'commander';
import { bytesText } from '../../core/words.js';
import { printable, printableJson, shortened } from '../../log/printable.js';
import type { ShownResult, ShownWaiting } from '../../observe/peek.js';
import { wholeNumber } from '../arguments.js';
import { GROUP_SETTINGS, type GroupSession, print, settingsCommand, withGroup } from '../command.js';
import { withFlags } from '../hints.js';
import { columns } from '../table.js';

/** Lines without --limit. */
const DEFAULT_LIMIT = 10;
/** Most lines: they are held in memory. */
const MOST = 1_000;
/** Most characters of a result, or of a message, where stdout is no terminal. */
const WIDTH = 120;
/** Least characters of it on a terminal that is too narrow. */
const LEAST_WIDTH = 20;

interface PeekFlags {
  readonly limit: number;
  readonly follow?: boolean;
  readonly waiting?: boolean;
  readonly json?: boolean;
}

export function peekCommand(): Command {
  return settingsCommand(
    'peek',
    'Shows the newest results, or the messages that wait. Nothing is taken away.',
    GROUP_SETTINGS,
    [
      ['cgroup peek', `the newest ${DEFAULT_LIMIT} results`],
      ['cgroup peek --follow', 'and those that come, until Ctrl-C'],
      ['cgroup peek --waiting', 'messages that are not settled, the oldest first'],
      ["cgroup peek --limit 100 --json | jq '.data'", 'one JSON object a line'],
    ],
  )
    .option('--limit <number>', `how many, at most ${MOST}`, wholeNumber(1, MOST), DEFAULT_LIMIT)
    .option('--follow', 'go on with each result that comes')
    .addOption(new Option('--waiting', 'show messages that are not settled').conflicts('follow'))
    .option('--json', 'print one JSON object a line')
    .action((flags: PeekFlags, command: Command) =>
      withGroup(command, (session) => (flags.waiting ? showWaiting : showResults)(session, flags)),
    );
}

async function showWaiting({ client }: GroupSession, { limit, json }: PeekFlags): Promise<void> {
  const { waitingMessages } = await import('../../observe/peek.js');
  const found: ShownWaiting[] = [];
  for await (const message of waitingMessages(client.inspector, limit)) found.push(message);
  if (json) for (const message of found) print(printableJson(jsonOf(message)));
  else print(found.length === 0 ? 'nothing waits: all messages are settled' : waitingText(found));
}

/** A message that is not UTF-8 is in base64, as in a dead letter. */
function jsonOf({ id, time, message }: ShownWaiting) {
  return typeof message === 'string'
    ? { id, time, message }
    : { id, time, message: null, message_base64: message.toString('base64') };
}

async function showResults({ client, log }: GroupSession, { limit, follow, json }: PeekFlags): Promise<void> {
  const { OutputTail } = await import('../../observe/peek.js');
  const tail = new OutputTail(client.inspector);
  const found = await tail.newest(limit);
  if (json) for (const result of found) print(printableJson(result));
  else
    print(found.length === 0 ? `no results yet: ${withFlags('cgroup status')} says why` : resultsText(found));
  if (!follow) return;
  const { followResults } = await import('../follow-results.js');
  await followResults(client, tail, {
    limit,
    log,
    show: (results) => print(json ? results.map((one) => printableJson(one)).join('\n') : rowsText(results)),
  });
}

/** A table of results, with a head. */
export function resultsText(results: readonly ShownResult[], width = widthLeft()): string {
  return columns([['time', 'consumer', 'message id', 'result'], ...results.map((one) => rowOf(one, width))]);
}

/** More rows of such a table. */
function rowsText(results: readonly ShownResult[]): string {
  return columns(results.map((one) => rowOf(one, widthLeft())));
}

function rowOf({ time, consumerId, messageId, data }: ShownResult, width: number): string[] {
  return [
    time ?? '',
    printable(consumerId),
    shortened(messageId, ID_WIDTH),
    shortened(printableJson(data), width),
  ];
}

/** Most characters of a message id in a table: a UUID fits. */
const ID_WIDTH = 36;
/** Characters of a row in front of the result. */
const BEFORE_RESULT = 96;

export function waitingText(messages: readonly ShownWaiting[], width = widthLeft()): string {
  const rows = messages.map(({ id, time, message }) => [
    time ?? '',
    id ?? 'held: behind its key',
    shortened(typeof message === 'string' ? message : `${bytesText(message.length)}, not UTF-8`, width),
  ]);
  return columns([['relayed', 'id', 'message'], ...rows]);
}

function widthLeft(): number {
  const { columns: terminal } = process.stdout;
  return terminal === undefined ? WIDTH : Math.max(LEAST_WIDTH, terminal - BEFORE_RESULT);
}
