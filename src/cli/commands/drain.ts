import type { Command } from 'commander';
import { sizesOf } from '../../core/sizes.js';
import { plural } from '../../core/words.js';
import { printable } from '../../log/printable.js';
import { GROUP_SETTINGS, print, settingsCommand, withGroup } from '../command.js';
import { DEFAULT_TIMEOUT, TIMEOUT, WHY } from '../control/flags.js';
import { shortageText } from '../control/text.js';
import { runningIn, waitForDrained } from '../control/waiting.js';
import { withFlags } from '../hints.js';
import { withProgress } from '../progress.js';

interface Flags {
  readonly why?: string;
  readonly wait: boolean;
  readonly timeout?: number;
}

export function drainCommand(): Command {
  return settingsCommand(
    'drain',
    'Takes all managed consumers away from a host or a process; the others run them.',
    GROUP_SETTINGS,
    [
      ['cgroup drain web1', 'a host, before its maintenance'],
      ['cgroup drain web1-4711-aa6fcf', 'one process; cgroup status shows their names'],
      ['cgroup undrain web1', 'afterwards'],
    ],
  )
    .argument('<name>', 'a host, or the id of a process')
    .option(...WHY)
    .option('--no-wait', 'do not wait until it runs no consumers')
    .option(...TIMEOUT)
    .action(async (name: string, { why, wait, timeout = DEFAULT_TIMEOUT }: Flags, command: Command) =>
      withGroup(command, async ({ client, log }) => {
        const total = runningIn(name, await client.processes());
        const set = await client.drain(name, { why });
        if (wait)
          await withProgress({ unit: 'consumers', label: 'draining', total }, (update) =>
            waitForDrained(client, name, set, { timeout, onRunning: (now) => update(total - now) }),
          );
        const done = wait ? 'is drained: it runs no consumers' : 'is being drained';
        print(printable(`${name} ${done}`));
        const processes = await client.processes();
        const sizes = sizesOf(set, processes);
        if (sizes.managed === 0)
          return print(
            printable(
              `all managed processes are drained: no managed consumers run; ${withFlags('cgroup undrain')} ${name} ends that`,
            ),
          );
        const shortage = shortageText(sizes, processes);
        if (shortage !== undefined) log.warn({}, shortage);
      }),
    );
}

export function undrainCommand(): Command {
  return settingsCommand('undrain', 'Lets a drained host or process run consumers again.', GROUP_SETTINGS, [
    ['cgroup undrain web1', 'it gets its share within a heartbeat'],
    ['cgroup scale', 'what is drained, and what runs where'],
  ])
    .argument('<name>', 'a drained host or process')
    .option(...WHY)
    .action(async (name: string, { why }: Pick<Flags, 'why'>, command: Command) =>
      withGroup(command, async ({ client }) => {
        const { drained } = await client.undrain(name, { why });
        const rest =
          drained.length === 0
            ? ''
            : ` (${plural(drained.length, 'name stays', 'names stay')} drained: ${drained.join(', ')})`;
        print(printable(`${name} is not drained any more: takes effect within a heartbeat${rest}`));
      }),
    );
}
