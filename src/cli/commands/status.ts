import type { Command } from 'commander';
import type { GroupStatus } from '../../observe/status.js';
import { formatDuration } from '../../settings/durations.js';
import { GROUP_SETTINGS, print, settingsCommand, withGroup } from '../command.js';
import { columns } from '../table.js';

export function statusCommand(): Command {
  return settingsCommand(
    'status',
    'Shows who leads, who works, what is left and what died.',
    GROUP_SETTINGS,
    [
      ['cgroup status', 'a table to read at a glance'],
      ['cgroup status --json | jq .backlog', 'for scripts'],
    ],
  )
    .option('--json', 'print one JSON object')
    .action(async (options: { json?: boolean }, command: Command) =>
      withGroup(command, async ({ client }) => {
        const status = await client.status();
        print(options.json ? JSON.stringify(status, null, 2) : statusText(status));
      }),
    );
}

/** The status as a person reads it. */
export function statusText(status: GroupStatus): string {
  const { counters, backlog, consumers, bridges, gaps } = status;
  const followers = bridges.filter(({ leads }) => !leads).map(({ id }) => id);
  const parts = [
    columns([
      ['channel', status.channel],
      ['output', status.output],
      ['leader', status.leader ?? 'none: nothing is relayed (cgroup start)'],
      ...(followers.length > 0 ? [['followers', followers.join(', ')]] : []),
      [
        'backlog',
        `${backlog} (${status.waiting} waiting, ${status.pending} pending, ${status.retrying} retrying)`,
      ],
      [
        'lag',
        backlog === 0 ? 'none' : `${formatDuration(status.lagMs)} (age of the oldest unsettled message)`,
      ],
    ]),
    columns([
      ['relayed', 'processed', 'dead', 'failed attempts', 'retried', 'gaps'],
      [
        counters.relayed,
        counters.processed,
        counters.dead,
        counters.failed,
        counters.retried,
        counters.gaps,
      ].map(String),
    ]),
    consumers.length === 0
      ? 'no consumers: nothing is processed (cgroup start)'
      : columns([
          ['consumer', 'host', 'pid', 'pending', 'processed'],
          ...consumers.map(({ id, host, pid, pending, processed }) => [
            id,
            host,
            ...[pid, pending, processed].map(String),
          ]),
        ]),
  ];
  if (counters.lost > 0)
    parts.push(`${counters.lost} messages were deleted from the inbox by somebody else: they are lost`);
  if (counters.dropped > 0)
    parts.push(
      `${counters.dropped} messages were dropped, because the buffer of a bridge was full (bufferLimit)`,
    );
  if (gaps.length > 0)
    parts.push(
      columns([
        ['gap from', 'to', 'messages may have been missed, because'],
        ...gaps.map((g) => [g.from, g.to, g.reason]),
      ]),
    );
  const kept = status.deadLetters;
  if (counters.dead > 0)
    parts.push(
      kept > 0
        ? `dead letters kept: ${kept} (${counters.purged} purged, ${counters.revived} sent back); cgroup dead list shows them`
        : `all ${counters.dead} dead letters were purged`,
    );
  return parts.join('\n\n');
}
