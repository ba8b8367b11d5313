import { setImmediate as nextTurn } from 'node:timers/promises';
import { CommanderError } from 'commander';
import { CgroupError, messageOf } from '../core/errors.js';
import { printable } from '../log/printable.js';
import { maskUrls } from '../log/redaction.js';
import { withFlags } from './hints.js';
import { flushOutput, isBounded } from './output.js';
import { argumentsOf, programFor } from './program.js';

/** Exit codes: 0 done, 1 failed or found a difference, 2 wrong usage or settings, 130 ended by a second signal. */
const FAILED = 1;
const WRONG_USAGE = 2;

/** Prints the error, with its stack if it is unexpected or wanted. Returns the exit code. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : WRONG_USAGE; // commander has printed it
  const known = error instanceof CgroupError;
  process.stderr.write(inLines(withFlags(messageOf(error)), 'cgroup: '));
  if (!known || wantsStack()) process.stderr.write(inLines(stackOf(error)));
  return known && (error.code === 'SETTINGS' || error.code === 'PROCESSOR') ? WRONG_USAGE : FAILED;
}

/** A text with `mark` before each line, safe to show on a terminal, passwords in URLs masked. */
function inLines(text: string, mark = ''): string {
  return maskUrls(text)
    .split('\n')
    .map((line) => `${mark}${printable(line)}\n`)
    .join('');
}

/** Reads the raw flag and variable: the settings themselves may be wrong. */
function wantsStack(): boolean {
  const text = [...process.argv, `--log-level=${process.env.CGROUP_LOG_LEVEL ?? ''}`].join(' ');
  return /--log-level[= ](debug|trace)\b/.test(text);
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}

// `cgroup monitor | head -1` closes our stdout: a normal end. A group then stops as after a signal.
let ending = false;
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') {
    if (isBounded(process.stdout)) return; // what cannot be written is dropped, and the log says so
    process.stderr.write(`cgroup: cannot write to stdout: ${error.message}\n`);
    process.exit(FAILED);
  }
  if (process.listenerCount('SIGTERM') === 0) process.exit(0);
  if (!ending) process.kill(process.pid, 'SIGTERM');
  ending = true;
});

const args = process.argv.slice(2);
// The list of processes must not show a password in a flag.
process.title = ['cgroup', ...args.slice(0, 1)].join(' ');

/** Runs the command that the arguments of the process name. */
export async function main(): Promise<void> {
  try {
    const program = await programFor(args);
    await program.parseAsync(argumentsOf(program, args), { from: 'user' });
  } catch (error) {
    // A timer or a socket of the processor's module would keep the process alive.
    const code = report(error);
    await flushOutput();
    // The error of an output comes in a later turn.
    await nextTurn();
    process.exit(code);
  }
}
