import type { Command } from 'commander';
import { isPartial } from '../../core/away-lanes.js';
import { plural } from '../../core/words.js';
import { printableJson, shortened } from '../../log/printable.js';
import type { GroupStatus } from '../../observe/status.js';
import { formatDuration } from '../../settings/durations.js';
import { GROUP_SETTINGS, print, settingsCommand, withGroup } from '../command.js';
import {
  controlText,
  isControlled,
  processTable,
  stalledText,
  startCommandOf,
  workersText,
} from '../control/text.js';
import { withFlags } from '../hints.js';
import { KEY_HEADS, keyRows, orderText, stuckText } from '../order-text.js';
import { columns } from '../table.js';
import { verdictNow, verdictText } from '../verdict-text.js';

/** Exit code if lanes are away: the numbers are not those of the whole group. */
const NOT_ALL_READ = 1;
/** Halted messages in the table, and characters of a key. */
const HALTS_SHOWN = 10;
const KEY_WIDTH = 40;

export function statusCommand(): Command {
  return settingsCommand(
    'status',
    'Shows who leads, who works, what is left and what died.',
    GROUP_SETTINGS,
    [
      ['cgroup status', 'a table to read at a glance'],
      ['cgroup status --json | jq .backlog', 'for scripts'],
      ['cgroup top', 'the same, live'],
    ],
  )
    .option('--json', 'print one JSON object')
    .action(async (options: { json?: boolean }, command: Command) =>
      withGroup(command, async ({ client }) => {
        const status = await client.status();
        const verdict = await verdictNow(client, status);
        print(
          options.json
            ? printableJson({ ...status, verdict }, 2)
            : `${verdictText(verdict)}\n\n${statusText(status)}`,
        );
        if (isPartial(status)) process.exitCode = NOT_ALL_READ;
      }),
    );
}

function sourceLine({ name, waiting }: GroupStatus['source']): string {
  return waiting === null ? name : `${name} (${plural(waiting, 'message waits', 'messages wait')} in it)`;
}

/** Who relays: the leading bridge, or all that pull. */
function relayingRow(status: GroupStatus): [name: string, text: string] {
  const { source, leader, processes } = status;
  if (source.kind === 'channel')
    return ['leader', leader ?? `none: nothing is relayed (${startCommandOf(status)})`];
  const ids = processes.flatMap(({ id, pulls }) => (pulls ? [id] : []));
  const none = `none: nothing is taken from the ${source.kind} (${startCommandOf(status)})`;
  return ['taken by', ids.length > 0 ? ids.join(', ') : none];
}

/** What waits for halted messages, and what to type. */
function haltedText({ haltedCount, halted }: GroupStatus): string {
  const shown = halted.slice(0, HALTS_SHOWN);
  const rows = shown.map(({ deadId, inboxId, key }) => [
    deadId === '' ? 'tried again' : deadId,
    inboxId,
    key === null ? 'all later results' : `the key ${shortened(key, KEY_WIDTH)}`,
  ]);
  const more = haltedCount > shown.length ? [`${haltedCount - shown.length} more`] : [];
  return [
    columns([['halted: dead letter', 'inbox id', 'waits for it'], ...rows]),
    ...more,
    withFlags('fix the cause, then: cgroup dead retry ID; to go on without the message: cgroup dead skip ID'),
  ].join('\n');
}

function lanesTable(lanes: NonNullable<GroupStatus['lanes']>): string {
  return columns([
    ['lane', 'node', 'relayed', 'processed', 'dead', 'backlog', 'lag'],
    ...lanes.map(({ output, node, relayed, processed, dead, backlog, lagMs }) => [
      output,
      node ?? 'away',
      ...[relayed, processed, dead, backlog].map((count) => String(count ?? '?')),
      lagMs === null ? '?' : backlog === 0 ? 'none' : formatDuration(lagMs),
    ]),
  ]);
}

