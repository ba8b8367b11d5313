import type { Command } from 'commander';
import { printable } from '../../log/printable.js';
import { readControl } from '../../observe/control-status.js';
import { GROUP_SETTINGS, print, settingsCommand, withGroup } from '../command.js';
import { WHY } from '../control/flags.js';
import { pauseText } from '../control/text.js';
import { withFlags } from '../hints.js';

interface Flags {
  readonly why?: string;
}

export function pauseCommand(): Command {
  return settingsCommand(
    'pause',
    'Pauses the group: no consumer begins an attempt, in any process. Bridges go on relaying.',
    GROUP_SETTINGS,
    [
      ['cgroup pause --why "database upgrade"', 'messages wait in the inbox; nothing is missed'],
      ['cgroup resume', 'goes on, also after a restart of everything'],
    ],
  )
    .option(...WHY)
    .action(async ({ why }: Flags, command: Command) =>
      withGroup(command, async ({ client }) => {
        const before = await readControl(client.inspector);
        if (before.control.paused) return print(printable(`already ${pauseText(before.control)}`));
        await client.pause({ why });
        print(
          withFlags(
            'paused: takes effect within a heartbeat; attempts in work finish (cgroup resume ends it)',
          ),
        );
      }),
    );
}

export function resumeCommand(): Command {
  return settingsCommand('resume', 'Ends a pause.', GROUP_SETTINGS, [
    ['cgroup resume', 'the consumers go on with what waits'],
    ['cgroup status', 'whether the backlog shrinks'],
  ])
    .option(...WHY)
    .action(async ({ why }: Flags, command: Command) =>
      withGroup(command, async ({ client }) => {
        const { paused } = await client.control();
        if (!paused) return print('the group is not paused');
        await client.resume({ why });
        print('resumed: takes effect within a heartbeat');
      }),
    );
}
