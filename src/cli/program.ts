import { Command } from 'commander';
import { ownVersion } from '../core/version.js';
import { printable } from '../log/printable.js';
import { maskUrls } from '../log/redaction.js';
import { examplesText } from './command.js';

/** The commands, in the order of the help. Only those that are needed are imported. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  start: async () => (await import('./commands/start.js')).startCommand(),
  worker: async () => (await import('./commands/worker.js')).workerCommand(),
  publish: async () => (await import('./commands/publish.js')).publishCommand(),
  monitor: async () => (await import('./commands/monitor.js')).monitorCommand(),
  status: async () => (await import('./commands/status.js')).statusCommand(),
  top: async () => (await import('./commands/top.js')).topCommand(),
  peek: async () => (await import('./commands/peek.js')).peekCommand(),
  verify: async () => (await import('./commands/verify.js')).verifyCommand(),
  dead: async () => (await import('./commands/dead.js')).deadCommand(),
  scale: async () => (await import('./commands/scale.js')).scaleCommand(),
  pause: async () => (await import('./commands/pause.js')).pauseCommand(),
  resume: async () => (await import('./commands/pause.js')).resumeCommand(),
  drain: async () => (await import('./commands/drain.js')).drainCommand(),
  undrain: async () => (await import('./commands/drain.js')).undrainCommand(),
  events: async () => (await import('./commands/events.js')).eventsCommand(),
  doctor: async () => (await import('./commands/doctor.js')).doctorCommand(),
  demo: async () => (await import('./commands/demo.js')).demoCommand(),
  completion: async () => (await import('./commands/completion.js')).completionCommand(),
};

const HELP = 'help';
const VERSION_FLAGS = ['-v', '--version'];
const OLD_VERSION_FLAG = '-V';

/**
 * The program, with all that these arguments need of it: the one command that they name; for a help that lists them, and for
 * what is no command, all of them.
 */
export async function programFor(args: readonly string[]): Promise<Command> {
  const [first, second] = args.filter((arg) => !arg.startsWith('-'));
  const named = first === HELP ? second : first;
  // That one is about all the others.
  if (named === 'completion') return wholeProgram();
  if (named !== undefined && Object.hasOwn(COMMANDS, named)) return program([named]);
  const [only, more] = args;
  if (more === undefined && [...VERSION_FLAGS, OLD_VERSION_FLAG].includes(only ?? '')) return program([]);
  return wholeProgram();
}

/** The program with all commands. */
export function wholeProgram(): Promise<Command> {
  return program(Object.keys(COMMANDS));
}

/**
 * The arguments as commander takes them: `-V` was the short flag for the version, `help dead retry` is `dead retry --help`, which it
 * knows for the first word only.
 */
export function argumentsOf(root: Command, args: readonly string[]): readonly string[] {
  const [first, second, ...rest] = args;
  if (first === OLD_VERSION_FLAG) return ['--version'];
  const outer = first === HELP ? root.commands.find((command) => command.name() === second) : undefined;
  const inner = rest.find((arg) => !arg.startsWith('-'));
  if (!outer || second === undefined || inner === undefined || outer.commands.length === 0) return args;
  const isKnown = outer.commands.some((command) => command.name() === inner);
  return isKnown ? [second, inner, '--help'] : [second, inner];
}

/** @param names of the commands that are imported; of the others only the names are there */
async function program(names: readonly string[]): Promise<Command> {
  const root = new Command('cgroup')
    .description(
      'Turns a Redis Pub/Sub channel into a consumer group: each message is processed once, nothing is lost.',
    )
    .version(ownVersion(), VERSION_FLAGS.join(', '))
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
  const commands = Object.entries(COMMANDS).map(([name, load]) =>
    names.includes(name) ? load() : new Command(name),
  );
  for (const command of await Promise.all(commands)) root.addCommand(command);
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
