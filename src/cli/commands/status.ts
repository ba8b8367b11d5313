import type { Command } from 'commander';
import { plural } from '../../core/words.js';
import { printableJson } from '../../log/printable.js';
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
import { columns } from '../table.js';

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
        print(options.json ? printableJson(status, 2) : statusText(status));
      }),
    );
}

/** The status as tables and sentences. */
export function statusText(status: GroupStatus): string {
  const { counters, backlog, consumers, bridges, gaps } = status;
  const followers = bridges.filter(({ leads }) => !leads).map(({ id }) => id);
  const { relayed, processed, dead, failed, retried } = counters;
  const lacking = workersText(status);
  const numbers = { relayed, processed, dead, 'failed attempts': failed, retried, gaps: counters.gaps };
  const parts = [
    columns([
      ['channel', status.channel],
      ['output', status.output],
      ['leader', status.leader ?? `none: nothing is relayed (${startCommandOf(status)})`],
      ...(followers.length > 0 ? [['followers', followers.join(', ')]] : []),
      [
        'backlog',
        `${backlog} (${status.waiting} waiting, ${status.pending} pending, ${status.retrying} retrying)`,
      ],
      [
        'lag',
        backlog === 0 ? 'none' : `${formatDuration(status.lagMs)} (age of the oldest unsettled message)`,
      ],
      ...(isControlled(status) ? [['control', controlText(status.control)]] : []),
    ]),
    columns([Object.keys(numbers), Object.values(numbers).map(String)]),
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
  const stalled = stalledText(status);
  if (stalled !== undefined) parts.push(stalled);
  if (counters.lost > 0)
    parts.push(`lost: another program deleted ${plural(counters.lost, 'message')} from the inbox`);
  if (status.foreign.length > 0)
    parts.push(
      `foreign: ${plural(status.foreign.length, 'value')} of another program in the keys of the group, passed over; cgroup doctor names them`,
    );
  if (counters.foreignRetries > 0)
    parts.push(
      `foreign: ${plural(counters.foreignRetries, 'member')} removed from the retry zset, written by another program`,
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
    const next = status.deadLetters > 0 ? '; cgroup dead list shows them' : '';
    const gone = `${counters.purged} purged, ${counters.revived} sent back`;
    parts.push(`dead letters kept: ${status.deadLetters} (${gone})${next}`);
  }
  return parts.join('\n\n');
}
