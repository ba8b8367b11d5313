import { Command } from 'commander';
import { numberText, plural } from '../../core/words.js';
import { printable, printableJson } from '../../log/printable.js';
import type { GroupClient } from '../../observe/client.js';
import { examplesText, GROUP_SETTINGS, print, settingsCommand, withGroup } from '../command.js';
import { confirmed } from '../confirm.js';
import {
  addSelection,
  addWhich,
  areIds,
  letterId,
  lettersOf,
  type SelectionFlags,
  selectionOf,
  type Which,
  whichOf,
} from '../dead/selection.js';
import { fullText, groupsText, listText, notFound, notHalted } from '../dead/text.js';
import { displayOf } from '../display.js';
import { withProgress } from '../progress.js';
import { addFlagWithTwoMeanings } from '../settings/flags.js';

/** Lines of the table without --limit. */
const DEFAULT_LIMIT = 50;
/** Exit code if the user answers the question with no. */
const NOT_DONE = 1;

/** The flags of commands that act on dead letters. */
interface ActingFlags extends SelectionFlags {
  readonly all?: boolean;
  readonly json?: boolean;
}

export function deadCommand(): Command {
  const root = new Command('dead')
    .description('Dead letters: messages that could not be processed, kept with the reason.')
    .addHelpText(
      'after',
      examplesText([
        ['cgroup dead list', 'which messages, and why'],
        ['cgroup dead list --group', 'how many of each error'],
        ['cgroup dead show 1795251095809-0', 'one, with its whole message'],
        ['cgroup dead retry --all', 'send them back, once the cause is fixed'],
        ['cgroup dead retry --reason timeout', 'only those that took too long'],
        ['cgroup dead skip 1795251095809-0', 'let the order go on without one (onDead halt)'],
      ]),
    );
  for (const command of [listCommand(), showCommand(), retryCommand(), skipCommand(), purgeCommand()])
    root.addCommand(command);
  return root;
}

interface ListFlags extends SelectionFlags {
  readonly grouped?: boolean;
  readonly json?: boolean;
}

function listCommand(): Command {
  const settings = GROUP_SETTINGS.filter((name) => name !== 'group');
  const list = settingsCommand('list', 'Lists the dead letters, the newest first.', settings, [
    ['cgroup dead list', `the newest ${DEFAULT_LIMIT}`],
    ['cgroup dead list --group', 'how many of each error'],
    ['cgroup dead list --error ECONNREFUSED --since 2h', 'some of them'],
    ['cgroup dead list --json', 'all of them, in full'],
  ]);
  addFlagWithTwoMeanings(
    list,
    'group',
    'counts them by reason and error, and --limit is how many groups',
    () => list.setOptionValue('grouped', true),
  );
  return addSelection(list, `how many (default: ${DEFAULT_LIMIT}; all with --json)`)
    .option('--json', 'print one JSON array')
    .action(async ({ grouped, json, reason, error, since, limit }: ListFlags, command: Command) =>
      withGroup(command, async ({ client }) => {
        const shown = grouped ? groupsShown : json ? allShown : tableShown;
        print(await shown(client, { reason, error, since, limit }, json === true));
      }),
    );
}

async function groupsShown(
  { deadLetters }: GroupClient,
  flags: SelectionFlags,
  json: boolean,
): Promise<string> {
  const { limit = json ? undefined : DEFAULT_LIMIT, ...selection } = flags;
  const groups = await deadLetters.groups({ limit, ...selection });
  if (json) return printableJson(groups, 2);
  return groups.length === 0 ? noneText(selection) : groupsText(groups, displayOf());
}

async function allShown({ deadLetters }: GroupClient, flags: SelectionFlags): Promise<string> {
  const { limit = Number.POSITIVE_INFINITY, ...selection } = flags;
  return printableJson(await deadLetters.list({ limit, ...selection }), 2);
}

async function tableShown({ deadLetters }: GroupClient, flags: SelectionFlags): Promise<string> {
  const { limit = DEFAULT_LIMIT, ...selection } = flags;
  const isSome = selectionOf(selection) !== undefined;
  // One more shows whether there are more.
  const found = await deadLetters.previews({ limit: isSome ? limit + 1 : limit, ...selection });
  const shown = found.slice(0, limit);
  if (shown.length === 0) return noneText(selection);
  const which = `the newest ${numberText(shown.length)}`;
  const display = displayOf();
  if (isSome)
    return listText(shown, found.length > limit ? `${which} of them; --limit shows more` : '', display);
  const { count } = await deadLetters.count();
  const more = count > shown.length ? `${which} of ${numberText(count)}; --limit shows more` : '';
  return listText(shown, more, display);
}

function noneText(selection: SelectionFlags): string {
  return selectionOf(selection) ? 'no such dead letters' : 'no dead letters';
}

function showCommand(): Command {
  return settingsCommand('show', 'Shows one dead letter in full.', GROUP_SETTINGS, [
    ['cgroup dead show 1795251095809-0', 'cgroup dead list shows the ids'],
    ['cgroup dead retry 1795251095809-0', 'then, once the cause is fixed'],
  ])
    .argument('<id>', 'id of the dead letter', letterId)
    .option('--json', 'print one JSON object')
    .action(async (id: string, { json }: { json?: boolean }, command: Command) =>
      withGroup(command, async ({ client }) => {
        const shown = await client.deadLetters.show(id);
        if (!shown) throw notFound([id]);
        if (json) return print(printableJson(shown, 2));
        // Programs get the message as it was published.
        const { prettyMessage } = await import('../pretty-message.js');
        const body = process.stdout.isTTY ? prettyMessage(shown.message) : shown.message;
        print(fullText(shown, body, displayOf()));
      }),
    );
}

