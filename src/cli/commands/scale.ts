import type { Command } from 'commander';
import { type AutoscaleRule, MOST_CONSUMERS } from '../../core/control.js';
import { CgroupError } from '../../core/errors.js';
import { sizesOf } from '../../core/sizes.js';
import { numberText, plural } from '../../core/words.js';
import { printableJson } from '../../log/printable.js';
import type { GroupClient } from '../../observe/client.js';
import { DEFAULT_RULE } from '../../observe/group-control.js';
import { formatDuration } from '../../settings/durations.js';
import { durationArgument, wholeNumber } from '../arguments.js';
import { GROUP_SETTINGS, print, settingsCommand, withGroup } from '../command.js';
import { DEFAULT_TIMEOUT, TIMEOUT, WHY } from '../control/flags.js';
import { controlView, stateText } from '../control/state.js';
import { ruleText, shortageText } from '../control/text.js';
import { waitForSize } from '../control/waiting.js';
import { withFlags } from '../hints.js';
import { withProgress } from '../progress.js';

interface Flags extends Partial<AutoscaleRule> {
  readonly auto?: boolean;
  readonly why?: string;
  readonly wait: boolean;
  readonly timeout?: number;
  readonly json?: boolean;
}

export function scaleCommand(): Command {
  const { min, max, drainWithin } = DEFAULT_RULE;
  const auto = (value: number | string) => `with --auto (default: as before, or ${value})`;
  return settingsCommand(
    'scale',
    'Sets how many consumers run in all managed processes together; without a size, shows it.',
    GROUP_SETTINGS,
    [
      ['cgroup start --managed', 'first, on each host: processes that take their number from here'],
      ['cgroup scale 50 --why "sale starts"', '50 consumers, spread over hosts and processes'],
      ['cgroup scale', 'what is wanted, by whom, and what runs'],
      ['cgroup scale --auto --min 2 --max 100', 'the group finds the number by itself'],
    ],
  )
    .argument('[size]', 'consumers in all managed processes', wholeNumber(0, MOST_CONSUMERS))
    .option('--auto', 'let the group find the number, by rates and backlog')
    .option('--min <number>', `fewest consumers, ${auto(min)}`, wholeNumber(1, MOST_CONSUMERS))
    .option('--max <number>', `most consumers, ${auto(max)}`, wholeNumber(1, MOST_CONSUMERS))
    .option(
      '--drain-within <duration>',
      `how fast a backlog is to be gone, ${auto(formatDuration(drainWithin))}`,
      durationArgument,
    )
    .option(...WHY)
    .option('--no-wait', 'do not wait until so many run')
    .option(...TIMEOUT)
    .option('--json', 'print one JSON object')
    .action(async (size: number | undefined, flags: Flags, command: Command) => {
      const wrong = misuse(size, flags);
      if (wrong !== undefined) command.error(`error: ${wrong}`);
      await withGroup(command, async ({ client }) => {
        const done = await change(client, size, flags);
        if (done !== undefined && !flags.json) return print(done);
        const facts = await controlView(client);
        print(flags.json ? printableJson(facts, 2) : stateText(facts));
      });
    });
}

/** What is wrong with flags that do not fit together; undefined if nothing is. */
function misuse(size: number | undefined, flags: Flags): string | undefined {
  const { auto, min, max, drainWithin, why, wait, timeout } = flags;
  const ruled = min !== undefined || max !== undefined || drainWithin !== undefined;
  if (size !== undefined && auto) return 'give a size, or --auto: not both';
  if (!auto && ruled) return '--min, --max and --drain-within are for --auto';
  if (min !== undefined && max !== undefined && min > max) return `--min ${min} is above --max ${max}`;
  if (size === undefined && !auto && (why !== undefined || !wait || timeout !== undefined))
    return '--why, --no-wait and --timeout are for a change: give a size, or --auto';
  return undefined;
}

/** Makes the change and waits for it. Returns what to say; undefined if there is nothing to change. */
async function change(
  client: GroupClient,
  size: number | undefined,
  flags: Flags,
): Promise<string | undefined> {
  if (size === undefined) return flags.auto ? setRule(client, flags) : undefined;
  const { why, wait, timeout = DEFAULT_TIMEOUT } = flags;
  const before = await client.control();
  const set = await client.scale(size, { why, revision: before.revision });
  const was = before.size === undefined || before.size === size ? '' : ` (${numberText(before.size)} before)`;
  if (!wait) return `${plural(size, 'consumer')} wanted${was}`;
  const { running } = sizesOf(before, await client.processes());
  const total = Math.abs(size - running);
  const { managed, hosts } = await withProgress({ unit: 'consumers', label: 'scaling', total }, (update) =>
    waitForSize(client, set, { timeout, onRunning: (now) => update(total - Math.abs(size - now)) }),
  );
  const where = `in ${plural(managed, 'process', 'processes')} on ${plural(hosts, 'host')}`;
  const paused = set.paused ? withFlags('; the group is paused: cgroup resume') : '';
  return `${plural(size, 'consumer runs', 'consumers run')} ${where}${was}${paused}`;
}

async function setRule(client: GroupClient, { min, max, drainWithin, why }: Flags): Promise<string> {
  const given = Object.entries({ min, max, drainWithin }).filter(([, value]) => value !== undefined);
  const { autoscale, revision } = await client.control();
  const rule = { ...DEFAULT_RULE, ...autoscale, ...Object.fromEntries(given) };
  const set = await client.scale(rule, { why, revision });
  const processes = await client.processes();
  const sizes = sizesOf(set, processes);
  if (sizes.managed === 0) {
    const shortage = shortageText({ ...sizes, wanted: set.autoscale?.min ?? 1 }, processes);
    throw new CgroupError('STATE', `${shortage}; autoscaling stays on`);
  }
  return `autoscale ${set.autoscale ? ruleText(set.autoscale) : 'off'}: the process that leads sets the size from now on`;
}
