import { type Command, InvalidArgumentError, Option } from 'commander';
import { DEAD_REASONS } from '../../core/consumer-store.js';
import { deadLetterPlaceIn } from '../../core/dead-letter-id.js';
import { CgroupError } from '../../core/errors.js';
import type { GroupClient } from '../../observe/client.js';
import { type DeadLetterSelection, sinceOf } from '../../observe/dead-selection.js';
import { wholeNumber } from '../arguments.js';

/** The flags that say which dead letters are meant, as they are read. */
export interface SelectionFlags {
  readonly reason?: string | undefined;
  readonly error?: string | undefined;
  readonly since?: string | undefined;
  readonly limit?: number | undefined;
}

/** Adds the flags that select dead letters. @param limit what `--limit` means */
export function addSelection(command: Command, limit: string): Command {
  return command
    .addOption(new Option('--reason <reason>', 'only with this reason').choices(DEAD_REASONS))
    .option('--error <text>', 'only with this text in the error, in upper or lower case', errorText)
    .option('--since <time>', 'only those of the last 10m, or since 2026-11-21T08:00:00Z', since)
    .option('--limit <number>', limit, wholeNumber(1));
}

/** Adds the three ways to name dead letters: ids, `--all`, or what they have in common. */
export function addWhich(command: Command, all: string): Command {
  command.argument('[id...]', 'ids of dead letters', (id: string, ids: string[] = []) => [
    ...ids,
    letterId(id),
  ]);
  return addSelection(command.option('--all', all), 'only so many, the newest');
}

/** What of the flags selects dead letters; undefined if none does. */
export function selectionOf({
  reason,
  error,
  since,
  limit,
}: SelectionFlags): DeadLetterSelection | undefined {
  const selection = { reason, error, since, limit };
  return Object.values(selection).some((value) => value !== undefined) ? selection : undefined;
}

/** The dead letters that a command means: these ids, or a selection, which is empty for all. */
export type Which = readonly string[] | DeadLetterSelection;

/** Ends the command with wrong usage unless they are named in exactly one way. @param bare what is meant without any of them */
export function whichOf(
  command: Command,
  ids: readonly string[],
  { all, ...flags }: SelectionFlags & { readonly all?: boolean },
  bare?: Which,
): Which {
  const ways = [ids.length > 0 ? ids : undefined, all ? {} : undefined, selectionOf(flags)];
  const [which = bare, more] = ways.filter((way) => way !== undefined);
  if (which === undefined || more !== undefined)
    command.error(
      'error: give the ids of dead letters, or --all, or what they have in common: --reason, --error, --since, --limit',
    );
  return which;
}

/** Whether they are named by their ids. */
export function areIds(which: Which): which is readonly string[] {
  return Array.isArray(which);
}

/** Their ids. */
export async function lettersOf(
  { deadLetters }: GroupClient,
  which: Which,
  more: DeadLetterSelection = {},
): Promise<readonly string[]> {
  return areIds(which) ? which : deadLetters.select({ ...which, ...more });
}

/** Parses the id of a dead letter. */
export function letterId(text: string): string {
  if (deadLetterPlaceIn(text)) return text;
  throw new InvalidArgumentError('An id looks like 1795251095809-0; cgroup dead list shows the ids.');
}

function errorText(text: string): string {
  if (text !== '') return text;
  throw new InvalidArgumentError('It must be a text to look for.');
}

/** Only checks it: a duration refers to the clock of Redis. */
function since(text: string): string {
  try {
    sinceOf(text, 0);
    return text;
  } catch (error) {
    if (!(error instanceof CgroupError)) throw error;
    throw new InvalidArgumentError(
      'It must be a duration such as 10m, or a time such as 2026-11-21T08:00:00Z.',
    );
  }
}
