import { megabytes, short, spreadText, whole } from './format.js';
import { ratio, spread } from './statistics.js';

/** The kinds of orders, in words. */
const ORDERS = {
  none: 'none',
  total: 'total',
  uniform: 'by key, spread evenly',
  zipf: "by key, by Zipf's law",
  hot: 'by key, one hot key',
};

/** The tables of the measures of orders, as in tables.js. */
export const ORDER_TABLES = {
  orders: ({ messages, rounds }) => ({
    title: `Orders, end to end at full flood, ${whole(messages)} messages`,
    note: `By 2 processes with 2 consumers each; the processor adds a property. 100,000 keys, spread evenly or by Zipf's law with the exponent 1.1; one hot key: all messages have the same. Ratios are taken round by round. After each run the order of the whole output is checked.`,
    head: [
      'order',
      'msg/s',
      'of that without order',
      'of the XADD limit',
      'CPU of Redis, µs',
      'CPU of Node, µs',
    ],
    rows: Object.entries(ORDERS).map(([kind, title]) => {
      const cell = (name, format) => spreadText(spread(rounds.map((round) => round[kind][name])), format);
      const against = (other) => spreadText(ratio(rounds, rateOf(kind), rateOf(other)), short);
      const costs = ['redisMicros', 'nodeMicros'].map((name) => cell(name, short));
      return [title, cell('rate', whole), against('none'), against('limit'), ...costs];
    }),
  }),

  steps: ({ messages, seconds, burst, soak }) => ({
    title: 'The time of each step, with total order',
    note: `In ms. Waiting: from the relay to the attempt; processing: the attempt; parking: from there to the output. Burst: ${whole(messages)} messages at once, done at ${whole(burst.rate)} msg/s. Soak: half of that, ${whole(soak.rate)} msg/s, for ${short(seconds / 60)} min, of which the last results count; at most ${megabytes(soak.peak)} were resident.`,
    head: ['', 'step', 'messages', 'p50', 'p95', 'p99', 'most'],
    rows: Object.entries({ burst, soak }).flatMap(([run, { steps }]) =>
      Object.entries(steps).map(([step, { count, p50, p95, p99, max }]) => [
        run,
        step,
        whole(count),
        ...[p50, p95, p99, max].map((value) => short(value)),
      ]),
    ),
  }),

  queue: ({ messages, work, processes, size, calm, faulty }) => ({
    title: `A queue: a list of ${whole(messages)} messages with ${work} ms of work each, in their order`,
    note: `${processes} processes with ${size} consumer each, \`--list --order total\`. Ideal: messages / consumers x work. Faults: a process killed (and another one started), one stopped for 3 s, all connections cut. The pause is the longest between two results in the 5 s after a fault; the message in work is done again, so ${work} ms of it are work. The order of the output was that of the list, each message once.`,
    head: ['', 'seconds', 'of the ideal', 'pause: killed, ms', 'stopped, ms', 'cut, ms'],
    rows: Object.entries({ 'without faults': calm, 'with faults': faulty }).map(
      ([name, { seconds, ideal, pauses }]) => [
        name,
        short(seconds),
        short(seconds / ideal),
        ...['killed', 'stopped', 'cut'].map((fault) =>
          pauses[fault] === undefined ? '' : whole(pauses[fault]),
        ),
      ],
    ),
  }),
};

function rateOf(kind) {
  return (round) => round[kind].rate;
}
