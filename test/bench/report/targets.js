import { megabytes, short, whole } from './format.js';
import { byMinute } from './memory.js';
import { groupBy, ratio, spread, worstStep } from './statistics.js';

const times = (number) => `${short(number)} ×`;
const milliseconds = (number) => `${short(number)} ms`;
const LATENCY_RATE = 10_000;
const HIGH_RATE = 50_000;
const MOST_CONSUMERS = 64;
/** Of the flood without order: total order, and order by key with keys spread evenly, or by Zipf's law. */
const ORDERS = { total: 0.5, uniform: 0.4, zipf: 0.4 };
/** ms for which an order may stop after a fault. */
const PAUSES = { killed: 1_500, stopped: 1_500, cut: 1_000 };
/** msg/s if all messages have the same key. */
const HOT_RATE = 20_000;
/** Smaller runs show nothing of these targets. */
const FLOODED = { rate: 200_000, seconds: 60 };
const STEADY = { rate: 100_000 };
const BURST = { messages: 1_500_000, afterSeconds: 60 };
const WATCHED = { streams: 100 };
/** The difference of two floods is smaller than their noise, unless there are many. */
const FEWEST_PAIRS = 10;
const BACKLOG = { messages: 1_000_000 };
/** ms that a script may keep Redis busy, beyond what a bare script takes that only copies the same message. */
export const MOST_SCRIPT_MS = 20;
/** ms of a script's longest run that count. */
export const ownMs = ({ ms, bareMs = 0 }) => ms - bareMs;
/** ms within which the control plane has done what it is asked for, and its heartbeat may keep Redis busy. */
const SHARES = [
  ['scaledMs', 'from a new size to all consumers, at most', 2_000],
  ['killedMs', 'from the kill of a process to all consumers, at most', 5_000],
  ['joinedMs', 'from the start of a process to its share, at most', 2_000],
  ['reducedMs', 'from a small size to few consumers, at most', 3_000],
  ['longestMs', 'longest heartbeat of a process, in Redis', 5],
];
/** ms within which the size is to be right, and decisions for one step of the rate. */
const RIGHT_WITHIN = 10_000;
const MOST_DECISIONS = 3;
/** msg/s of each kind of processor that works elsewhere, and ms of the slowest hundredth at a low rate. */
const PROCESSORS = { remote: 30_000, exec: 25_000, http: 4_000 };
const MOST_P99 = 10;
const MUCH = { waiting: 1_000_000, pending: 100_000, dead: 100_000, bytes: 10_000_000 };

/**
 * The targets. `read` gives the number from the result of the measure, or undefined if the run cannot show it (a publisher
 * that was too slow, a soak that was too short).
 */
