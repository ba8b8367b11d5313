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
  /\bcgroup (?:start(?: --managed)?|status|top|verify|doctor|events|scale|pause|resume|drain|undrain|dead (?:list|show|retry|skip|purge))\b/g;

/** A sentence of ours, with the flags that name the group in each command that it tells the user to type. */
export function withFlags(sentence: string, given = ofThisCommand): string {
  if (given.size === 0) return sentence;
  const flags = shellLine(flagWords(given));
  return sentence.replace(HINTED, (command) => `${command} ${flags}`);
}

/** The flags as words of a command line. @param besides flags that the command has already */
export function flagWords(given: NamingFlags, besides: readonly string[] = []): string[] {
  return [...given].flatMap(([flag, value]) =>
    besides.includes(flag) ? [] : [flag, shownValue(flag, value)],
  );
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
