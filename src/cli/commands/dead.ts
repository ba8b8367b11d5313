import { Command, InvalidArgumentError } from 'commander';
import { CgroupError } from '../../core/errors.js';
import { isEntryId } from '../../core/stream-id.js';
import { plural } from '../../core/words.js';
import { printable, printableJson, shortened } from '../../log/printable.js';
import type { GroupClient } from '../../observe/client.js';
import type { ShownDeadLetter } from '../../observe/dead-letters.js';
import { wholeNumber } from '../arguments.js';
import { examplesText, GROUP_SETTINGS, print, settingsCommand, withGroup } from '../command.js';
import { confirmed } from '../confirm.js';
import { withProgress } from '../progress.js';
import { columns } from '../table.js';

/** Lines of the table without --limit. */
const DEFAULT_LIMIT = 50;
/** Exit code if the user answers the question with no. */
const NOT_DONE = 1;
/** Most characters of a message and of an error in the table. */
const MESSAGE_WIDTH = 60;
const ERROR_WIDTH = 50;
/** Bytes of a text that are read for it. */
const LONGEST_TEXT = 1_000;

export function deadCommand(): Command {
  const root = new Command('dead')
    .description('Dead letters: messages that could not be processed, kept with the reason.')
    .addHelpText(
      'after',
      examplesText([
        ['cgroup dead list', 'which messages, and why'],
        ['cgroup dead show 1795251095809-0', 'one, with its whole message'],
        ['cgroup dead retry --all', 'send them back, once the cause is fixed'],
        ['cgroup dead skip 1795251095809-0', 'let the order go on without one (onDead halt)'],
      ]),
    );
  for (const command of [listCommand(), showCommand(), retryCommand(), skipCommand(), purgeCommand()])
    root.addCommand(command);
  return root;
}

function listCommand(): Command {
  return settingsCommand('list', 'Lists the dead letters, the newest first.', GROUP_SETTINGS, [
    ['cgroup dead list', `the newest ${DEFAULT_LIMIT}`],
    ["cgroup dead list --json | jq -r '.[].error' | sort | uniq -c", 'all of them, counted by error'],
  ])
    .option('--limit <number>', `how many (default: ${DEFAULT_LIMIT}; all with --json)`, wholeNumber(1))
    .option('--json', 'print one JSON array')
    .action(async ({ limit, json }: { limit?: number; json?: boolean }, command: Command) =>
      withGroup(command, async ({ client: { deadLetters } }) => {
        if (json) {
          print(printableJson(await deadLetters.list({ limit: limit ?? Infinity }), 2));
          return;
        }
        const shown = await deadLetters.previews(limit ?? DEFAULT_LIMIT, LONGEST_TEXT);
        print(listText(shown, (await deadLetters.count()).count));
      }),
    );
}

function listText(shown: readonly ShownDeadLetter[], kept: number): string {
  if (shown.length === 0) return 'no dead letters';
  const more = kept > shown.length ? [`the newest ${shown.length} of ${kept}; --limit shows more`] : [];
  const next = 'cgroup dead show ID shows one in full; fix the cause, then: cgroup dead retry ID, or --all';
  const anyHalted = shown.some(({ halted }) => halted);
  const table = columns([
    ['id', ...(anyHalted ? ['halted'] : []), 'time', 'reason', 'attempts', 'error', 'message'],
    ...shown.map(({ id, halted, time, reason, attempts, error, message }) => [
      id,
      ...(anyHalted ? [halted ? 'yes' : ''] : []),
      time,
      printable(reason),
      String(attempts),
      shortened(error, ERROR_WIDTH),
      shortened(message, MESSAGE_WIDTH),
    ]),
  ]);
  const halts = anyHalted
    ? ['those marked as halted stop the order: send them back, or cgroup dead skip ID']
    : [];
  return [table, '', ...more, next, ...halts].join('\n');
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
        print(json ? printableJson(shown, 2) : fullText(shown));
      }),
    );
}

function fullText({ message, message_base64, ...facts }: ShownDeadLetter): string {
  const rows = Object.entries(facts).map(([name, value]) => [name, printable(String(value))]);
  const bytes = message_base64 === undefined ? [] : ['', 'not UTF-8; the bytes in base64:', message_base64];
  return [columns(rows), '', printable(message), ...bytes].join('\n');
}

