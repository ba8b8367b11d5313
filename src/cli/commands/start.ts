import type { Command } from 'commander';
import { ConsumerGroup } from '../../group/consumer-group.js';
import { groupLogger } from '../../log/logger.js';
import { surviveStrayErrors } from '../../log/stray-errors.js';
import { settingNames } from '../../settings/schema.js';
import { print, settingsCommand, settingsOf } from '../command.js';
import { boundOutput, flushOutput, makeLogger } from '../logger.js';
import { watch } from '../monitoring.js';
import type { LoadedSettings } from '../settings/load-settings.js';
import { printConfig } from '../settings/print-config.js';
import { untilSignal } from '../signals.js';

export function startCommand(): Command {
  return settingsCommand('start', 'Runs a bridge and consumers until a signal ends it.', settingNames, [
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
      if (options.printConfig) print(printConfig(loaded, { json: options.json === true }));
      else await run(loaded, options.json === true);
    });
}

async function run({ settings, origin, written }: LoadedSettings, json: boolean): Promise<void> {
  const root = makeLogger(settings);
  const log = groupLogger(root, settings);
  if (settings.embedded && origin.redis !== 'default')
    log.warn({}, `embedded starts its own Redis: the URL of ${origin.redis} is not used`);
  boundOutput(process.stdout, 'output line', log);
  const strays = surviveStrayErrors(log);
  const group = new ConsumerGroup({ ...written, logger: root });
  const watching = new AbortController();
  const stopped = untilSignal((signal) => {
    watching.abort();
    log.info(
      { signal },
      `${signal}: finishing the messages in work; a second signal ends the process at once`,
    );
  });
  await Promise.race([group.start(), stopped]);
  const monitor = settings.monitor
    ? watch(() => group.status(), { interval: settings.interval, json, signal: watching.signal, log })
    : undefined;
  await stopped;
  await monitor;
  await group.stop();
  strays.flush();
  log.info({}, 'stopped');
  await flushOutput();
  // A processor's timers or sockets would keep the process alive.
  process.exit(0);
}