export const TARGETS = [
  {
    ...of('flood', 'end to end at flood, of the XADD limit'),
    ...atLeast(0.25, short, ({ rounds }) => ratio(rounds, rate('cgroup'), rate('limit')).median),
  },
  {
    ...of('flood', 'end to end at flood, of BullMQ'),
    ...atLeast(18, times, ({ rounds }) => ratio(rounds, rate('cgroup'), rate('bullmq')).median),
  },
  {
    ...of('flood', 'end to end at flood, of the tutorial loop'),
    ...atLeast(10, times, ({ rounds }) => ratio(rounds, rate('cgroup'), rate('tutorial')).median),
  },
  {
    ...of('flood', "Redis's CPU per message, of one XADD"),
    ...atMost(4.2, times, ({ rounds }) => ratio(rounds, redisCpu('cgroup'), redisCpu('limit')).median),
  },
  ...Object.entries(ORDERS).map(([kind, want]) => ({
    ...of('orders', `order ${kind}, of the same flood without order`),
    ...atLeast(want, short, ({ rounds }) => ratio(rounds, rate(kind), rate('none')).median),
  })),
  {
    ...of('orders', 'order by key with one hot key, msg/s'),
    ...atLeast(HOT_RATE, whole, ({ rounds }) => spread(rounds.map(rate('hot'))).median),
  },
  {
    ...of('queue', 'time without faults, of the ideal'),
    ...atMost(1.05, times, ({ calm }) => calm.seconds / calm.ideal),
  },
  ...Object.entries(PAUSES).map(([fault, want]) => ({
    ...of('queue', `pause of the output after a fault (${fault}), without the work that is done again`),
    ...atMost(want, milliseconds, ({ faulty, work }) => faulty.pauses[fault] - work),
  })),
  {
    ...of('drain', 'drain of a backlog, of the XADD limit'),
    ...atLeast(0.36, short, (result) =>
      asLargeAs(BACKLOG, result, ratio(result.rounds, rate('cgroup'), rate('limit')).median),
    ),
  },
  {
    ...of('latency', `p50 at ${whole(LATENCY_RATE)} msg/s`),
    ...atMost(2, milliseconds, (result) => latencyOf(result, LATENCY_RATE, 'p50')),
  },
  {
    ...of('latency', `p99 at ${whole(LATENCY_RATE)} msg/s`),
    ...atMost(10, milliseconds, (result) => latencyOf(result, LATENCY_RATE, 'p99')),
  },
  {
    ...of('latency', `p99 at ${whole(HIGH_RATE)} msg/s`),
    ...atMost(5, milliseconds, (result) => latencyOf(result, HIGH_RATE, 'p99')),
  },
  {
    ...of('scaling', `${MOST_CONSUMERS} consumers with 5 ms of work, of linear`),
    ...atLeast(0.95, short, ({ runs }) => ofLinear(runs, MOST_CONSUMERS, 5)),
  },
  {
    ...of('scaling', 'worst step of adding consumers, of the best rate with fewer'),
    ...atLeast(0.95, short, ({ runs }) => worstOfAll(runs)),
  },
  {
    ...of('scripts', 'longest run of a script, without the bare copy of a large message'),
    ...atMost(MOST_SCRIPT_MS, milliseconds, ({ size, runs }) => {
      return asLargeAs(MUCH, size, Math.max(...runs.map(ownMs)));
    }),
  },
  ...Object.entries(PROCESSORS).map(([kind, want]) => ({
    ...of('processors', `${kind}, msg/s end to end`),
    ...atLeast(want, whole, ({ rounds }) => spread(rounds.map(rate(kind))).median),
  })),
  {
    ...of('processors', 'remote, of a module in threads'),
    ...atLeast(0.25, short, ({ rounds }) => ratio(rounds, rate('remote'), rate('module')).median),
  },
  ...['module', ...Object.keys(PROCESSORS)].map((kind) => ({
    ...of('processors', `${kind}, p99 at 1,000 msg/s`),
    ...atMost(MOST_P99, milliseconds, ({ rounds }) => spread(rounds.map((round) => round[kind].p99)).median),
  })),
  ...SHARES.map(([name, what, want]) => ({
    ...of('shares', what),
    ...atMost(want, milliseconds, ({ runs }) => Math.max(...runs.map((run) => run[name]))),
  })),
  {
    ...of('shares', 'consumers that move when a process joins, of the least'),
    ...atMost(1, times, ({ runs }) => Math.max(...runs.map(({ moves, least }) => moves / least))),
  },
  {
    ...of('autoscale', 'from a new rate to the right size, at most'),
    ...atMost(RIGHT_WITHIN, milliseconds, ({ runs }) =>
      worstOf(runs, ({ rightMs, seconds }) => rightMs ?? seconds * 1_000),
    ),
  },
  {
    ...of('autoscale', 'decisions for a new rate, at most'),
    ...atMost(MOST_DECISIONS, whole, ({ runs }) => worstOf(runs, ({ decisions }) => decisions)),
  },
  {
    ...of('autoscale', 'time with a backlog after a new rate, of --drain-within, at most'),
    ...atMost(1.2, times, ({ runs, drainWithinMs }) =>
      worstOf(runs, ({ backlogMs }) => backlogMs / drainWithinMs),
    ),
  },
  {
    ...of('watched', 'throughput with 100 event streams and a scrape a second, of that without'),
    ...atLeast(0.97, short, (result) =>
      result.rounds.length < FEWEST_PAIRS
        ? undefined
        : asLargeAs(WATCHED, result, ratio(result.rounds, rate('watched'), rate('alone')).median),
    ),
  },
  ...['--version', '--help', 'status'].map((command) => ({
    ...of('startup', `cgroup ${command}, of Node with ioredis`),
    ...atMost(1.5, times, ({ runs }) => startOf(runs, command)),
  })),
  {
    ...of('lanes', 'messages of a lane, off an equal share by at most'),
    ...atMost(0.05, short, ({ runs }) =>
      Math.max(...runs.flatMap(({ parts }) => parts.map((part) => Math.abs(part * parts.length - 1)))),
    ),
  },
  {
    ...of('lanes', 'commands that came to the wrong node'),
    ...atMost(0, whole, ({ runs }) => runs.reduce((sum, { strays }) => sum + strays, 0)),
  },
  {
    ...of('stopped', 'messages lost in the flood with the consumers stopped'),
    ...atMost(0, whole, (result) => atRate(FLOODED, result, result.published - result.relayed)),
  },
  {
    ...of('stopped', "most of the subscriber's output buffer, of Redis's limit"),
    ...atMost(0.99, short, (result) => atRate(FLOODED, result, result.outputBuffer / result.limits.hard)),
  },
  {
    ...of('soak', 'memory of the last minute, of the third'),
    ...atMost(1.1, times, (result) => lastOfThird(result)),
  },
  {
    ...of('soak', 'memory of the process at a steady rate, at most'),
    ...atMost(200e6, megabytes, (result) => atRate(STEADY, result, result.peak)),
  },
  {
    ...of('burst', 'messages of the burst that were lost'),
    ...atMost(0, whole, (result) => asLargeAs(BURST, result, result.messages - result.processed)),
  },
  {
    ...of('burst', 'seconds in which the burst was published'),
    ...atMost(2, short, (result) => asLargeAs(BURST, result, result.seconds)),
  },
  {
    ...of('burst', 'memory a minute after the burst'),
    ...atMost(200e6, megabytes, (result) => asLargeAs(BURST, result, result.after)),
  },
];

