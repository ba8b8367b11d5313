import { short, spreadText, whole } from './format.js';
import { groupBy, spread } from './statistics.js';

/** The tables of measures on several servers, as in tables.js. */
export const SERVER_TABLES = {
  lanes: ({ messages, runs }) => ({
    title: `Lanes on a Cluster of three nodes, ${whole(messages)} messages`,
    note: 'CPU is per message of the whole group, in µs. Each lane has a node of its own. The first node has the group, the subscription and the publisher, too. The messages of a plain channel come to every node. All nodes share the cores of one machine, so msg/s says nothing of three machines. Strayed: keys of a lane at another node, and commands that came to a node without their keys.',
    head: [
      'lanes',
      'msg/s',
      'Node',
      'first node',
      'second',
      'third',
      'least and most of a lane, %',
      'strayed',
    ],
    rows: [...groupBy(runs, (run) => run.lanes).values()].map((same) => {
      const cell = (read, format = short) => spreadText(spread(same.map(read)), format);
      const parts = same.flatMap((run) => run.parts.map((part) => part * 100));
      return [
        String(same[0].lanes),
        cell((run) => run.rate, whole),
        cell((run) => run.groupMicros),
        ...[0, 1, 2].map((node) => cell((run) => run.nodeMicros[node])),
        `${Math.min(...parts).toFixed(1)} to ${Math.max(...parts).toFixed(1)}`,
        String(same.reduce((sum, { strays }) => sum + strays, 0)),
      ];
    }),
  }),

  replicas: ({ messages, latency, there, runs }) => ({
    title: `Waiting for replicas, ${whole(messages)} messages and ${whole(latency.rate)} msg/s`,
    note: `\`--min-replicas\` of a group whose master has ${there} replicas. msg/s and CPU of the master and of Node: at full flood. p50, p99: from PUBLISH to a reader of the output, in ms, at ${whole(latency.rate)} msg/s. All servers share the cores of one machine: between hosts, each wait takes a round trip more.`,
    head: [
      'waits for',
      'msg/s',
      'CPU of the master, µs',
      'CPU of Node, µs',
      'p50',
      'p99',
      'publisher late, p99',
    ],
    rows: [...groupBy(runs, (run) => run.waitsFor).values()].map((same) => {
      const cell = (name, format = short) => spreadText(spread(same.map((run) => run[name])), format);
      return [
        String(same[0].waitsFor),
        cell('rate', whole),
        ...['redisMicros', 'nodeMicros', 'p50', 'p99', 'lateP99'].map((name) => cell(name)),
      ];
    }),
  }),
};
