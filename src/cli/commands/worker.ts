import type { Command } from 'commander';
import type { SettingName } from '../../settings/settings.js';
import { settingsCommand } from '../command.js';
import { addCheckFlags, type WorkerFlags } from '../worker/check-flags.js';

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
    .action(async (flags: WorkerFlags, own: Command) =>
      flags.check === undefined
        ? (await import('../worker/run.js')).runWorker(flags, own)
        : (await import('../worker/check.js')).runCheck(flags.check, flags),
    );
  return addCheckFlags(command);
}
