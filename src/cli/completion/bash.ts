import { allIn, type CompletedCommand, type Values } from './tree.js';

/** A script for bash 3.2 or newer. Nothing else needs to be installed. */
export function bashScript(tree: CompletedCommand): string {
  const all = allIn(tree);
  const paths = all.filter(({ path }) => path.length > 0).map(({ path }) => quoted(atOf(path)));
  const flagCases = all.flatMap(({ path, flags }) =>
    flags.flatMap(({ names, values }) =>
      values
        ? [
            `    ${names.map((name) => quoted(`${path.join(' ')} ${name}`)).join(' | ')}) ${answer(values)} ;;`,
          ]
        : [],
    ),
  );
  const wordCases = all.map(({ path, flags, commands, values }) => {
    const names = flags.flatMap((flag) => flag.names.filter((name) => name.startsWith('--')));
    const words = commands.length > 0 ? commands.map((one) => one.path.at(-1)) : wordsOf(values);
    return `    ${quoted(path.join(' '))}) flags=${quoted(names.join(' '))} words=${quoted(words.join(' '))} ;;`;
  });
  return `# cgroup in bash: \`source <(cgroup completion bash)\`, here or in ~/.bashrc
_cgroup() {
  local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD - 1]} at='' flags='' words='' i
  COMPREPLY=()
  # bash splits --flag=value into three words.
  if [[ $current == '=' ]]; then
    current=''
  elif [[ $before == '=' ]]; then
    before=\${COMP_WORDS[COMP_CWORD - 2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$at \${COMP_WORDS[i]}" in
    ${paths.join(' | ')}) at="\${at:+$at }\${COMP_WORDS[i]}" ;;
    esac
  done
  case "$at $before" in
${flagCases.join('\n')}
  esac
  case "$at" in
${wordCases.join('\n')}
  esac
  if [[ $current == -* ]]; then words=$flags; fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _cgroup cgroup
`;
}

/** The place of a command while the words before it are read: its outer command, a blank, its name. */
function atOf(path: readonly string[]): string {
  return path.length === 1 ? ` ${path[0]}` : path.join(' ');
}

function wordsOf(values: Values): readonly string[] {
  return values.kind === 'words' ? values.words : [];
}

function answer(values: Values): string {
  if (values.kind === 'words')
    return `COMPREPLY=($(compgen -W ${quoted(values.words.join(' '))} -- "$current")); return`;
  if (values.kind === 'any') return 'return';
  return `local IFS=$'\\n'; compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$current")); return`;
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
