import type { Command } from 'commander';
import { GROUP_SETTINGS, settingsCommand, withGroup } from '../command.js';
import { boundOutput } from '../output.js';
import { untilSignal } from '../signals.js';

export function monitorCommand(): Command {
  return settingsCommand(
    'monitor',
    'Prints the messages per second of a running group, summed over all its processes.',
    [...GROUP_SETTINGS, 'interval'],
    [
      ['cgroup monitor', 'a line every 3 s, until Ctrl-C'],
      ['cgroup monitor --interval 1s --json', 'one JSON object a line'],
      ['cgroup top', 'more on one screen: consumers, dead letters, gaps'],
    ],
  )
    .option('--json', 'print one JSON object a line')
    .action(async (options: { json?: boolean }, command: Command) =>
      withGroup(command, async ({ client, settings, log }) => {
        const { watch } = await import('../monitoring.js');
        boundOutput(process.stdout, 'output line', log);
        const watching = new AbortController();
        void untilSignal().then(() => watching.abort());
        await watch(() => client.status(), {
          interval: settings.interval,
          json: options.json === true,
          signal: watching.signal,
          log,
        });
      }),
    );
}
