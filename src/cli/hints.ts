import type { Command } from 'commander';
import { MASK, maskUrl } from '../log/redaction.js';
import { namingFlags } from './settings/flags.js';

// Commands that we tell the user to type: they must find the group that the user has named.

/** By flag: the values that name a group. */
export type NamingFlags = ReadonlyMap<string, string>;

/** Those of the command that runs. What comes from the environment or a config file holds for the next command, too. */
let ofThisCommand: NamingFlags = new Map();

/** From now on, hints have the flags of this command. */
export function takeFlags(command: Command): void {
  ofThisCommand = namingFlags(command);
}

/** Our commands in hints; those that take other flags are not among them. */
const HINTED =
  /\bcgroup (?:start(?: --managed)?(?: --lanes \d+)?|status|top|verify|doctor|events|scale|pause|resume|drain|undrain|dead (?:list|show|retry|skip|purge))\b/g;

/** A sentence of ours, with the flags that name the group in each command that it tells the user to type. */
export function withFlags(sentence: string, given = ofThisCommand): string {
  if (given.size === 0) return sentence;
  return sentence.replace(HINTED, (command) => {
    const flags = flagWords(given, command.split(' '));
    return flags.length === 0 ? command : `${command} ${shellLine(flags)}`;
  });
}

/** Flags of which only these commands need to be told: the others ask the group. */
const NEEDED_BY: Readonly<Record<string, readonly string[]>> = { '--lanes': ['start', 'doctor'] };

/** The flags, as words that follow a command of ours, which has none of them yet. */
export function flagWords(given: NamingFlags, command: readonly string[]): string[] {
  return [...given].flatMap(([flag, value]) => {
    const isNeeded = NEEDED_BY[flag]?.includes(command[1] ?? '') ?? true;
    return isNeeded && !command.includes(flag) ? [flag, shownValue(flag, value)] : [];
  });
}

/** A value as it may be shown: PASSWORD in place of a password. */
export function shownValue(flag: string, value: string): string {
  return flag === '--redis' ? maskUrl(value).replaceAll(MASK, 'PASSWORD') : value;
}

/** Words quoted for a shell. */
export function shellLine(words: readonly string[]): string {
  return words
    .map((word) => (/^[\w:.,@%+/=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(' ');
}
