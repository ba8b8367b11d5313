import type { Command } from 'commander';
import { CgroupError, SettingsError } from '../../core/errors.js';
import { surviveStrayErrors } from '../../log/stray-errors.js';
import type { SettingName } from '../../settings/settings.js';
import type { RemoteWorkerOptions } from '../../worker/options.js';
import { RemoteWorker } from '../../worker/remote-worker.js';
import { settingsCommand, settingsOf } from '../command.js';
import { boundOutput, flushOutput, makeLogger } from '../logger.js';
import { untilSignal } from '../signals.js';
import { addCheckFlags, type CheckFlags, runCheck } from '../worker/check.js';

const SETTINGS: readonly SettingName[] = [
  'processor',
  'threads',
  'simulateMs',
  'concurrency',
  'timeout',
  'httpToken',
  'shutdownTimeout',
  'logLevel',
  'logFormat',
];

interface WorkerFlags extends CheckFlags {
  readonly connect?: string;
  readonly name?: string;
}

export function workerCommand(): Command {
  const command = settingsCommand(
    'worker',
    'Processes messages for groups that run with -p remote, on any host, without access to Redis; or checks a worker of yours.',
    SETTINGS,
    [
      ['cgroup start -p remote --http 9464', 'first, beside Redis: a group that waits for workers'],
      [
        'cgroup worker --connect ws://127.0.0.1:9464/workers -p ./handler.mjs --concurrency 20',
        'your function, 20 messages at a time',
      ],
      [
        'cgroup worker --connect ws://a:9464/workers,ws://b:9464/workers -p ./handler.mjs',
        'for both processes of a group',
      ],
      [
        'CGROUP_HTTP_TOKEN=… cgroup worker --connect wss://group.example.com/workers',
        'with the httpToken of the group',
      ],
      [`cgroup worker --check 'exec:python3 worker.py'`, 'does this program keep the rules of the protocol?'],
      ['cgroup worker --check http://127.0.0.1:8000/messages', 'does this web service?'],
      ['cgroup worker --check ws://127.0.0.1:9465/workers', 'then start a remote worker with this URL'],
    ],
  )
    .option(
      '--connect <urls>',
      'the ws:// or wss:// URL of each process of the group, with commas between them',
    )
    .option(
      '--name <name>',
      'a part of the ids of its consumers: letters, digits, _ . - (default: the name of this machine)',
    )
    .action((flags: WorkerFlags, own: Command) =>
      flags.check === undefined ? run(flags, own) : runCheck(flags.check, flags),
    );
  return addCheckFlags(command);
}

async function run({ connect, name }: WorkerFlags, command: Command): Promise<void> {
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
