import type { Argument, Command, Option } from 'commander';
import { settingInfos } from '../settings/setting-info.js';

/** What can follow a flag, or stand as an argument. */
export type Values =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'files' | 'any' };

export interface CompletedFlag {
  /** `--size`, `-n`. */
  readonly names: readonly string[];
  /** A few words. */
  readonly meaning: string;
  /** What its value may be; undefined if it has none. */
  readonly values: Values | undefined;
}

/** A command, as shells complete it. */
export interface CompletedCommand {
  /** The words that call it: `['dead', 'list']`; none for cgroup itself. */
  readonly path: readonly string[];
  readonly meaning: string;
  readonly flags: readonly CompletedFlag[];
  readonly commands: readonly CompletedCommand[];
  /** What its first argument may be. */
  readonly values: Values;
}

/** Most characters of a meaning beside a flag: a shell shows it in one line. */
const MEANING_WIDTH = 70;
const HELP = 'help';
const ANY: Values = { kind: 'any' };

/** What there is to complete: commander's own tree of commands and flags. */
export function treeOf(command: Command, path: readonly string[] = []): CompletedCommand {
  const help = command.createHelp();
  const inner = help.visibleCommands(command);
  const commands = inner
    .filter((one) => one.name() !== HELP)
    .map((one) => treeOf(one, [...path, one.name()]));
  // commander adds a command `help` wherever there are inner ones.
  const helps = inner
    .filter((one) => one.name() === HELP)
    .map((one) => helpOn(commands, [...path, HELP], brief(one.description())));
  return {
    path,
    meaning: brief(command.description()),
    flags: help.visibleOptions(command).map(flagOf),
    commands: [...commands, ...helps],
    values: argumentValues(command.registeredArguments[0]),
  };
}

/** `help`, which takes the names of commands: after `help dead` those of the inner ones. */
function helpOn(
  commands: readonly CompletedCommand[],
  path: readonly string[],
  meaning: string,
): CompletedCommand {
  const named = commands.filter((one) => one.path.at(-1) !== HELP);
  const below = named.map((one) => helpOn(one.commands, [...path, String(one.path.at(-1))], one.meaning));
  return { path, meaning, flags: [], commands: below, values: ANY };
}

/** A command and all below it, the outer ones first. */
export function allIn(tree: CompletedCommand): CompletedCommand[] {
  return [tree, ...tree.commands.flatMap(allIn)];
}

function flagOf(option: Option): CompletedFlag {
  return {
    names: [option.short, option.long].filter((name) => name !== undefined),
    meaning: brief(option.description),
    values: option.required || option.optional ? optionValues(option) : undefined,
  };
}

function optionValues(option: Option): Values {
  const setting = Object.values(settingInfos).find(({ flag }) => flag === option.long);
  // `auto|off|only`; the `n` of `auto|n` stands for a number.
  const [, placeholder = ''] = /[<[](.*)[\]>]$/.exec(option.flags) ?? [];
  const alternatives = placeholder.includes('|') ? placeholder.split('|').filter((word) => word !== 'n') : [];
  const words = [option.argChoices ?? [], setting?.choices ?? [], alternatives].find(
    (list) => list.length > 0,
  );
  if (words) return { kind: 'words', words };
  const isFile = placeholder === 'file' || /\ba (file|module)\b/.test(option.description);
  return isFile ? { kind: 'files' } : ANY;
}

function argumentValues(argument: Argument | undefined): Values {
  return argument?.argChoices ? { kind: 'words', words: argument.argChoices } : ANY;
}

/** The beginning of a description, without the default and the variables. */
function brief(text: string): string {
  const [first = ''] = text.split(/ \(default:|[;:] |\n/);
  return first.length > MEANING_WIDTH ? `${first.slice(0, MEANING_WIDTH - 1)}…` : first;
}
