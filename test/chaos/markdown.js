import { readFileSync } from 'node:fs';

const SUMS = ['accepted', 'processed', 'dead', 'lost', 'inGaps', 'doubled', 'cutOff'];

/**
 * A table in Markdown of what runs wrote with `--json`: a line for each fault, over all seeds. A round that failed, or that proved
 * nothing, is named below it.
 *
 * @param {string[]} files
 */
export function markdownOf(files) {
  const rounds = files.flatMap((file) => JSON.parse(readFileSync(file, 'utf8')).results);
  const names = [...new Set(rounds.map(({ name }) => name))].sort();
  const rows = names.map((name) =>
    rowOf(
      name,
      rounds.filter((round) => round.name === name),
    ),
  );
  const back = rounds.some(({ numbers }) => numbers?.back !== undefined);
  const last = back ? 'back after: median, longest' : 'longest outage';
  return [
    `| fault | rounds | accepted | processed | dead | lost | lost in gaps | doubled | published at what was cut off | ${last} |`,
    `|---|${'---:|'.repeat(9)}`,
    ...rows,
    rowOf('**all**', rounds, false),
    '',
    ...rounds.filter(({ verdict }) => verdict !== 'ok').map(badLine),
  ];
}

function rowOf(name, rounds, withTimes = true) {
  const sums = SUMS.map((sum) => rounds.reduce((all, { numbers }) => all + (numbers?.[sum] ?? 0), 0));
  return `| ${[name, rounds.length, ...sums, withTimes ? times(rounds) : ''].join(' | ')} |`;
}

/** How long it took from the promotion to the first result; where nothing was promoted, the longest outage. */
function times(rounds) {
  const backs = rounds.flatMap(({ numbers }) => numbers?.back ?? []).toSorted((a, b) => a - b);
  if (backs.length > 0) return `${backs[Math.floor(backs.length / 2)]} ms, ${backs.at(-1)} ms`;
  return `outage ${Math.max(0, ...rounds.map(({ outage = 0 }) => outage))} ms`;
}

function badLine({ name, seed, verdict, why, findings = [] }) {
  const found = findings.map((finding) => `${finding.name} (${finding.count})`).join(', ');
  return `- ${verdict}: ${name}, seed ${seed}: ${why ?? found}`;
}
