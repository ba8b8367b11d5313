import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { chartsOf } from './report/charts.js';
import { pageOf } from './report/page.js';
import { FULL } from './sizes.js';

const DOCS = new URL('../../docs/', import.meta.url);
const RESULTS = new URL('bench/results.json', DOCS);

/**
 * Writes docs/bench and docs/benchmarks.md. A measure that did not run this time stays as it was: each holds all that it
 * is compared with, and when and where it ran.
 *
 * @param {Record<string, object>} measured results by the name of the measure
 */
export function updateDocs(measured) {
  mkdirSync(new URL('bench/', DOCS), { recursive: true });
  const before = existsSync(RESULTS) ? JSON.parse(readFileSync(RESULTS, 'utf8')).measures : {};
  const all = { ...before, ...withoutFailed(measured) };
  const known = Object.keys(FULL).filter((name) => name in all);
  const measures = Object.fromEntries(known.map((name) => [name, all[name]]));
  writeFileSync(RESULTS, `${JSON.stringify({ measures })}\n`);
  const charts = chartsOf(measures);
  for (const [name, svg] of Object.entries(charts)) writeFileSync(new URL(`bench/${name}.svg`, DOCS), svg);
  writeFileSync(new URL('benchmarks.md', DOCS), pageOf(measures, Object.keys(charts)));
}

function withoutFailed(measures) {
  return Object.fromEntries(Object.entries(measures).filter(([, { error }]) => error === undefined));
}
