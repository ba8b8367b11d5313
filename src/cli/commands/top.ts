import { type Command, Option } from 'commander';
import { formatDuration, parseDuration } from '../../settings/durations.js';
import { GROUP_SETTINGS, settingsCommand, withGroup } from '../command.js';

/** ms between two readings. */
const INTERVAL = 1_000;
const INTERVAL_FLAG = '--interval <duration>';

export function topCommand(): Command {
  return settingsCommand(
    'top',
    'Shows a running group on the whole terminal: rate and lag, who leads, who holds what, what died and why. ' +
      'Arrows, PgUp, PgDn, g and G move; Tab goes to the next table, s sorts it; Enter opens a dead letter, r sends it back once you ' +
      'press y; ? explains the keys, q quits. Nothing else is changed. In a pipe it prints once, as plain text.',
    GROUP_SETTINGS,
    [
      ['cgroup top', 'a reading each second, until q'],
      ['cgroup top --interval 5s --output invoices', 'another group, less often'],
      ['cgroup top | cat', 'once, as plain text'],
    ],
  )
    .addOption(
      new Option(INTERVAL_FLAG, 'time between two readings').default(
        formatDuration(INTERVAL),
        formatDuration(INTERVAL),
      ),
    )
    .action(async (options: { interval: string }, command: Command) => {
      const interval = await intervalOf(options.interval, command);
      // The libraries that draw on a terminal load only here.
      const { printOnce, showOnScreen } = await import('../top/run.js');
      const onScreen = process.stdout.isTTY && process.env.TERM !== 'dumb';
      const show = onScreen ? showOnScreen : printOnce;
      // The screen would cover a log line, and shows wrong names itself.
      const warns = !onScreen;
      await withGroup(command, ({ client }) => show(client, interval), { warns });
    });
}

/** ms. It has the rule of the setting of the same name. */
async function intervalOf(text: string, command: Command): Promise<number> {
  const { problemOf } = await import('../../settings/schema.js');
  const problem = problemOf('interval', text);
  if (problem)
    command.error(`error: option '${INTERVAL_FLAG}' argument '${text}' is invalid. ${problem.message}`);
  return parseDuration(text);
}
