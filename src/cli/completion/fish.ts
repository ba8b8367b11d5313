import { allIn, type CompletedCommand, type CompletedFlag } from './tree.js';

/** A script for fish, which shows the meaning of each word. */
export function fishScript(tree: CompletedCommand): string {
  const lines = allIn(tree).flatMap((command) => {
    const here = `-n ${quoted(conditionOf(command))}`;
    const inner = command.commands.map(
      ({ path, meaning }) => `complete -c cgroup ${here} -a ${path.at(-1)} -d ${quoted(meaning)}`,
    );
    const flags = command.flags.map((flag) => `complete -c cgroup ${here} ${flagText(flag)}`);
    const { values } = command;
    const words =
      values.kind === 'words' ? [`complete -c cgroup ${here} -a ${quoted(values.words.join(' '))}`] : [];
    return [...inner, ...words, ...flags];
  });
  return `# cgroup in fish: \`cgroup completion fish > ~/.config/fish/completions/cgroup.fish\`
complete -c cgroup -e
complete -c cgroup -f
${lines.join('\n')}
`;
}

/** Whether the words on the line call this command, and none of its inner ones. */
function conditionOf({ path, commands }: CompletedCommand): string {
  const seen = path.map((word) => `__fish_seen_subcommand_from ${word}`);
  const inner = commands.map((one) => one.path.at(-1)).join(' ');
  const notYet =
    path.length === 0
      ? ['__fish_use_subcommand']
      : inner === ''
        ? []
        : [`not __fish_seen_subcommand_from ${inner}`];
  return [...seen, ...notYet].join('; and ');
}

function flagText({ names, meaning, values }: CompletedFlag): string {
  const parts = names.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`));
  if (values?.kind === 'words') parts.push(`-x -a ${quoted(values.words.join(' '))}`);
  if (values?.kind === 'files') parts.push('-r -F');
  if (values?.kind === 'any') parts.push('-x');
  return `${parts.join(' ')} -d ${quoted(meaning)}`;
}

function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, '\\$&')}'`;
}
