import { FAULTS } from './faults/index.js';
import { MUTANTS } from './mutants.js';

const COLUMNS = ['accepted', 'processed', 'dead', 'lost', 'inGaps', 'doubled'];

/** One line per round, and more if it failed. */
export function roundLines(result, { bridges, rate, order, on, minReplicas }) {
  const time = new Date().toISOString().slice(11, 19);
  const outage =
    result.outage === undefined ? '' : ` outage ${result.outage} ms${result.slow ? ' (slow)' : ''}`;
  const { back, settledLost, cutOff, cutOffKept } = result.numbers ?? {};
  const backAgain = back === undefined ? '' : `, a result ${back} ms after the promotion`;
  const again = settledLost > 0 ? `, ${settledLost} results reported and made again` : '';
  const there = cutOff > 0 ? `, ${cutOff} messages published at what was cut off, ${cutOffKept} kept` : '';
  const proof = result.proofs.length > 0 ? `: ${result.proofs.join('; ')}` : '';
  const lines = [
    `${time} ${result.verdict.padEnd(8)} ${result.name}${outage}${backAgain}${again}${there}${proof}`,
  ];
  if (result.why) lines.push(`    ${result.why}`);
  for (const { name, count, examples } of result.findings ?? [])
    lines.push(`    ${name}: ${count}, such as ${examples.join(' | ')}`);
  if (isBad(result)) {
    const pairs = result.faults.length > 1 ? '--pairs ' : '';
    const ordered = order === 'none' ? '' : ` --order ${order}`;
    const replicated = on === 'one' ? '' : ` --on ${on} --min-replicas ${minReplicas}`;
    const stage = `--seed ${result.seed} --bridges ${bridges} --rate ${rate}${ordered}${replicated}`;
    lines.push(`    again: npm run chaos -- ${stage} ${pairs}--faults ${result.faults}`);
    if (result.logs) lines.push(`    logs: ${result.logs}`);
  }
  return lines;
}

/** Adds up the rounds of the same faults. */
export function table(results) {
  const rows = new Map();
  for (const result of results) rows.set(result.name, add(rows.get(result.name), result));
  const head = [
    'fault',
    'runs',
    ...COLUMNS.map((name) => (name === 'inGaps' ? 'in gaps' : name)),
    'outage',
    'verdict',
  ];
  return align([head, ...[...rows.values()].map(cells)]);
}

/** Whether a round failed, or proves nothing. */
export function isBad({ verdict }) {
  return verdict === 'failed' || verdict === 'invalid';
}

export function list() {
  const faults = FAULTS.map(({ name, line, on }) => [name, on ? `${line} (--on ${on.join(', ')})` : line]);
  const mutants = Object.entries(MUTANTS).map(([name, { line }]) => [name, line]);
  return ['Faults', ...align(faults, true), '', 'Mutants', ...align(mutants, true)];
}

function add(row, { name, numbers = {}, outage = 0, slow, verdict }) {
  const before = row ?? { name, runs: 0, outage: 0, slow: false, verdicts: new Set() };
  const sums = COLUMNS.map((column) => [column, (before[column] ?? 0) + (numbers[column] ?? 0)]);
  return {
    ...before,
    ...Object.fromEntries(sums),
    runs: before.runs + 1,
    outage: Math.max(before.outage, outage),
    slow: before.slow || slow,
    verdicts: before.verdicts.add(verdict),
  };
}

function cells(row) {
  const verdict = `${[...row.verdicts].join(', ')}${row.slow ? ' (slow)' : ''}`;
  return [row.name, row.runs, ...COLUMNS.map((column) => row[column]), `${row.outage} ms`, verdict].map(
    String,
  );
}

function align(rows, left = false) {
  const widths = rows[0].map((_, i) => Math.max(...rows.map((row) => row[i].length)));
  return rows.map((row) =>
    row
      .map((cell, i) =>
        left || i === 0 || i === row.length - 1 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]),
      )
      .join('  ')
      .trimEnd(),
  );
}
