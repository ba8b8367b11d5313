import type { Command } from 'commander';
import { isPartial } from '../../core/away-lanes.js';
import { numberText, plural } from '../../core/words.js';
import { printableJson, shortened } from '../../log/printable.js';
import type { GroupStatus } from '../../observe/status.js';
import type { GroupVerdict } from '../../observe/verdict-input.js';
import { GROUP_SETTINGS, print, settingsCommand, withGroup } from '../command.js';
import {
  controlText,
  isControlled,
  processTable,
  stalledText,
  startCommandOf,
  workersText,
} from '../control/text.js';
import { type Display, displayOf, PLAIN, type TextTone } from '../display.js';
import { withFlags } from '../hints.js';
import { nextText } from '../next-command.js';
import { KEY_HEADS, keyRows, orderText, stuckText } from '../order-text.js';
import { type Cell, facts, table } from '../table.js';
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
          options.json ? printableJson({ ...status, verdict }, 2) : shownText(status, verdict, displayOf()),
        );
        if (isPartial(status)) process.exitCode = NOT_ALL_READ;
      }),
    );
}

/** All of it. On a terminal its last line says what to type next. */
function shownText(status: GroupStatus, verdict: GroupVerdict, display: Display): string {
  const next = process.stdout.isTTY ? [display.paint('dim', nextText(verdict, status))] : [];
  return [verdictText(verdict, display), statusText(status, display), ...next].join('\n\n');
}

function sourceLine({ name, waiting }: GroupStatus['source']): string {
  return waiting === null ? name : `${name} (${plural(waiting, 'message waits', 'messages wait')} in it)`;
}

/** Who relays: the leading bridge, or all that pull. */
function relayingRow(status: GroupStatus): [name: string, text: Cell] {
  const { source, leader, processes } = status;
  const bad = (text: string): Cell => ({ text, tone: 'bad' });
  if (source.kind === 'channel')
    return ['leader', leader ?? bad(`none: nothing is relayed (${startCommandOf(status)})`)];
  const ids = processes.flatMap(({ id, pulls }) => (pulls ? [id] : []));
  const none = `none: nothing is taken from the ${source.kind} (${startCommandOf(status)})`;
  return ['taken by', ids.length > 0 ? ids.join(', ') : bad(none)];
}

/** What waits for halted messages, and what to type. */
function haltedText({ haltedCount, halted }: GroupStatus, display: Display): string {
  const shown = halted.slice(0, HALTS_SHOWN);
  const rows = shown.map(({ deadId, inboxId, key }) => [
    deadId === '' ? 'tried again' : deadId,
    inboxId,
    key === null ? 'all later results' : `the key ${shortened(key, KEY_WIDTH)}`,
  ]);
  const more = haltedCount > shown.length ? [`${numberText(haltedCount - shown.length)} more`] : [];
  return [
    table(
      display,
      [{ head: 'halted: dead letter', fixed: true, tone: 'warn' }, 'inbox id', 'waits for it'],
      rows,
    ),
    ...more,
    withFlags('fix the cause, then: cgroup dead retry ID; to go on without the message: cgroup dead skip ID'),
  ].join('\n');
}

function lanesTable(lanes: NonNullable<GroupStatus['lanes']>, display: Display): string {
  return table(
    display,
    ['lane', 'node', 'relayed', 'processed', 'dead', 'backlog', 'lag'],
    lanes.map(({ output, node, relayed, processed, dead, backlog, lagMs }) => [
      output,
      node ?? { text: 'away', tone: 'bad' },
      ...[relayed, processed, dead, backlog].map((count) => (count === null ? '?' : display.number(count))),
      lagMs === null ? '?' : backlog === 0 ? 'none' : display.duration(lagMs),
    ]),
  );
}