function retryCommand(): Command {
  const command = settingsCommand(
    'retry',
    'Sends dead letters back to the inbox, where they are processed like new messages.',
    GROUP_SETTINGS,
    [
      ['cgroup dead retry 1795251095809-0', 'one or more'],
      ['cgroup dead retry --all', 'all that exist now'],
      ['cgroup dead retry --reason timeout --limit 10', 'the newest 10 that took too long'],
      ['cgroup dead retry --error ECONNREFUSED --since 2h', 'those of an outage'],
    ],
  );
  return addWhich(command, 'all dead letters')
    .option('--json', 'print one JSON object')
    .action(async (ids: string[], { json, ...flags }: ActingFlags, command: Command) => {
      const which = whichOf(command, ids, flags);
      await withGroup(command, async ({ client }) => {
        const wanted = await lettersOf(client, which);
        const shown = { unit: 'dead letters', label: 'sending back' };
        const found = await withProgress(shown, (onProgress) => client.deadLetters.retry(wanted, onProgress));
        const text = `sent ${plural(found.length, 'dead letter')} back to the inbox`;
        print(json ? printableJson({ retried: found.length }) : text);
        refuseMissing(which, found, notFound);
      });
    });
}

/** Tells of ids that were given and are none of those that were found. */
function refuseMissing(
  which: Which,
  found: readonly string[],
  errorOf: (ids: readonly string[]) => Error,
): void {
  const there = new Set(found);
  const missing = areIds(which) ? which.filter((id) => !there.has(id)) : [];
  if (missing.length > 0) throw errorOf(missing);
}

function skipCommand(): Command {
  const command = settingsCommand(
    'skip',
    'Lets an order go on without dead letters that stop it (onDead halt). They stay dead letters.',
    GROUP_SETTINGS,
    [
      ['cgroup dead skip 1795251095809-0', 'one or more'],
      ['cgroup dead skip --all', 'all that stop the order now'],
      ["cgroup dead skip --error 'no such account'", 'those that will never work'],
    ],
  );
  return addWhich(command, 'all that stop the order')
    .option('--json', 'print one JSON object')
    .action(async (ids: string[], { json, ...flags }: ActingFlags, command: Command) => {
      const which = whichOf(command, ids, flags);
      await withGroup(command, async ({ client }) => {
        const { deadLetters } = client;
        const wanted = flags.all ? undefined : await lettersOf(client, which, { halted: true });
        const found = wanted && (await deadLetters.skip(wanted));
        const count = found?.length ?? (await deadLetters.skipAll());
        print(json ? printableJson({ skipped: count }) : skippedText(count));
        refuseMissing(which, found ?? [], notHalted);
      });
    });
}

function skippedText(count: number): string {
  return count === 0
    ? 'skipped none: no dead letter stops the order'
    : `skipped ${plural(count, 'dead letter')}: the order goes on without ${count === 1 ? 'it' : 'them'}`;
}

function purgeCommand(): Command {
  const command = settingsCommand(
    'purge',
    'Deletes dead letters for good, all if none are named. Asks first on a terminal.',
    GROUP_SETTINGS,
    [
      ['cgroup dead list --json > dead.json && cgroup dead purge', 'keep a copy'],
      ['cgroup dead purge --yes', 'without the question'],
      ['cgroup dead purge --reason invalid-json --yes', 'only what is no message'],
      ['cgroup dead purge 1795251095809-0 --yes', 'one or more'],
    ],
  );
  return addWhich(command, 'all dead letters, as without any flag')
    .option('--yes', 'do not ask')
    .option('--json', 'print one JSON object')
    .action(async (ids: string[], options: ActingFlags & { readonly yes?: boolean }, command: Command) => {
      const { json, yes, ...flags } = options;
      const which = whichOf(command, ids, flags, {});
      const asks = !yes && process.stdin.isTTY === true;
      if (asks && process.stderr.isTTY !== true)
        command.error('error: stderr is no terminal and cannot show the question: give --yes');
      await withGroup(command, async ({ client, settings: { output } }) => {
        const { deadLetters } = client;
        const isAll = ids.length === 0 && selectionOf(flags) === undefined;
        // Deletes no message that dies while the question is open.
        const wanted = isAll ? undefined : await lettersOf(client, which);
        const { count, halted, newest } = await deadLetters.count(wanted);
        const isWanted = !asks || count === 0 || (await confirmed(questionOf(count, halted, output)));
        const found = isWanted && wanted ? await deadLetters.purge(wanted) : undefined;
        const purged = found?.length ?? (isWanted ? await deadLetters.purge({ through: newest }) : 0);
        print(json ? printableJson({ purged }) : `deleted ${plural(purged, 'dead letter')}`);
        if (!isWanted) process.exitCode = NOT_DONE;
        if (found) refuseMissing(which, found, notFound);
      });
    });
}

function questionOf(count: number, halted: number, output: string): string {
  const goesOn =
    halted > 0 ? ` ${plural(halted, 'of them stops', 'of them stop')} the order, which goes on then.` : '';
  return printable(`Delete ${plural(count, 'dead letter')} of ${output} for good?${goesOn}`);
}
