import { resolve } from 'node:path';
import { type Command, InvalidArgumentError } from 'commander';
import { numberText, plural } from '../../core/words.js';
import { printable, printableJson } from '../../log/printable.js';
import type { Verification } from '../../verify/verify.js';
import { GROUP_SETTINGS, print, settingsCommand, withGroup } from '../command.js';
import { type Display, displayOf, PLAIN } from '../display.js';
import { withFlags } from '../hints.js';
import { withProgress } from '../progress.js';
import { table } from '../table.js';

/** Exit code if there is a difference. */
const DIFFERENT = 1;

export function verifyCommand(): Command {
  return settingsCommand(
    'verify',
    'Compares output and dead letters with the counters, and with ledgers. Exit code 1 if they differ.',
    GROUP_SETTINGS,
    [
      ['cgroup verify', 'was each relayed message settled once?'],
      ['cgroup verify --ledger ids.txt', 'and each published one? (cgroup publish --ledger ids.txt)'],
      ['cgroup verify --steps', 'how long did each step take? (with an order or a record)'],
      ['cgroup status', 'when and why messages were missed (gaps)'],
    ],
  )
    .option(
      '--ledger <file>',
      'file of message ids, one a line, in the order of the channel; repeat it for several',
      collectLedger,
    )
    .option('--steps', 'how long results waited, were processed and were parked: percentiles of each step')
    .option('--json', 'print one JSON object')
    .action(async (flags: { ledger?: string[]; steps?: boolean; json?: boolean }, command: Command) =>
      withGroup(command, async ({ client, settings, log }) => {
        const result = await withProgress({ unit: 'entries', label: 'verifying' }, (onProgress) =>
          client.verify({ ledgers: flags.ledger ?? [], steps: flags.steps === true, onProgress }),
        );
        if (isEmpty(result))
          log.warn(
            {},
            `nothing to verify: no group has written to ${settings.output} here; check --output and --redis`,
          );
        print(flags.json ? printableJson(result, 2) : verificationText(result, flags.steps, displayOf()));
        if (!result.ok) process.exitCode = DIFFERENT;
      }),
    );
}

/** A file given twice would list each of its ids twice: all of them would count as lost. */
function collectLedger(path: string, paths: readonly string[] = []): string[] {
  if (paths.some((other) => resolve(other) === resolve(path)))
    throw new InvalidArgumentError('This file was given before: give each ledger once.');
  return [...paths, path];
}

/** Whether there is neither a message nor a difference. */
function isNothing({ relayed, lost, doubled, unexpected, outOfOrder }: Verification): boolean {
  return relayed + lost + doubled + unexpected + outOfOrder === 0;
}

/** Whether the group has done nothing yet. */
function isEmpty(result: Verification): boolean {
  const { relayed, processed, dead, backlog, lost, doubled, unexpected, ledger } = result;
  return relayed + processed + dead + backlog + doubled + unexpected === 0 && lost === (ledger ?? 0);
}

/**
 * A verification as a table, a verdict, and the meaning of each difference.
 *
 * @param withSteps whether to show the steps, or to say why there are none
 */
export function verificationText(result: Verification, withSteps = false, display = PLAIN): string {
  const { relayed, processed, dead, backlog, parked, ledger, lost, doubled, unexpected } = result;
  const rows = Object.entries({
    relayed,
    processed,
    dead,
    backlog,
    ...(parked > 0 && { parked }),
    ledger,
    lost,
    doubled,
    unexpected,
    ...(result.order !== 'none' && { 'out of order': result.outOfOrder }),
  });
  const numbers = rows.flatMap(([name, number]) => (number === null ? [] : [[name, display.number(number)]]));
  const steps = withSteps ? [stepsText(result, display)] : [];
  return [
    table(display, undefined, numbers),
    verdict(result),
    ...findings(result),
    ...remarks(result),
    ...steps,
  ].join('\n\n');
}

function stepsText({ steps, outputType, processed }: Verification, display: Display): string {
  if (steps === null)
    return processed > 0
      ? 'no steps: results have the times of their steps only if they were written with an order or a record; set order or record'
      : 'no steps: there are no results yet';
  const { waiting, processing, parking, total } = steps;
  const shown = { waiting, processing, ...(parking && { parking }), total };
  const rows = Object.entries(shown).map(([step, { count, p50, p95, p99, max }]) => [
    step,
    ...[count, p50, p95, p99, max].map(display.number),
  ]);
  const times = table(display, ['ms', 'count', 'p50', 'p95', 'p99', 'max'], rows);
  if (outputType === 'stream') return times;
  return `${times}\n\nthe output is a list, which does not say when a result came into it: there is no parking, and total ends with the processing`;
}