function retryCommand(): Command {
  return settingsCommand(
    'retry',
    'Sends dead letters back to the inbox, where they are processed like new messages.',
    GROUP_SETTINGS,
    [
      ['cgroup dead retry 1795251095809-0', 'one or more'],
      ['cgroup dead retry --all', 'all that exist now'],
    ],
  )
    .argument('[id...]', 'ids of dead letters', (id: string, ids: string[] = []) => [...ids, letterId(id)])
    .option('--all', 'all dead letters')
    .option('--json', 'print one JSON object')
    .action(async (ids: string[], { all, json }: { all?: boolean; json?: boolean }, command: Command) => {
      if (ids.length > 0 === (all === true)) command.error('error: give the ids of dead letters, or --all');
      await withGroup(command, async ({ client }) => {
        const found = all ? undefined : await client.deadLetters.retry(ids);
        const count = found?.length ?? (await retryAll(client));
        print(
          json ? printableJson({ retried: count }) : `sent ${plural(count, 'dead letter')} back to the inbox`,
        );
        const missing = found ? ids.filter((id) => !found.includes(id)) : [];
        if (missing.length > 0) throw notFound(missing);
      });
    });
}

function skipCommand(): Command {
  return settingsCommand(
    'skip',
    'Lets an order go on without dead letters that stop it (onDead halt). They stay dead letters.',
    GROUP_SETTINGS,
    [
      ['cgroup dead skip 1795251095809-0', 'one or more'],
      ['cgroup dead skip --all', 'all that stop the order now'],
    ],
  )
    .argument('[id...]', 'ids of dead letters', (id: string, ids: string[] = []) => [...ids, letterId(id)])
    .option('--all', 'all that stop the order')
    .option('--json', 'print one JSON object')
    .action(async (ids: string[], { all, json }: { all?: boolean; json?: boolean }, command: Command) => {
      if (ids.length > 0 === (all === true)) command.error('error: give the ids of dead letters, or --all');
      await withGroup(command, async ({ client: { deadLetters } }) => {
        const found = all ? undefined : await deadLetters.skip(ids);
        const count = found?.length ?? (await deadLetters.skipAll());
        print(json ? printableJson({ skipped: count }) : skippedText(count));
        const others = found ? ids.filter((id) => !found.includes(id)) : [];
        if (others.length > 0) throw notHalted(others);
      });
    });
}

function skippedText(count: number): string {
  return count === 0
    ? 'skipped none: no dead letter stops the order'
    : `skipped ${plural(count, 'dead letter')}: the order goes on without ${count === 1 ? 'it' : 'them'}`;
}

function retryAll({ deadLetters }: GroupClient): Promise<number> {
  const shown = { unit: 'dead letters', label: 'sending back' };
  return withProgress(shown, (onProgress) => deadLetters.retryAll(onProgress));
}

function purgeCommand(): Command {
  return settingsCommand(
    'purge',
    'Deletes all dead letters for good. Asks first on a terminal.',
    GROUP_SETTINGS,
    [
      ['cgroup dead list --json > dead.json && cgroup dead purge', 'keep a copy'],
      ['cgroup dead purge --yes', 'without the question'],
    ],
  )
    .option('--yes', 'do not ask')
    .option('--json', 'print one JSON object')
    .action(async ({ yes, json }: { yes?: boolean; json?: boolean }, command: Command) => {
      const asks = !yes && process.stdin.isTTY === true;
      if (asks && process.stderr.isTTY !== true)
        command.error('error: stderr is no terminal and cannot show the question: give --yes');
      await withGroup(command, async ({ client: { deadLetters }, settings: { output } }) => {
        // Deletes no message that dies while the question is open.
        const { count, halted, newest } = await deadLetters.count();
        const goesOn =
          halted > 0
            ? ` ${plural(halted, 'of them stops', 'of them stop')} the order, which goes on then.`
            : '';
        const question = printable(`Delete ${plural(count, 'dead letter')} of ${output} for good?${goesOn}`);
        const wanted = !asks || count === 0 || (await confirmed(question));
        const purged = wanted ? await deadLetters.purge({ through: newest }) : 0;
        print(json ? printableJson({ purged }) : `deleted ${plural(purged, 'dead letter')}`);
        if (!wanted) process.exitCode = NOT_DONE;
      });
    });
}

function letterId(text: string): string {
  if (isEntryId(text)) return text;
  throw new InvalidArgumentError('An id looks like 1795251095809-0; cgroup dead list shows the ids.');
}

function notHalted(ids: readonly string[]): CgroupError {
  const what = ids.length === 1 ? 'the dead letter' : 'the dead letters';
  const verb = ids.length === 1 ? 'stops' : 'stop';
  return new CgroupError(
    'NOT_FOUND',
    `${what} ${ids.join(', ')} ${verb} no order, so there is nothing to skip: cgroup status shows what is halted`,
  );
}

function notFound(ids: readonly string[]): CgroupError {
  const what = ids.length === 1 ? 'is no dead letter' : 'are no dead letters';
  return new CgroupError(
    'NOT_FOUND',
    `there ${what} ${ids.join(', ')}: cgroup dead list shows the ids; they differ from the ids of the inbox`,
  );
}
