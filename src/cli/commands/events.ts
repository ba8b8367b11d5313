import type { Command } from 'commander';
import { KEPT_ENDS } from '../../core/control.js';
import { numberText } from '../../core/words.js';
import { printableJson, shortened } from '../../log/printable.js';
import { type GroupEvent, groupEvents } from '../../observe/group-events.js';
import { wholeNumber } from '../arguments.js';
import { GROUP_SETTINGS, print, settingsCommand, withGroup } from '../command.js';
import { withFlags } from '../hints.js';
import { columns } from '../table.js';

/** Lines of the table without --limit. */
const DEFAULT_LIMIT = 20;
/** Most characters of a change and of a reason in the table on a terminal. */
const WIDTH = 80;

export function eventsCommand(): Command {
  return settingsCommand(
    'events',
    'Lists who changed size, pause, autoscaling and drains, and which processes ended without leaving; the newest first.',
    GROUP_SETTINGS,
    [
      ['cgroup events', `the newest ${DEFAULT_LIMIT} of those that are kept`],
      ["cgroup events --json | jq -r '.[].who' | sort | uniq -c", 'all of them, counted by author'],
    ],
  )
    .option('--limit <number>', `how many (default: ${DEFAULT_LIMIT}; all with --json)`, wholeNumber(1))
    .option('--json', 'print one JSON array')
    .action(async ({ limit, json }: { limit?: number; json?: boolean }, command: Command) =>
      withGroup(command, async ({ client }) => {
        const [control, ends] = await Promise.all([
          client.events(),
          client.inspector.control.ends(KEPT_ENDS),
        ]);
        const events = groupEvents({ control, ends });
        print(
          json
            ? printableJson(events.slice(0, limit).map(shown), 2)
            : eventsText(
                events.slice(0, limit ?? DEFAULT_LIMIT),
                events.length,
                process.stdout.isTTY ? WIDTH : undefined,
              ),
        );
      }),
    );
}

function shown({ at, revision, who, what, why }: GroupEvent) {
  return { at, revision, who, what, why };
}

/**
 * @param kept how many there are
 * @param width most characters of a change and of a reason; they are whole without it
 */
export function eventsText(events: readonly GroupEvent[], kept: number, width = Infinity): string {
  if (events.length === 0) return withFlags('no changes: cgroup scale and cgroup pause make some');
  const table = columns([
    ['time', 'revision', 'who', 'what', 'why'],
    ...events.map(({ at, revision, who, what, why }) => [
      at,
      revision === null ? '–' : String(revision),
      who,
      shortened(what, width),
      shortened(why, width),
    ]),
  ]);
  const more =
    kept > events.length
      ? ['', `the newest ${numberText(events.length)} of ${numberText(kept)}; --limit shows more`]
      : [];
  return [table, ...more].join('\n');
}
