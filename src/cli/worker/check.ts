import { checkWorker } from '../../conformance/check.js';
import type { ConformanceReport } from '../../conformance/report.js';
import { plural } from '../../core/words.js';
import { printable, printableJson } from '../../log/printable.js';
import { print } from '../command.js';
import type { CheckFlags } from './check-flags.js';

/** Exit code if something is wrong. */
const WRONG = 1;
/** ms that an answer may take. */
const WITHIN = 10_000;

/** Checks the worker, and prints what is wrong with it. */
export async function runCheck(target: string, flags: CheckFlags): Promise<void> {
  const report = await checkWorker({
    target,
    message: flags.message,
    failing: flags.failing,
    within: flags.answerWithin ?? WITHIN,
    onListening: (url) =>
      process.stderr.write(`cgroup: waiting up to 30 s for a worker to connect to ${printable(url)}\n`),
  });
  print(flags.json ? printableJson(report, 2) : reportText(report));
  if (!report.ok) process.exitCode = WRONG;
}

/** The findings as text. */
export function reportText({ findings }: ConformanceReport): string {
  const width = Math.max(...findings.map(({ check }) => check.length));
  const indent = ' '.repeat(width + 9);
  const lines = findings.flatMap(({ check, status, what, why, advice }) => [
    `${status.padEnd(5)}  ${check.padEnd(width)}  ${printable(what)}`,
    ...(why === undefined ? [] : [`${indent}why: ${printable(why)}`]),
    ...(advice === undefined ? [] : [`${indent}do:  ${printable(advice)}`]),
  ]);
  const count = findings.filter(({ status }) => status === 'wrong').length;
  const verdict = count === 0 ? 'The worker is right.' : `${plural(count, 'thing is', 'things are')} wrong.`;
  return [...lines, '', verdict].join('\n');
}
