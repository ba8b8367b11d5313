// Writes the man page, dist/man/cgroup.1, from the help of the built package: commander's own tree of commands and flags.
import { mkdirSync, writeFileSync } from 'node:fs';
import { wholeProgram } from '../dist/cli/program.js';

const root = await wholeProgram();
const folder = new URL('../dist/man/', import.meta.url);
mkdirSync(folder, { recursive: true });
writeFileSync(new URL('cgroup.1', folder), manPage(root));

/** The page in the language of man(7). Its date is that of the build (https://reproducible-builds.org/specs/source-date-epoch/). */
function manPage(root) {
  const epoch = Number(process.env.SOURCE_DATE_EPOCH ?? Date.now() / 1000);
  const date = new Date(epoch * 1000).toISOString().slice(0, 10);
  const help = root.createHelp();
  const commands = help.visibleCommands(root).filter((command) => command.name() !== 'help');
  return [
    `.TH CGROUP 1 "${date}" "cgroup ${root.version()}" "User Commands"`,
    '.SH NAME',
    `cgroup \\- ${text('turns a Redis Pub/Sub channel into a consumer group')}`,
    '.SH SYNOPSIS',
    '.B cgroup',
    text('COMMAND [options]'),
    '.SH DESCRIPTION',
    text(root.description()),
    '.PP',
    text(
      'Each setting is a flag, a variable of the environment, or a name in the file consumer-group.config.json. A flag beats the environment, and that beats the file.',
    ),
    '.SH COMMANDS',
    ...commands.flatMap((command) => commandLines(command, help)),
    '.SH EXIT STATUS',
    ...[
      ['0', 'done'],
      ['1', 'could not do it, or found a difference'],
      ['2', 'wrong usage or wrong settings'],
      ['130', 'ended at once by a second Ctrl-C or SIGTERM'],
    ].flatMap(([code, meaning]) => term(code, meaning)),
    '.SH EXAMPLES',
    ...examplesOf(root),
    '',
  ].join('\n');
}

function commandLines(command, help) {
  const inner = help.visibleCommands(command).filter((one) => one.name() !== 'help');
  const options = inner.length > 0 ? [] : help.visibleOptions(command);
  return [
    `.SS ${text(help.commandUsage(command))}`,
    text(command.description()),
    ...options.flatMap((option) => term(help.optionTerm(option), help.optionDescription(option))),
    ...(inner.length > 0 ? [] : ['.PP', ...examplesOf(command)]),
    ...inner.flatMap((one) => commandLines(one, help)),
  ];
}

/** The examples below the help, as they are. */
function examplesOf(command) {
  const lines = [];
  command.configureOutput({ writeOut: (written) => lines.push(written) }).outputHelp();
  const [, examples = ''] = lines.join('').split('\nExamples:\n');
  const [block] = examples.split('\n\n');
  if (!block?.trim()) return [];
  return ['.nf', ...block.trimEnd().split('\n').map(text), '.fi'];
}

function term(name, meaning) {
  return ['.TP', `.B ${text(name)}`, text(meaning)];
}

/** A text that is no command of man(7): a hyphen is typed, a backslash is shown, a dot at the beginning too. */
function text(given) {
  return given
    .replaceAll('\\', '\\e')
    .replaceAll('-', '\\-')
    .replace(/^([.'])/, '\\&$1');
}
