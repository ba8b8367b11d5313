import { allIn, type CompletedCommand, type CompletedFlag, type Values } from './tree.js';

/** A script for zsh, which shows the meaning of each word. It may be read with `source`, or stand in a folder of $fpath as `_cgroup`. */
export function zshScript(tree: CompletedCommand): string {
  return `#compdef cgroup
# cgroup in zsh: \`source <(cgroup completion zsh)\` after compinit, here or in ~/.zshrc
${allIn(tree).map(functionOf).join('\n')}
if [[ $funcstack[1] == _cgroup ]]; then _cgroup "$@"; else compdef _cgroup cgroup; fi
`;
}

function functionOf(command: CompletedCommand): string {
  const specs = command.flags.map(specOf);
  if (command.commands.length === 0) {
    const argument = command.values.kind === 'any' ? [] : [quoted(`*:${actionOf('value', command.values)}`)];
    return `${nameOf(command)}() {\n  _arguments -s -S ${[...specs, ...argument].join(' ')}\n}`;
  }
  const names = command.commands.map(({ path, meaning }) => quoted(`${path.at(-1)}:${meaning}`));
  const cases = command.commands.map((one) => `    ${one.path.at(-1)}) ${nameOf(one)} ;;`);
  return `${nameOf(command)}() {
  local line state curcontext="$curcontext"
  local -a commands=(${names.join(' ')})
  _arguments -C ${specs.join(' ')} '1: :->command' '*:: :->rest'
  case $state in
  command) _describe command commands ;;
  rest)
    case $line[1] in
${cases.join('\n')}
    esac ;;
  esac
}`;
}

function nameOf({ path }: CompletedCommand): string {
  return ['_cgroup', ...path].join('_');
}

/** \`(-n --size)\`{-n,--size}\`[meaning]:value:(words)\`, as _arguments reads it. */
function specOf({ names, meaning, values }: CompletedFlag): string {
  const text = quoted(`[${escaped(meaning)}]${values ? `:${actionOf('value', values)}` : ''}`);
  // With a value, `--size 5` and `--size=5` are both right, and `-n 5` and `-n5`.
  const taking = names.map((name) => (values ? `${name}${name.startsWith('--') ? '=' : '+'}` : name));
  if (taking.length === 1) return `${taking[0]}${text}`;
  return `${quoted(`(${names.join(' ')})`)}{${taking.join(',')}}${text}`;
}

function actionOf(what: string, values: Values): string {
  if (values.kind === 'words') return `${what}:(${values.words.join(' ')})`;
  return values.kind === 'files' ? `${what}:_files` : `${what}: `;
}

function escaped(text: string): string {
  return text.replace(/[[\]:\\]/g, '\\$&');
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
