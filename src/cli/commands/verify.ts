import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { type Verification, verify } from '../../verify/verify.js';
import { GROUP_SETTINGS, print, settingsCommand, withGroup } from '../command.js';
import { showProgress } from '../progress.js';
import { verificationText } from '../verification-text.js';

/** Exit code where a difference was found. */
const DIFFERENT = 1;

export function verifyCommand(): Command {
  return settingsCommand(
    'verify',
    'Holds output and dead letters against the counters, and against ledgers. Exit code 1 if they differ.',
    GROUP_SETTINGS,
    [
      ['cgroup verify', 'was each relayed message settled once?'],
      ['cgroup verify --ledger ids.txt', 'and each that was published? (cgroup publish --ledger ids.txt)'],
    ],
  )
    .option(
      '--ledger <file>',
      'file of message ids, one a line, in the order of the channel; repeat it for several',
      collectLedger,
    )
    .option('--json', 'print one JSON object')
    .action(async (flags: { ledger?: string[]; json?: boolean }, command: Command) =>
      withGroup(command, async ({ client, settings, log }) => {
        const display = showProgress({ unit: 'entries', label: 'verifying' });
        let result: Verification;
        try {
          result = await verify(client.inspector, {
            ledgers: flags.ledger ?? [],
            onProgress: display.update,
          });
        } finally {
          display.stop();
        }
        if (isEmpty(result))
          log.warn(
            {},
            `there is nothing: no group has written to ${settings.output} here; see --output and --redis`,
          );
        print(flags.json ? JSON.stringify(result, null, 2) : verificationText(result));
        if (!result.ok) process.exitCode = DIFFERENT;
      }),
    );
}

/** One that is given twice would list each of its ids twice, and so make all of them lost. */
function collectLedger(path: string, paths: readonly string[] = []): string[] {
  if (paths.some((other) => resolve(other) === resolve(path)))
    throw new InvalidArgumentError('This file was given before: give each ledger once.');
  return [...paths, path];
}

/** Whether the group has never done anything. */
function isEmpty({
  relayed,
  processed,
  dead,
  backlog,
  lost,
  doubled,
  unexpected,
  ledger,
}: Verification): boolean {
  return relayed + processed + dead + backlog + doubled + unexpected === 0 && lost === (ledger ?? 0);
}
