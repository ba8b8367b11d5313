import { groupBy } from './statistics.js';
import { TABLES, targetsTable } from './tables.js';
import { judge } from './targets.js';

/**
 * The whole of docs/benchmarks.md.
 *
 * @param {Record<string, object>} measures results by the name of the measure, each with where and when it ran
 * @param {string[]} charts names of the charts in docs/bench
 */
export function pageOf(measures, charts) {
  return [
    '# Benchmarks',
    '',
    'This page shows how fast cgroup is, beside the alternatives. `npm run bench` writes it; the numbers are in [bench/results.json](bench/results.json).',
    '',
    ...runsOf(measures),
    '',
    'Redis, publisher, contender and reader share the cores. Absolute numbers belong to this machine and this hour. What counts are the',
    'ratios between what ran side by side. A cell is the median of the rounds, with the least and the most in brackets.',
    ...section(targetsTable(judge(measures))),
    ...Object.entries(measures).flatMap(([name, result]) =>
      section(TABLES[name](result), charts.includes(name) ? name : undefined),
    ),
    ...HOW,
    '',
  ].join('\n');
}

/** When and where: one line if all measures ran together, else one for each set that did. */
function runsOf(measures) {
  const runs = [...groupBy(Object.entries(measures), ([, result]) => runText(result)).entries()];
  if (runs.length === 1) return [runs[0][0]];
  return runs.map(([text, same]) => `- ${same.map(([name]) => name).join(', ')}: ${text}`);
}

function runText({ at, machine, versions }) {
  const { cpu, cores, memoryGB, system } = machine;
  const list = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `${at.slice(0, 10)}, ${cores} cores of ${cpu}, ${memoryGB} GB, ${system}; ${list.join(', ')}.`;
}

/** @param {string | undefined} chart name of the chart that goes with the table */
function section({ title, note, head, rows }, chart) {
  return [
    '',
    `## ${title}`,
    '',
    ...(note ? [note, ''] : []),
    ...(chart ? [`![${title}](bench/${chart}.svg)`, ''] : []),
    ...markdownTable(head, rows),
  ];
}

/** Aligns the first column to the left, the others to the right. */
export function markdownTable(head, rows) {
  const line = (cells) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), `|${head.map((_, i) => (i === 0 ? '---' : '---:')).join('|')}|`, ...rows.map(line)];
}

const HOW = `
## How it is measured

The work is the same for all. A process publishes messages \`{"message_id":"…"}\` of 53 bytes on \`messages:published\`. Each must be
in \`messages:processed\` once, with a random property added and the id of the consumer. After each run of flood, rates, drain, scaling and
burst, the whole output is read. A message that is missing, double or unprocessed fails the benchmark.

- **Every run** has a Redis of its own without persistence, and new processes. Contenders take turns within each round. A tenth of the messages
  goes through before the clock of the flood starts, so that the code is compiled.
- **The publisher** writes ready-made PUBLISH commands to a bare socket: 500 at a time, with at most 20,000 unanswered on each connection, or the messages that
  are due each ms. It is a process of its own and shares the cores with what is measured. Only the burst uses more than one connection.
- **The limit** is \`redis-benchmark -P 100\` with XADD of the same payload, in the same round.
- **CPU** is what \`INFO cpu\` says of Redis, and the kernel of the contender's process with all its threads.
- **Latency** is measured by a process that reads the output as a user would. It compares a stamp in the message with the clock that all processes share, in µs:
  the ids in the output are too coarse. It reads over a bare socket, so that it takes little of the cores, and counts each message once.
- **Watched** means \`--http\` with open event streams, each on a connection of its own, and one scrape a second. One Node process reads them all.
- **Kinds of processors**: the module runs in one thread, by 4 consumers. Two \`cgroup worker\` with \`--concurrency 500\` have this module in a thread each,
  and no access to Redis. The Python program of \`exec:\` uses the standard library only, with \`--size 2 --concurrency 500\`, so it runs twice. The service is one
  Node process with \`node:http\`, and gets \`--size 4 --concurrency 16\`. The remote worker in Python, one process, uses \`websockets\`; it has no target.
  A processor that takes microseconds needs many messages at a time, so that many go in one write: with 100 instead of 500, a remote worker does a third less.
- **BullMQ**: a subscriber adds jobs with \`addBulk\`, up to 500. One worker has concurrency 300 (between 50 and 300 a job costs least CPU here). Jobs are removed when done
  ([bulk](https://docs.bullmq.io/guide/queues/adding-bulks), [concurrency](https://docs.bullmq.io/guide/workers/concurrency),
  [removal](https://docs.bullmq.io/guide/queues/auto-removal-of-jobs)). Two and four workers cost more CPU per job than one.
- **Bee-Queue**: \`saveAll\` of up to 500 jobs, concurrency 300, no events, no stored jobs, jobs removed when done
  ([settings](https://github.com/bee-queue/bee-queue#settings)).
- **The tutorial loop**: a subscriber adds each message with XADD. Four consumers read ten with XREADGROUP, and XADD and XACK them
  one by one. It does not remove finished entries from its stream, and does not take over the entries of a dead consumer.
- **Scripts**: each Lua script runs in a group with much of everything, and with large messages. SLOWLOG says how long Redis was busy with it.
  A run fails if one took longer than 20 ms. With large messages, the time of a bare script is left out: one that only adds, reads, moves
  or publishes such a message. Redis copies it several times for that, and a copy takes as long as the machine needs to give out memory,
  which may be 30 ms for 10 MB.

## Again

\`\`\`sh
npm ci
npm run bench                                # everything, in about an hour
npm run bench -- --only flood,latency        # some of it
npm run bench -- --only scripts              # does a script keep Redis busy for longer than 20 ms?
npm run bench -- --short                     # in a minute and a half: does it work, and are the ratios of the flood not halved?
npm run bench -- --help
\`\`\``.split('\n');
