import type { Command } from 'commander';
import { print, settingsCommand, settingsOf } from '../command.js';
import { describedNames } from '../settings/setting-info.js';

export function startCommand(): Command {
  return settingsCommand('start', 'Runs a bridge and consumers until a signal ends it.', describedNames, [
    ['cgroup start --size 5 --monitor', 'five consumers, and the rate every 3 s'],
    ['cgroup start -p ./handler.mjs --concurrency 10', 'your own function, ten messages at a time each'],
    [`cgroup start -p 'exec:python3 worker.py'`, 'a program in any language, see docs/processors.md'],
    ['cgroup start -p http://127.0.0.1:8000/messages', 'a web service'],
    ['cgroup start -p remote --http 9464', 'workers on any host connect, see cgroup worker'],
    ['cgroup start --managed', 'as many consumers as the group gives it, see cgroup scale; size is ignored'],
    ['cgroup start --bridge only', 'only a bridge; other processes run the consumers with --bridge off'],
    ['cgroup start --embedded', 'with a private Redis, to try things out'],
    ['cgroup start --http 9464', 'with a live page and metrics at http://127.0.0.1:9464'],
    ['cgroup start --print-config', 'the effective settings and their sources'],
    ['cgroup top', 'then, in another terminal: see it work'],
  ])
    .option('--print-config', 'print each effective setting with its source, and exit')
    .option('--json', 'with --print-config or --monitor: print JSON')
    .action(async (options: { printConfig?: boolean; json?: boolean }, command: Command) => {
      const loaded = await settingsOf(command);
      const json = options.json === true;
      if (options.printConfig)
        print((await import('../settings/print-config.js')).printConfig(loaded, { json }));
      else await (await import('../start/run.js')).runGroup(loaded, json);
    });
}
