import type { Command } from 'commander';
import { CgroupError, SettingsError } from '../../core/errors.js';
import { surviveStrayErrors } from '../../log/stray-errors.js';
import type { RemoteWorkerOptions } from '../../worker/options.js';
import { RemoteWorker } from '../../worker/remote-worker.js';
import { settingsOf } from '../command.js';
import { makeLogger } from '../logger.js';
import { boundOutput, flushOutput } from '../output.js';
import { untilSignal } from '../signals.js';
import type { WorkerFlags } from './check-flags.js';

/** Works for the groups until a signal ends it, and then the process. */
export async function runWorker({ connect, name }: WorkerFlags, command: Command): Promise<void> {
  if (connect === undefined)
    throw new CgroupError(
      'SETTINGS',
      '--connect is missing: the URL of a group, ws://HOST:9464/workers (or --check, to check a worker of yours)',
    );
  const { settings, written } = await settingsOf(command);
  const log = makeLogger(settings);
  const { processor, threads, simulateMs, concurrency, timeout, httpToken, shutdownTimeout } = written;
  const worker = makeWorker({
    connect: connect.split(',').map((url) => url.trim()),
    name,
    token: httpToken,
    ...{ processor, threads, simulateMs, concurrency, timeout, shutdownTimeout },
    logger: log,
  });
  if (processor === undefined)
    log.warn(
      {},
      'no -p is given: the built-in processor adds a random number to each message, as in cgroup start; write -p ./handler.mjs',
    );
  boundOutput(process.stdout, 'output line', log);
  const strays = surviveStrayErrors(log);
  const stopped = untilSignal((signal) =>
    log.info(
      { signal },
      `${signal}: finishing the messages in work; a second signal ends the process at once`,
    ),
  );
  await Promise.race([worker.start(), stopped]);
  await stopped;
  await worker.stop();
  strays.flush();
  log.info({}, 'stopped');
  await flushOutput();
  // A processor's timers or sockets would keep the process alive.
  process.exit(0);
}

/** The errors name the flags. */
function makeWorker(options: RemoteWorkerOptions): RemoteWorker {
  try {
    return new RemoteWorker(options);
  } catch (error) {
    if (!(error instanceof SettingsError)) throw error;
    throw new SettingsError(
      error.problems.map(({ setting, message }) => ({
        setting,
        message: message.replace(/^(connect|name) /, '--$1 '),
      })),
    );
  }
}