/**
 * @param {Record<string, object>} measures results by the name of the measure
 * @returns one verdict for each target: `margin` is how much better (or, below 0, worse) than asked for, as a share
 */
export function judge(measures) {
  return TARGETS.map(({ measure, what, want, more, format, read }) => {
    const asked = `${more ? 'at least' : 'at most'} ${format(want)}`;
    const result = measures[measure];
    if (result?.error !== undefined) return { measure, what, asked, verdict: 'failed' };
    const got = result && read(result);
    if (!Number.isFinite(got)) return { measure, what, asked, verdict: 'not measured' };
    const reached = more ? got >= want : got <= want;
    const verdict = reached ? 'reached' : 'missed';
    return { measure, what, asked, got: format(got), verdict, margin: marginOf(got, want, more) };
  });
}

/** Undefined if the aim is 0. */
function marginOf(got, want, more) {
  if (want === 0) return undefined;
  return more ? got / want - 1 : 1 - got / want;
}

function of(measure, what) {
  return { measure, what };
}

function atLeast(want, format, read) {
  return { want, more: true, format, read };
}

function atMost(want, format, read) {
  return { want, more: false, format, read };
}

function rate(who) {
  return (round) => round[who].rate;
}

function redisCpu(who) {
  return (round) => round[who].redisMicros;
}

function startOf(runs, command) {
  return ratio(
    runs,
    ({ commandMs }) => commandMs[command],
    ({ ioredisMs }) => ioredisMs,
  ).median;
}

function latencyOf({ runs }, rate, percentile) {
  const mine = runs.filter((run) => run.contender === 'cgroup' && run.rate === rate);
  return spread(mine.map((run) => run[percentile]))?.median;
}

function worstOf(runs, read) {
  return Math.max(...runs.map(read));
}

/** The value, or undefined if the run was smaller than `size` in any of its properties. */
function asLargeAs(size, result, value) {
  return Object.entries(size).every(([name, least]) => result[name] >= least) ? value : undefined;
}

/** As above, and the publisher reached its rate, or nearly. */
function atRate(size, result, value) {
  return result.publishedRate >= 0.98 * size.rate ? asLargeAs(size, result, value) : undefined;
}

function rateOf(runs, size, work) {
  return spread(runs.filter((run) => run.size === size && run.work === work).map((run) => run.rate))?.median;
}

function ofLinear(runs, size, work) {
  return rateOf(runs, size, work) / (size * rateOf(runs, 1, work));
}

/** The worst of all kinds of work. */
function worstOfAll(runs) {
  if (!runs.some(({ size }) => size >= MOST_CONSUMERS)) return undefined;
  const worst = [...groupBy(runs, ({ work }) => work).values()].map((group) => {
    const rounds = [...groupBy(group, ({ round }) => round).values()];
    return worstStep(rounds.map((sizes) => sizes.map(({ rate }) => rate)));
  });
  return Math.min(...worst);
}

function lastOfThird(result) {
  const minutes = byMinute(result.readings);
  return minutes.length < 4 ? undefined : atRate(STEADY, result, minutes.at(-1) / minutes[2]);
}
