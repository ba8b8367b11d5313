import { Command, CommanderError } from 'commander';
import { CgroupError, messageOf } from '../core/errors.js';
import { ownVersion } from '../core/version.js';
import { printable } from '../log/printable.js';
import { maskUrls } from '../log/redaction.js';
import { examplesText } from './command.js';
import { deadCommand } from './commands/dead.js';
import { demoCommand } from './commands/demo.js';
import { doctorCommand } from './commands/doctor.js';
import { drainCommand, undrainCommand } from './commands/drain.js';
import { eventsCommand } from './commands/events.js';
import { monitorCommand } from './commands/monitor.js';
import { pauseCommand, resumeCommand } from './commands/pause.js';
import { publishCommand } from './commands/publish.js';
import { scaleCommand } from './commands/scale.js';
import { startCommand } from './commands/start.js';
import { statusCommand } from './commands/status.js';
import { topCommand } from './commands/top.js';
import { verifyCommand } from './commands/verify.js';
import { workerCommand } from './commands/worker.js';
import { flushOutput } from './logger.js';

/** Exit codes: 0 done, 1 failed or found a difference, 2 wrong usage or settings, 130 ended by a second signal. */
const FAILED = 1;
const WRONG_USAGE = 2;

function program(): Command {
  const root = new Command('cgroup')
    .description(
      'Turns a Redis Pub/Sub channel into a consumer group: each message is processed once, nothing is lost.',
    )
    .version(ownVersion())
    .addHelpText(
      'after',
      `${examplesText([
        ['cgroup demo', 'see it at work, on a private Redis'],
        ['cgroup start --size 5 --monitor', 'relay and process with five consumers'],
        ['cgroup start --size 8 -p ./handler.mjs', 'process with a function of your own'],
        ['cgroup publish --count 10000', 'give it messages, from another terminal'],
        ['cgroup status', 'who leads, who works, what is left'],
        ['cgroup top', 'the same live, with rate and lag'],
        ['cgroup scale 50', 'run 50 consumers in all processes that were started with --managed'],
        ['cgroup doctor', 'is Redis set up well, and how to fix it'],
      ])}

cgroup COMMAND --help lists the flags of a command.`,
    );
  const commands = [
    startCommand(),
    workerCommand(),
    publishCommand(),
    monitorCommand(),
    statusCommand(),
    topCommand(),
    verifyCommand(),
    deadCommand(),
    scaleCommand(),
    pauseCommand(),
    resumeCommand(),
    drainCommand(),
    undrainCommand(),
    eventsCommand(),
    doctorCommand(),
    demoCommand(),
  ];
  for (const command of commands) root.addCommand(command);
  for (const command of allOf(root))
    command
      .exitOverride()
      .showHelpAfterError('(--help lists commands and flags)')
      .showSuggestionAfterError()
      .configureOutput({ outputError: (text, write) => write(inOneLine(text)) });
  return root;
}

function allOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allOf)];
}

/** What commander says of a value that a parser of ours refuses. */
const WRONG_ARGUMENT = /^error: command-argument value '(.*)' is invalid for argument '(.*)'\. It (.*)\.$/ms;
const WRONG_OPTION = /^error: option '[^']*?(--[\w-]+)[^']*' argument '(.*)' is invalid\. It (.*)\.$/ms;

/** Commander's errors in our form: the suggestion in the same line, passwords in quoted text masked. */
function inOneLine(text: string): string {
  return text
    .replace(WRONG_ARGUMENT, 'cgroup: $2: $3; got $1')
    .replace(WRONG_OPTION, 'cgroup: $1: $3; got $2')
    .replace(/^error: /, 'cgroup: ')
    .replace(/\n(?=\()/, ' ')
    .split('\n')
    .map((line) => printable(maskUrls(line)))
    .join('\n');
}

/** Prints the error, with its stack if it is unexpected or wanted. Returns the exit code. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : WRONG_USAGE; // commander has printed it
  const known = error instanceof CgroupError;
  process.stderr.write(inLines(messageOf(error), 'cgroup: '));
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
  if (error.code !== 'EPIPE') throw error;
  if (process.listenerCount('SIGTERM') === 0) process.exit(0);
  if (!ending) process.kill(process.pid, 'SIGTERM');
  ending = true;
});

const { argv } = process;
// The list of processes must not show a password in a flag.
process.title = ['cgroup', ...argv.slice(2, 3)].join(' ');

try {
  await program().parseAsync(argv);
} catch (error) {
  // A timer or a socket of the processor's module would keep the process alive.
  const code = report(error);
  await flushOutput();
  process.exit(code);
}