/** The status as tables and sentences. */
export function statusText(status: GroupStatus): string {
  const { counters, backlog, consumers, bridges, gaps, awayLanes = [] } = status;
  const held = status.held > 0 ? `, ${status.held} behind others of their key` : '';
  const followers = bridges.filter(({ leads }) => !leads).map(({ id }) => id);
  const { relayed, processed, dead, failed, retried } = counters;
  const lacking = workersText(status);
  const order = orderText(status.order);
  const stuck = stuckText(status.order);
  const numbers = { relayed, processed, dead, 'failed attempts': failed, retried, gaps: counters.gaps };
  const parts = [
    columns([
      [status.source.kind, sourceLine(status.source)],
      ['output', status.output],
      ...(status.master === null ? [] : [['master', status.master]]),
      relayingRow(status),
      ...(followers.length > 0 ? [['followers', followers.join(', ')]] : []),
      ...(awayLanes.length > 0 ? [['away', `${awayLanes.join(', ')}: not in the numbers below`]] : []),
      [
        'backlog',
        `${backlog} (${status.waiting} waiting, ${status.pending} pending, ${status.retrying} retrying${held})`,
      ],
      [
        'lag',
        backlog === 0
          ? 'none'
          : `${formatDuration(status.lagMs)} (age of the oldest message that waits or is in work)`,
      ],
      ...(order === undefined ? [] : [['order', order]]),
      ...(isControlled(status) ? [['control', controlText(status.control)]] : []),
    ]),
    columns([Object.keys(numbers), Object.values(numbers).map(String)]),
    ...(status.lanes ? [lanesTable(status.lanes)] : []),
    ...(status.processes.length > 0 ? [processTable(status.processes)] : []),
    ...(lacking === undefined || consumers.length === 0 ? [] : [lacking]),
    consumers.length === 0
      ? (lacking ?? `no consumers: nothing is processed (${startCommandOf(status)})`)
      : columns([
          ['consumer', 'host', 'pid', 'pending', 'processed'],
          ...consumers.map(({ id, host, pid, pending, processed }) => [
            id,
            host,
            ...[pid, pending, processed].map(String),
          ]),
        ]),
  ];
  if (status.order.hottest.length > 0)
    parts.push(columns([['hottest key', ...KEY_HEADS], ...keyRows(status.order)]));
  if (stuck !== undefined) parts.push(stuck);
  if (status.haltedCount > 0) parts.push(haltedText(status));
  const stalled = stalledText(status);
  if (stalled !== undefined) parts.push(stalled);
  if (counters.lost > 0)
    parts.push(`lost: another program deleted ${plural(counters.lost, 'message')} from the inbox`);
  if (status.foreign.length > 0)
    parts.push(
      `foreign: ${plural(status.foreign.length, 'value')} of another program in the keys of the group, passed over; ${withFlags('cgroup doctor')} names them`,
    );
  if (counters.foreignRetries > 0)
    parts.push(
      `foreign: ${plural(counters.foreignRetries, 'member')} removed from the retry zset, written by another program`,
    );
  if (counters.foreignHalts > 0)
    parts.push(
      `foreign: ${plural(counters.foreignHalts, 'member')} removed that halted the order for nothing: another program wrote them, or ` +
        'deleted a message while it was tried again',
    );
  if (counters.freed > 0)
    parts.push(
      `freed: ${plural(counters.freed, 'key')} went on whose message another program had deleted from the inbox`,
    );
  if (counters.foreignHeld > 0)
    parts.push(
      `foreign: ${plural(counters.foreignHeld, 'member')} removed from the held messages, written by another program`,
    );
  if (counters.foreignParked > 0)
    parts.push(
      `foreign: ${plural(counters.foreignParked, 'member')} removed from the parked zset, written by another program`,
    );
  if (counters.strays > 0)
    parts.push(
      `strays: another program took ${plural(counters.strays, 'message')} from the pending entries (XACK, XGROUP); ` +
        'the group processes them all the same',
    );
  if (counters.dropped > 0)
    parts.push(
      `dropped: ${plural(counters.dropped, 'message')}, because the buffer of a bridge was full (bufferLimit)`,
    );
  if (gaps.length > 0)
    parts.push(
      columns([
        ['gap from', 'to', 'messages may have been missed, because'],
        ...gaps.map((g) => [g.from, g.to, g.reason]),
      ]),
    );
  if (counters.dead > 0) {
    const next = status.deadLetters > 0 ? withFlags('; cgroup dead list shows them') : '';
    const gone = `${counters.purged} purged, ${counters.revived} sent back`;
    parts.push(`dead letters kept: ${status.deadLetters} (${gone})${next}`);
  }
  return parts.join('\n\n');
}
