import { Argument, Command } from 'commander';
import { examplesText, print } from '../command.js';

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

/** Prints a script. The root, which must have all commands, is found as the parent of this command. */
export function completionCommand(): Command {
  return new Command('completion')
    .description('Prints the script that lets a shell complete commands, flags and their values.')
    .addArgument(new Argument('<shell>', 'the shell that reads it').choices(SHELLS))
    .addHelpText(
      'after',
      examplesText([
        ['source <(cgroup completion bash)', 'bash: for this shell; in ~/.bashrc for all'],
        ['source <(cgroup completion zsh)', 'zsh: the same, in ~/.zshrc below compinit'],
        ['cgroup completion fish > ~/.config/fish/completions/cgroup.fish', 'fish: for all'],
      ]),
    )
    .action(async (shell: Shell, _: object, command: Command) => {
      const { treeOf } = await import('../completion/tree.js');
      const tree = treeOf(command.parent ?? command);
      print((await writerFor(shell))(tree).trimEnd());
    });
}

async function writerFor(shell: Shell) {
  switch (shell) {
    case 'bash':
      return (await import('../completion/bash.js')).bashScript;
    case 'zsh':
      return (await import('../completion/zsh.js')).zshScript;
    case 'fish':
      return (await import('../completion/fish.js')).fishScript;
  }
}
