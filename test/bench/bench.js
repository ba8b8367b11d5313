import { readFileSync, writeFileSync } from 'node:fs';
import Table from 'cli-table3';
import { updateDocs } from './docs.js';
import { describeMachine, describeVersions } from './machine.js';
import { floodRatios, holdAgainst } from './report/reference.js';
import { TABLES, targetsTable } from './report/tables.js';
import { judge, MOST_SCRIPT_MS, ownMs } from './report/targets.js';
import { run } from './run.js';

const say = (...lines) => process.stdout.write(`${lines.join('\n')}\n`);
const progress = (line) => process.stderr.write(`${line}\n`);

/**
 * Measures, prints and writes down.
 *
 * @param {ReturnType<import('./options.js').readOptions>} options
 * @returns {Promise<number>} exit code: 1 if a measure failed, a script is too slow or, in the short form, a ratio was halved
 */
export async function bench({ sizes, short, docs, json }) {
  const [machine, versions] = [describeMachine(), describeVersions()];
  say(`${machine.cores} × ${machine.cpu}, Node ${versions.node}, Redis ${versions.redis}`);
  const done = (name, result) => print(TABLES[name](result));
  const measures = await run(sizes, { machine, versions }, { progress, done });
  if (!short) print(targetsTable(judge(measures).filter(({ measure }) => measure in measures)));
  if (json) writeFileSync(json, `${JSON.stringify({ measures }, null, 2)}\n`);
  if (docs) updateDocs(measures);
  const failed = Object.values(measures).some(({ error }) => error !== undefined);
  const less = short && measures.flood?.rounds && isLess(floodRatios(measures.flood));
  const slow = !short && measures.scripts?.runs?.some((one) => ownMs(one) > MOST_SCRIPT_MS);
  return failed || less || slow ? 1 : 0;
}

/** Whether a ratio is less than half of the one that is stored. */
function isLess(ratios) {
  const reference = JSON.parse(readFileSync(new URL('reference.json', import.meta.url), 'utf8'));
  const verdicts = holdAgainst(ratios, reference);
  for (const { name, ratio, reference: stored, ok } of verdicts)
    say(
      `cgroup to ${name}: ${ratio.toPrecision(3)}, reference ${stored}: ${ok ? 'more than half, so fine' : 'less than half'}`,
    );
  return verdicts.some(({ ok }) => !ok);
}

function print({ title, note, head, rows }) {
  say('', title);
  if (rows.length > 0) say(tableOf(head, rows));
  if (note) say(note);
}

function tableOf(head, rows) {
  const table = new Table({
    head,
    colAligns: head.map((_, i) => (i === 0 ? 'left' : 'right')),
    style: { head: [], border: [] },
  });
  table.push(...rows);
  return table.toString();
}
