import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { CgroupError, messageOf } from '../core/errors.js';
import { printable } from '../log/printable.js';
import { maskUrls } from '../log/redaction.js';
import { examplesText } from './command.js';
import { deadCommand } from './commands/dead.js';
import { demoCommand } from './commands/demo.js';
import { doctorCommand } from './commands/doctor.js';
import { monitorCommand } from './commands/monitor.js';
import { publishCommand } from './commands/publish.js';
import { startCommand } from './commands/start.js';
import { statusCommand } from './commands/status.js';
import { topCommand } from './commands/top.js';
import { verifyCommand } from './commands/verify.js';

/** Exit codes: 0 did it, 1 could not or found a difference, 2 wrong usage or settings, 130 ended by a second signal. */
const COULD_NOT = 1;
const WRONG_USAGE = 2;

function program(): Command {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  const root = new Command('cgroup')
    .description(
      'Turns a Redis Pub/Sub channel into a consumer group: each message is processed once, nothing is lost.',
    )
    .version(version)
    .addHelpText(
      'after',
      `${examplesText([
        ['cgroup demo', 'see all of it at work, on a private Redis'],
        ['cgroup start --size 5 --monitor', 'relay and process with five consumers'],
        ['cgroup start --size 8 -p ./handler.mjs', 'process with a function of your own'],
        ['cgroup publish --count 10000', 'something to do, from another terminal'],
        ['cgroup status', 'who leads, who works, what is left'],
        ['cgroup top', 'the same live, with rate and lag'],
        ['cgroup doctor', 'is Redis set up for it, and what to mend'],
      ])}

cgroup COMMAND --help tells the flags of a command.`,
    );
  const commands = [
    startCommand(),
    publishCommand(),
    monitorCommand(),
    statusCommand(),
    topCommand(),
    verifyCommand(),
    deadCommand(),
    doctorCommand(),
    demoCommand(),
  ];
  for (const command of commands) root.addCommand(command);
  for (const command of allOf(root))
    command
      .exitOverride()
      .showHelpAfterError('(--help tells what there is)')
      .showSuggestionAfterError()
      .configureOutput({ outputError: (text, write) => write(inOneLine(text)) });
  return root;
}

function allOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allOf)];
}

/** Commander's errors in the form of ours, the suggestion in the same line, no password in what it quotes. */
function inOneLine(text: string): string {
  return text
    .replace(/^error: /, 'cgroup: ')
    .replace(/\n(?=\()/, ' ')
    .split('\n')
    .map((line) => printable(maskUrls(line)))
    .join('\n');
}

/** Says what went wrong in a line or two, and gives the exit code. */
function report(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : WRONG_USAGE; // commander has said it
  const known = error instanceof CgroupError;
  process.stderr.write(inLines(messageOf(error), 'cgroup: '));
  if (!known || wantsStack()) process.stderr.write(inLines(stackOf(error)));
  return known && (error.code === 'SETTINGS' || error.code === 'PROCESSOR') ? WRONG_USAGE : COULD_NOT;
}

/** A text whose lines are all marked as ours, and can do nothing to a terminal. */
function inLines(text: string, mark = ''): string {
  return text
    .split('\n')
    .map((line) => `${mark}${printable(line)}\n`)
    .join('');
}

/** The settings may be what is wrong, so this looks at the raw flag and variable. */
function wantsStack(): boolean {
  const text = [...process.argv, `--log-level=${process.env.CGROUP_LOG_LEVEL ?? ''}`].join(' ');
  return /--log-level[= ](debug|trace)\b/.test(text);
}

function stackOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? '' : `\ncaused by ${stackOf(error.cause)}`;
  return `${error.stack ?? error.message}${cause}`;
}

// `cgroup monitor | head -1` closes our stdout: that is an end, not an error. A group stops as for a signal.
let ending = false;
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  if (process.listenerCount('SIGTERM') === 0) process.exit(0);
  if (!ending) process.kill(process.pid, 'SIGTERM');
  ending = true;
});

const { argv } = process;
// A password in the URL must not show in the list of processes.
process.title = ['cgroup', ...argv.slice(2, 3)].join(' ');

try {
  await program().parseAsync(argv);
} catch (error) {
  // A processor's module may have left a timer or a socket behind: they do not keep us.
  process.exit(report(error));
}