/** Counters as a table of one row; in lines on a terminal that is too narrow. */
function countersTable({ counters }: GroupStatus, display: Display): string {
  const { relayed, processed, dead, failed, retried, gaps } = counters;
  const numbers = { relayed, processed, dead, 'failed attempts': failed, retried, gaps };
  const tones: Readonly<Record<string, TextTone>> = { dead: 'bad', 'failed attempts': 'warn', gaps: 'warn' };
  const cells = Object.entries(numbers).map(([name, value]): [string, Cell] => [
    name,
    { text: display.number(value), tone: value > 0 ? tones[name] : undefined },
  ]);
  const [heads, row] = [cells.map(([name]) => name), cells.map(([, cell]) => cell)];
  return heads.join('  ').length > display.width ? facts(display, cells) : table(display, heads, [row]);
}

/** What comes first, a line each. */
function factsOf(status: GroupStatus, display: Display): (readonly [name: string, text: Cell])[] {
  const { backlog, bridges, control, awayLanes = [] } = status;
  const { number } = display;
  const held = status.held > 0 ? `, ${number(status.held)} behind others of their key` : '';
  const followers = bridges.filter(({ leads }) => !leads).map(({ id }) => id);
  const order = orderText(status.order);
  const left = `${number(status.waiting)} waiting, ${number(status.pending)} pending, ${number(status.retrying)} retrying`;
  return [
    [status.source.kind, sourceLine(status.source)],
    ['output', status.output],
    ...(status.master === null ? [] : [['master', status.master] as const]),
    relayingRow(status),
    ...(followers.length > 0 ? [['followers', followers.join(', ')] as const] : []),
    ...(awayLanes.length > 0
      ? [['away', { text: `${awayLanes.join(', ')}: not in the numbers below`, tone: 'bad' }] as const]
      : []),
    ['backlog', `${number(backlog)} (${left}${held})`],
    [
      'lag',
      backlog === 0
        ? 'none'
        : `${display.duration(status.lagMs)} (age of the oldest message that waits or is in work)`,
    ],
    ...(order === undefined ? [] : [['order', order] as const]),
    ...(isControlled(status)
      ? [['control', { text: controlText(control), tone: control.paused ? 'warn' : undefined }] as const]
      : []),
  ];
}

/** The status as tables and sentences. */
export function statusText(status: GroupStatus, display = PLAIN): string {
  const { counters, consumers, gaps } = status;
  const lacking = workersText(status);
  const stuck = stuckText(status.order);
  const parts = [
    facts(display, factsOf(status, display)),
    countersTable(status, display),
    ...(status.lanes ? [lanesTable(status.lanes, display)] : []),
    ...(status.processes.length > 0 ? [processTable(status.processes, display)] : []),
    ...(lacking === undefined || consumers.length === 0 ? [] : [lacking]),
    consumers.length === 0
      ? (lacking ?? `no consumers: nothing is processed (${startCommandOf(status)})`)
      : table(
          display,
          [{ head: 'consumer', tone: 'dim' }, 'host', 'pid', 'pending', 'processed'],
          consumers.map(({ id, host, pid, pending, processed }) => [
            id,
            host,
            String(pid),
            display.number(pending),
            display.number(processed),
          ]),
        ),
  ];
  if (status.order.hottest.length > 0)
    parts.push(table(display, ['hottest key', ...KEY_HEADS], keyRows(status.order, display)));
  if (stuck !== undefined) parts.push(stuck);
  if (status.haltedCount > 0) parts.push(haltedText(status, display));
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
      table(
        display,
        [{ head: 'gap from', tone: 'warn' }, 'to', 'messages may have been missed, because'],
        gaps.map((g) => [g.from, g.to, g.reason]),
      ),
    );
  if (counters.dead > 0) {
    const next = status.deadLetters > 0 ? withFlags('; cgroup dead list shows them') : '';
    const gone = `${display.number(counters.purged)} purged, ${display.number(counters.revived)} sent back`;
    parts.push(`dead letters kept: ${display.number(status.deadLetters)} (${gone})${next}`);
  }
  return parts.join('\n\n');
}
