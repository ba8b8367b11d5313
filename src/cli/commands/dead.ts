import { Command, InvalidArgumentError } from 'commander';
import { CgroupError } from '../../core/errors.js';
import { isEntryId } from '../../core/stream-id.js';
import { printable } from '../../log/printable.js';
import type { Inspector } from '../../observe/client.js';
import { type ShownDeadLetter, shownDeadLetter } from '../../observe/dead-letters.js';
import { examplesText, GROUP_SETTINGS, print, settingsCommand, withGroup } from '../command.js';
import { canAsk, confirmed, isAttended } from '../confirm.js';
import { lettersText, letterText } from '../dead-letter.js';
import { progress } from '../progress.js';
import { wholeNumber } from '../settings/arguments.js';

/** Lines of the table, unless told otherwise. */
const SHOWN = 50;
/** Letters sent back in one call. */
const BATCH = 500;
/** Exit code where the user, asked, wanted it not. */
const NOT_DONE = 1;

export function deadCommand(): Command {
  const root = new Command('dead')
    .description('Dead letters: messages that could not be processed, kept with their reason.')
    .addHelpText(
      'after',
      examplesText([
        ['cgroup dead list', 'which there are, and why'],
        ['cgroup dead show 1795251095809-0', 'all there is to one'],
        ['cgroup dead retry --all', 'sends them back, once the cause is mended'],
      ]),
    );
  for (const command of [listCommand(), showCommand(), retryCommand(), purgeCommand()])
    root.addCommand(command);
  return root;
}

function listCommand(): Command {
  return settingsCommand('list', 'Lists the dead letters, the newest first.', GROUP_SETTINGS, [
    ['cgroup dead list', `the newest ${SHOWN}`],
    ["cgroup dead list --json | jq -r '.[].error' | sort | uniq -c", 'all of them, counted by error'],
  ])
    .option('--limit <number>', `how many (default: ${SHOWN}; all with --json)`, wholeNumber(1))
    .option('--json', 'print one JSON array')
    .action(async ({ limit, json }: { limit?: number; json?: boolean }, command: Command) =>
      withGroup(command, async ({ client: { inspector } }) => {
        const most = limit ?? (json ? Infinity : SHOWN);
        const letters: ShownDeadLetter[] = [];
        for await (const entry of inspector.newestDeadLetters(most)) letters.push(shownDeadLetter(entry));
        if (json) print(JSON.stringify(letters, null, 2));
        else print(listText(letters, (await inspector.read()).deadLength));
      }),
    );
}

function listText(letters: readonly ShownDeadLetter[], kept: number): string {
  if (letters.length === 0) return 'no dead letters';
  const more = kept > letters.length ? [`the newest ${letters.length} of ${kept}; --limit shows more`] : [];
  const next = 'cgroup dead show ID tells all of one; mend the cause, then: cgroup dead retry ID, or --all';
  return [lettersText(letters), '', ...more, next].join('\n');
}

function showCommand(): Command {
  return settingsCommand('show', 'Shows all there is to one dead letter.', GROUP_SETTINGS, [
    ['cgroup dead show 1795251095809-0', 'the id is that of cgroup dead list'],
  ])
    .argument('<id>', 'id of the dead letter', letterId)
    .option('--json', 'print one JSON object')
    .action(async (id: string, { json }: { json?: boolean }, command: Command) =>
      withGroup(command, async ({ client }) => {
        const entry = await client.inspector.deadLetter(id);
        if (!entry) throw notThere([id]);
        const letter = shownDeadLetter(entry);
        print(json ? JSON.stringify(letter, null, 2) : letterText(letter));
      }),
    );
}

function retryCommand(): Command {
  return settingsCommand(
    'retry',
    'Sends dead letters back to the inbox, to be processed like new messages.',
    GROUP_SETTINGS,
    [
      ['cgroup dead retry 1795251095809-0', 'one, or several'],
      ['cgroup dead retry --all', 'all that there are now'],
    ],
  )
    .argument('[id...]', 'ids of dead letters', (id: string, ids: string[] = []) => [...ids, letterId(id)])
    .option('--all', 'all dead letters')
    .option('--json', 'print one JSON object')
    .action(async (ids: string[], { all, json }: { all?: boolean; json?: boolean }, command: Command) => {
      if (ids.length > 0 === (all === true)) command.error('error: give the ids of dead letters, or --all');
      await withGroup(command, async ({ client: { inspector } }) => {
        const found = all ? undefined : await inspector.revive([...new Set(ids)]);
        const count = found?.length ?? (await retryAll(inspector));
        print(json ? JSON.stringify({ retried: count }) : `sent ${lettersOf(count)} back to the inbox`);
        const missing = found ? ids.filter((id) => !found.includes(id)) : [];
        if (missing.length > 0) throw notThere(missing);
      });
    });
}

/** Those that are there at the beginning, and no more: one that dies again would be sent back for ever. */
async function retryAll(inspector: Inspector): Promise<number> {
  const { lastDead, deadLength } = await inspector.read();
  const shown = progress({ total: deadLength, unit: 'dead letters', label: 'sending back' });
  let count = 0;
  let batch: string[] = [];
  const send = async () => {
    count += (await inspector.revive(batch)).length;
    batch = [];
    shown.update(count);
  };
  try {
    for await (const { id } of inspector.deadLetters(lastDead)) {
      if (batch.push(id) >= BATCH) await send();
    }
    if (batch.length > 0) await send();
  } finally {
    shown.stop();
  }
  return count;
}

function purgeCommand(): Command {
  return settingsCommand(
    'purge',
    'Deletes all dead letters, for good. On a terminal it asks first.',
    GROUP_SETTINGS,
    [
      ['cgroup dead list --json > dead.json && cgroup dead purge', 'with a copy'],
      ['cgroup dead purge --yes', 'without being asked'],
    ],
  )
    .option('--yes', 'do not ask')
    .option('--json', 'print one JSON object')
    .action(async ({ yes, json }: { yes?: boolean; json?: boolean }, command: Command) => {
      const asks = !yes && isAttended();
      if (asks && !canAsk())
        command.error('error: the question would not be seen, for stderr is no terminal: give --yes');
      await withGroup(command, async ({ client: { inspector }, settings: { output } }) => {
        // Those that are there now, and no more: what dies while the question stands is not agreed to.
        const { lastDead, deadLength } = await inspector.read();
        const question = printable(`Delete ${lettersOf(deadLength)} of ${output} for good?`);
        const wanted = !asks || deadLength === 0 || (await confirmed(question));
        const purged = wanted ? await inspector.purge(lastDead) : 0;
        print(json ? JSON.stringify({ purged }) : `deleted ${lettersOf(purged)}`);
        if (!wanted) process.exitCode = NOT_DONE;
      });
    });
}

function letterId(text: string): string {
  if (isEntryId(text)) return text;
  throw new InvalidArgumentError('An id looks like 1795251095809-0; cgroup dead list shows them.');
}

function lettersOf(count: number): string {
  return count === 1 ? '1 dead letter' : `${count} dead letters`;
}

function notThere(ids: readonly string[]): CgroupError {
  const text =
    ids.length === 1 ? `there is no dead letter ${ids[0]}` : `there are no dead letters ${ids.join(', ')}`;
  return new CgroupError(
    'NOT_FOUND',
    `${text}: cgroup dead list shows their ids, which are not those of the messages in the inbox`,
  );
}