function verdict(result: Verification): string {
  const { ok, relayed, processed, dead, backlog, parked, lost, doubled, unexpected, untraceable, order } =
    result;
  const waiting = parked > 0 ? ` + ${numberText(parked)} parked` : '';
  const sum = `${numberText(relayed)} relayed = ${numberText(processed)} processed + ${numberText(dead)} dead + ${numberText(backlog)} backlog${waiting}`;
  const untraced = untraceable > 0 ? `; ${numberText(untraceable)} of the ledger's ids cannot be traced` : '';
  if (!ok && isNothing(result)) return 'nothing to verify: no group has ever run with this output';
  if (ok && relayed === 0) return 'no message was ever relayed';
  const ordered = order === 'none' ? '' : order === 'total' ? ', in order' : ', in order of each key';
  if (ok) return `${backlog + parked > 0 ? 'so far ' : ''}every message once${ordered}${untraced}: ${sum}`;
  const found = Object.entries({ lost, doubled, unexpected }).filter(([, count]) => count > 0);
  const wrong = found.map(([kind, count]) => `${numberText(count)} ${kind}`);
  if (wrong.length === 0)
    return `every message once, but NOT in order: ${numberText(result.outOfOrder)} out of order`;
  if (result.outOfOrder > 0) wrong.push(`${numberText(result.outOfOrder)} out of order`);
  return `NOT every message once: ${wrong.join(', ')}`;
}

function findings(result: Verification): string[] {
  const { lost, doubled, unexpected, examples } = result;
  return [
    finding('lost', lost, whyLost(result), examples.lost),
    finding('doubled', doubled, whyDoubled(result), examples.doubled),
    finding('unexpected', unexpected, whyUnexpected(result), examples.unexpected),
    finding('out of order', result.outOfOrder, whyOutOfOrder(result), examples.outOfOrder),
  ].filter((text) => text !== '');
}

function finding(kind: string, count: number, why: readonly string[], ids: readonly string[]): string {
  if (count === 0) return '';
  const more = ids.length > 0 && ids.length < count ? ['…'] : [];
  return [`${kind}:`, ...why, ...[...ids.map(printable), ...more].map((id) => `  ${id}`)].join('\n  ');
}

function whyLost({ byCounters, byLedger, lostInGaps }: Verification): string[] {
  const why: string[] = [];
  if (byCounters.lost > 0)
    why.push(
      `${numberText(byCounters.lost)} were relayed and left neither a result nor a dead letter: another program deletes ` +
        'from the keys of the group (XDEL, XTRIM, DEL); to keep the output short, set outputMaxLen instead',
    );
  if (lostInGaps > 0)
    why.push(
      `${numberText(lostInGaps)} were published in a gap that the group recorded, or before it if Redis lost data; ` +
        `${withFlags('cgroup status')} shows when and why: if no bridge was connected, run ${withFlags('cgroup start')} in two processes or ` +
        'more; if Redis lost data, turn on its appendonly',
    );
  const unexplained = (byLedger?.lost ?? 0) - lostInGaps - byCounters.lost;
  if (unexplained > 0)
    why.push(
      `${unexplained} are only in the ledger, and no gap is recorded for them: was the ledger written on this ` +
        'channel, and has the group run since? If so, this is a defect of cgroup: please report it',
    );
  return why;
}

function whyDoubled({ byCounters }: Verification): string[] {
  if (byCounters.doubled > 0)
    return [
      'messages have more than one result or dead letter: ' +
        'another program copied entries, or this is a defect of cgroup: please report it',
    ];
  return [
    'ids have more results or dead letters than the ledger lists: ' +
      'the publisher sent them again, or a ledger is missing (repeat --ledger for several)',
  ];
}

function whyUnexpected({ byCounters, byLedger }: Verification): string[] {
  const why: string[] = [];
  if (byCounters.unexpected > 0)
    why.push(
      'the streams hold more than the counters say: ' +
        'another program writes to the keys of the group; give the group its own --output',
    );
  if ((byLedger?.unexpected ?? 0) > byCounters.unexpected)
    why.push(
      'there are results of messages that no ledger lists: ' +
        'others publish too, or did before; give all ledgers (repeat --ledger for several)',
    );
  return why;
}

function whyOutOfOrder({ order }: Verification): string[] {
  return [
    `results left after later ones${order === 'key' ? ' of their key' : ''}: ` +
      'another program moved entries, or this is a defect of cgroup: please report it',
  ];
}

/** Facts that are no difference, but good to know. */
function remarks({ backlog, trimmed, purged, taken, untraceable, gaps, ledger }: Verification): string[] {
  const remarks: string[] = [];
  if (backlog > 0)
    remarks.push(
      `${plural(backlog, 'message is', 'messages are')} not settled yet: verify again later (${withFlags('cgroup status')} shows the backlog)`,
    );
  const gone: string[] = [];
  if (trimmed > 0) gone.push(plural(trimmed, 'result was trimmed', 'results were trimmed'));
  if (taken > 0) gone.push(plural(taken, 'result was taken by others', 'results were taken by others'));
  if (purged > 0) gone.push(plural(purged, 'dead letter was purged', 'dead letters were purged'));
  if (ledger !== null && gone.length > 0)
    remarks.push(
      `${gone.join(' and ')}: the ledger cannot be compared completely; ` +
        `${numberText(untraceable)} of its ids were not found and may be among them`,
    );
  if (ledger === null && taken > 0)
    remarks.push(
      `${plural(taken, 'result is', 'results are')} not in the list any more: others took them, or deleted them; ` +
        'nothing can tell which, and a doubled one among them is not found',
    );
  if (ledger === null && gaps > 0)
    remarks.push(
      `messages may have been missed ${plural(gaps, 'time')} (gaps, see ${withFlags('cgroup status')}): only a ledger can show which`,
    );
  return remarks;
}
