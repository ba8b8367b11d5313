import { megabytes, short, spreadText, whole } from './format.js';
import { byMinute } from './memory.js';
import { ORDER_TABLES } from './order-tables.js';
import { SERVER_TABLES } from './server-tables.js';
import { groupBy, ratio, spread } from './statistics.js';
import { MOST_SCRIPT_MS } from './targets.js';

/** The kinds of processors, in words. */
const KINDS = {
  limit: 'limit: redis-benchmark -P 100 XADD',
  module: 'a module in threads',
  remote: '`remote`, 2 `cgroup worker` with this module',
  exec: '`exec:` a Python program',
  http: '`http://` a Node service',
  python: '`remote`, 1 worker in Python',
};

/**
 * The tables of each measure, from its result: `{ title, head, rows, note }`. The first column is text, the others are numbers.
 * With several rounds, a cell has the median with the least and the most.
 */
export const TABLES = {
  flood: ({ messages, rounds }) => ({
    title: `End to end at full flood, ${whole(messages)} messages`,
    note: 'From the first PUBLISH to the last result. Ratios are taken round by round. CPU is per message, without the publisher.',
    head: ['', 'msg/s', 'of the XADD limit', 'cgroup is faster', 'CPU of Redis, µs', 'CPU of Node, µs'],
    rows: Object.keys(rounds[0]).map((who) => {
      const numbers = (read) => spread(rounds.map((round) => read(round[who])).filter(Number.isFinite));
      const against = (a, b) =>
        ratio(
          rounds,
          (round) => round[a].rate,
          (round) => round[b].rate,
        );
      return [
        who === 'limit' ? 'limit: redis-benchmark -P 100 XADD' : who,
        spreadText(
          numbers(({ rate }) => rate),
          whole,
        ),
        spreadText(against(who, 'limit'), short),
        ['limit', 'cgroup'].includes(who) ? '' : `${short(against('cgroup', who).median)} ×`,
        spreadText(
          numbers(({ redisMicros }) => redisMicros),
          short,
        ),
        spreadText(
          numbers(({ nodeMicros }) => nodeMicros),
          short,
        ),
      ];
    }),
  }),

  rates: ({ seconds, runs }) => ({
    title: `Steady rates, ${seconds} s each`,
    note: 'Behind: from the last PUBLISH to the last result. A program that is more than 500 ms behind does not keep up, and got no higher rates.',
    head: ['', 'msg/s', 'keeps up', 'behind, ms', 'CPU of Redis, µs', 'CPU of Node, µs'],
    rows: byContenderAndRate(runs, (same, numbers) => [
      `${same.filter(({ keptUp }) => keptUp).length} of ${same.length}`,
      spreadText(numbers('behindMs'), whole),
      spreadText(numbers('redisMicros'), short),
      spreadText(numbers('nodeMicros'), short),
    ]),
  }),

  latency: ({ seconds, runs }) => ({
    title: `Latency from PUBLISH to a reader of the output, ${seconds} s each`,
    note: 'In ms, of every message, from when it was written to the socket. The publisher sends what is due each ms; late: how far it was behind its own plan, which is the machine, not the contender. A latency is no better than the machine was, so read p99 beside how late 99 % of the messages were. A program that had a backlog got no higher rates.',
    head: ['', 'msg/s', 'p50', 'p99', 'publisher late, p99', 'p99.9', 'most', 'publisher late, most'],
    rows: byContenderAndRate(runs, (_, numbers) =>
      ['p50', 'p99', 'lateP99', 'p999', 'max', 'late'].map((name) => spreadText(numbers(name), short)),
    ),
  }),

  ...ORDER_TABLES,

  drain: ({ messages, rounds }) => ({
    title: `Drain of a backlog of ${whole(messages)} messages`,
    note: 'From the first result to the last, by 4 consumers; the bridge has ended before.',
    head: ['', 'msg/s', 'of the XADD limit'],
    rows: ['limit', 'cgroup'].map((who) => [
      who === 'limit' ? 'limit: redis-benchmark -P 100 XADD' : who,
      spreadText(spread(rounds.map((round) => round[who].rate)), whole),
      spreadText(
        ratio(
          rounds,
          (round) => round[who].rate,
          (round) => round.limit.rate,
        ),
        short,
      ),
    ]),
  }),

  scaling: ({ runs }) => {
    const works = [...groupBy(runs, ({ work }) => work).keys()];
    const rateOf = (size, work) =>
      spread(runs.filter((run) => run.size === size && run.work === work).map(({ rate }) => rate));
    const sizes = [...groupBy(runs, ({ size }) => size).keys()];
    return {
      title: 'Throughput against the number of consumers',
      note: 'msg/s out of a backlog, by the ms that the processor waits for each message; in brackets the share of linear: so many times one consumer.',
      head: ['consumers', ...works.map((work) => (work === 0 ? 'no work' : `${work} ms`))],
      rows: sizes.map((size) => [
        String(size),
        ...works.map((work) => {
          const { median } = rateOf(size, work);
          const linear = median / ((size / sizes[0]) * rateOf(sizes[0], work).median);
          return work === 0 ? whole(median) : `${whole(median)} (${linear.toFixed(2)})`;
        }),
      ]),
    };
  },

  threads: ({ runs }) => ({
    title: 'A processor that computes, against the number of threads',
    note: 'Each message takes 500 kB of SHA-256; 4 consumers, out of a backlog.',
    head: ['threads', 'msg/s', 'of the first row'],
    rows: [...groupBy(runs, (run) => run.threads).entries()].map(([count, same]) => {
      const first = runs.filter((run) => run.threads === runs[0].threads);
      const perRound = same.map((run, i) => run.rate / first[i].rate);
      return [
        String(count),
        spreadText(spread(same.map(({ rate }) => rate)), whole),
        spreadText(spread(perRound), short),
      ];
    }),
  }),

  processors: ({ messages, latency, rounds }) => ({
    title: 'The same processor, in any language and on any host',
    note: `It adds a random number to the message. msg/s: end to end at full flood (${Object.entries(messages)
      .map(([kind, count]) => `${kind} ${whole(count)}`)
      .join(', ')} messages), publisher, Redis, group and workers on the same cores. ${
      latency
        ? `Latency, in ms: from PUBLISH to a reader of the output, at ${whole(latency.rate)} msg/s, ${latency.seconds} s each. `
        : ''
    }CPU is per message, without the publisher; workers in threads count with the group. How each kind is set up is below.`,
    head: [
      '',
      'msg/s',
      'of a module in threads',
      'of the XADD limit',
      ...['Redis', 'the group', 'the workers'].map((who) => `CPU of ${who}, µs`),
      ...['p50', 'p99', 'publisher late, p99'],
    ],
    rows: Object.keys(rounds[0]).map((kind) => {
      const cell = (name, format) =>
        spreadText(spread(rounds.map((round) => round[kind][name]).filter(Number.isFinite)), format);
      const against = (other) => spreadText(ratio(rounds, rateOf(kind), rateOf(other)), short);
      return [
        KINDS[kind],
        cell('rate', whole),
        against('module'),
        against('limit'),
        ...['redisMicros', 'nodeMicros', 'workerMicros', 'p50', 'p99', 'lateP99'].map((name) =>
          cell(name, short),
        ),
      ];
    }),
  }),

  watched: ({ messages, streams, rounds }) => ({
    title: `Watched by ${streams} browsers and a scraper, ${whole(messages)} messages at full flood`,
    note: 'Pairs of runs, in alternating order. Watched: so many open event streams of `--http`, and a scrape each second; those who watch share the cores. The last row is the ratio of the two, pair by pair.',
    head: ['', 'msg/s', 'CPU of Redis, µs', 'CPU of Node, µs'],
    rows: [
      ...['alone', 'watched'].map((who) => [
        who,
        spreadText(spread(rounds.map((pair) => pair[who].rate)), whole),
        ...['redisMicros', 'nodeMicros'].map((name) =>
          spreadText(spread(rounds.map((pair) => pair[who][name])), short),
        ),
      ]),
      [
        'watched, of alone',
        ...['rate', 'redisMicros', 'nodeMicros'].map((name) =>
          spreadText(
            ratio(
              rounds,
              ({ watched }) => watched[name],
              ({ alone }) => alone[name],
            ),
            short,
          ),
        ),
      ],
    ],
  }),

  ...SERVER_TABLES,

  scripts: ({ size, runs }) => ({
    title: `The longest run of each script, of at most ${MOST_SCRIPT_MS} ms beyond the bare copy`,
    note: `In Redis's own time, by SLOWLOG: Redis does nothing else meanwhile. In a group with ${whole(size.waiting)} waiting and ${whole(size.pending)} pending messages and ${whole(size.dead)} dead letters, and with messages of ${megabytes(size.bytes)}. The bare copy is a script that only adds, reads, moves or publishes such a message.`,
    head: ['script', 'worst, ms', 'bare copy, ms', 'when'],
    rows: runs
      .toSorted((a, b) => b.ms - a.ms)
      .map(({ name, state, ms, bareMs }) => [`\`${name}\``, short(ms), bareMs ? short(bareMs) : '', state]),
  }),

  shares: ({ runs }) => ({
    title: 'The control plane: ms until the wanted consumers run',
    note: 'Real, idle processes with `--managed`, until `consumer:ids` shows it. Killed: by SIGKILL, so that its heartbeats have to end first (3 s). Moves: consumers that ended elsewhere when a process joined, and how many it got. The longest heartbeat is in the time of Redis, by SLOWLOG.',
    head: ['', 'size set', 'one killed', 'one joined', 'moves', 'small size set', 'longest heartbeat, ms'],
    rows: [...groupBy(runs, ({ processes }) => processes).values()].map((same) => {
      const cell = (name, format = whole) => spreadText(spread(same.map((run) => run[name])), format);
      const { processes, hosts, size, small } = same[0];
      return [
        `${processes} processes, ${hosts} hosts, ${whole(size)} consumers, then ${small}`,
        ...['scaledMs', 'killedMs', 'joinedMs'].map((name) => cell(name)),
        `${cell('moves')} of ${cell('least')}`,
        cell('reducedMs'),
        cell('longestMs', short),
      ];
    }),
  }),

  autoscale: ({ processes, work, drainWithinMs, runs }) => ({
    title: `Autoscaling, ${work} ms of work a message, one rate after the other`,
    note: `${processes} processes, \`cgroup scale --auto --drain-within ${drainWithinMs / 1_000}s\`. Right: rate x work / 0.7, and 20 % more or less. Backlog: that of the new rate, until no consumer has more than two messages.`,
    head: [
      'msg/s',
      'right size',
      'size at the end',
      'right after, s',
      'decisions',
      'backlog gone after, s',
      'most backlog',
    ],
    rows: runs.map(({ rate, right, size, rightMs, decisions, backlogMs, mostBacklog }) => [
      whole(rate),
      short(right),
      whole(size),
      rightMs === undefined ? 'never' : short(rightMs / 1_000),
      whole(decisions),
      short(backlogMs / 1_000),
      whole(mostBacklog),
    ]),
  }),

  startup: ({ runs }) => {
    const row = (name, read) => [
      name,
      spreadText(spread(runs.map(read)), whole),
      spreadText(
        ratio(runs, read, ({ ioredisMs }) => ioredisMs),
        short,
      ),
    ];
    return {
      title: 'Start-up',
      note: 'From the start of a process to its end. `cgroup start`: until it is ready, with the processor loaded, the bridge in place and the consumers in the list. `npm run bench -- --only startup` measures only this.',
      head: ['', 'ms', 'of Node with ioredis'],
      rows: [
        row('`node --eval 0`', ({ nodeMs }) => nodeMs),
        row('`node --eval "require(\'ioredis\')"`', ({ ioredisMs }) => ioredisMs),
        ...Object.keys(runs[0].commandMs).map((command) =>
          row(`\`cgroup ${command}\``, ({ commandMs }) => commandMs[command]),
        ),
        row('`cgroup start` until ready', ({ readyMs }) => readyMs),
      ],
    };
  },

  stopped: (result) => ({
    title: `Flood while no consumer runs: ${whole(result.rate)} msg/s for ${result.seconds} s`,
    note: `Limits of the output buffer as Redis has them by itself: ${megabytes(result.limits.hard)} at once, or ${megabytes(result.limits.soft)} for a minute.`,
    head: ['published', 'msg/s', 'relayed', 'gaps', 'most of the output buffer'],
    rows: [
      [
        whole(result.published),
        whole(result.publishedRate),
        whole(result.relayed),
        String(result.gaps),
        `${short(result.outputBuffer / 1e6)} MB`,
      ],
    ],
  }),

  burst: (result) => ({
    title: `A burst of ${whole(result.messages)} messages`,
    note: `By ${whole(result.publishers)} publishers at a time. Memory is what is resident of the whole process, Node included.`,
    head: ['published in', 'done in', 'processed', 'before', 'most', `${result.afterSeconds} s after`],
    rows: [
      [
        `${short(result.seconds)} s`,
        `${short(result.doneSeconds)} s`,
        whole(result.processed),
        ...[result.before, result.peak, result.after].map(megabytes),
      ],
    ],
  }),

  soak: (result) => ({
    title: `Soak: ${whole(result.rate)} msg/s for ${short(result.seconds / 60)} min`,
    note: `Published: ${whole(result.publishedRate)} msg/s; behind at the end: ${whole(result.behind)} messages. At most ${megabytes(result.peak)} were resident.`,
    head: ['minute', 'resident memory (median)'],
    rows: byMinute(result.readings).map((rss, i) => [String(i + 1), megabytes(rss)]),
  }),
};

export function targetsTable(verdicts) {
  return {
    title: 'Targets',
    head: ['target', 'asked', 'measured', 'verdict', 'by'],
    rows: verdicts.map(({ measure, what, asked, got = '', verdict, margin }) => [
      `${measure}: ${what}`,
      asked,
      got,
      verdict,
      margin === undefined ? '' : `${Math.abs(margin * 100).toFixed(0)} %`,
    ]),
  };
}

function rateOf(kind) {
  return (round) => round[kind].rate;
}

/** A row for each contender and rate; `cells` gets its runs, and a function for the spread of a property. */
function byContenderAndRate(runs, cells) {
  return [...groupBy(runs, ({ contender, rate }) => `${contender} ${rate}`).values()].map((same) => [
    same[0].contender,
    whole(same[0].rate),
    ...cells(same, (name) => spread(same.map((run) => run[name]))),
  ]);
}
