import { type Command, InvalidArgumentError, Option } from 'commander';
import { formatDuration, parseDuration } from '../../settings/durations.js';
import { problemOf } from '../../settings/schema.js';
import { GROUP_SETTINGS, settingsCommand, withGroup } from '../command.js';

/** ms between two readings. */
const INTERVAL = 1_000;

export function topCommand(): Command {
  return settingsCommand(
    'top',
    'Shows a running group on the whole terminal: rate and lag, who leads, who holds what, what died and why. ' +
      'q quits. In a pipe it prints once, as plain text.',
    GROUP_SETTINGS,
    [
      ['cgroup top', 'a reading each second, until q'],
      ['cgroup top --interval 5s --output invoices', 'another group, less often'],
      ['cgroup top | cat', 'once, as plain text'],
    ],
  )
    .addOption(
      new Option('--interval <duration>', 'time between two readings')
        .argParser(interval)
        .default(INTERVAL, formatDuration(INTERVAL)),
    )
    .action(async (options: { interval: number }, command: Command) => {
      // The libraries that draw on a terminal load only here.
      const { printOnce, showOnScreen } = await import('../top/run.js');
      const onScreen = process.stdout.isTTY && process.env.TERM !== 'dumb';
      const show = onScreen ? showOnScreen : printOnce;
      // The screen would cover a log line, and shows wrong names itself.
      const warns = !onScreen;
      await withGroup(command, ({ client }) => show(client, options.interval), { warns });
    });
}

/** The rule of the setting of the same name. */
function interval(text: string): number {
  const problem = problemOf('interval', text);
  if (problem) throw new InvalidArgumentError(problem.message);
  return parseDuration(text);
}
