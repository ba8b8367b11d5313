import { expect, it } from 'vitest';
import { addedKeys, addedReading } from '../../../src/redis/added-up.js';
import { keysOf } from '../../../src/redis/keys.js';
import { readingOf, type SnapshotReply } from '../../../src/redis/reading.js';
import { awayLane, waitingKey } from '../../helpers/status.js';

const NOW = 1_795_266_486_636;
const keys = keysOf({ redis: 'redis://h', output: 'out', consumerList: 'ids' });

/** What Redis says of a lane, or of the base. */
function readingWith(
  counters: Record<string, number>,
  {
    oldest = '',
    backlog = 0,
    pending = 0,
    dead = 0,
    lastDead = '',
    oldestRetry = '',
    retryDue = '',
    bridge = [] as string[],
  } = {},
) {
  const counts = Object.entries(counters).flatMap(([name, count]) => [name, String(count)]);
  const reply: SnapshotReply = [
    [NOW, backlog, oldest, pending, 0, counts, bridge, dead, 0, 0, 0, oldestRetry, retryDue],
    pending > 0 ? [['c1', pending]] : [],
    ['c1', '3'],
    5,
    lastDead,
  ];
  return readingOf(reply, keys);
}

it('adds up lanes; bridges and time are those of the base, and the lag is the longest', () => {
  const bridge = ['holder', 'b1', 'beat_at', String(NOW), 'seat:b1', String(NOW)];
  const base = readingWith({ gaps: 2, foreignMarks: 1, relayed: 4, processed: 4 }, { dead: 9, bridge });
  const first = readingWith(
    { relayed: 10, processed: 6, dead: 1 },
    { backlog: 3, pending: 2, oldest: `${NOW - 700}-0`, dead: 1, lastDead: '5-0', bridge: ['order', 'key'] },
  );
  const second = readingWith({ relayed: 1 }, { backlog: 1, oldest: `${NOW - 900}-0` });
  const lanes = [first, second].map((totals, i) => ({ output: `out:{${i}}`, node: `n${i}:1`, totals }));
  const sums = addedReading({ base, lanes, former: [] });
  expect(sums).toMatchObject({
    ...{ leader: 'b1', bridges: [{ id: 'b1' }], backlog: 4, pending: 2, waiting: 2, lagMs: 900 },
    counters: { relayed: 15, processed: 10, dead: 1, gaps: 2, foreignMarks: 1 },
    deadLetters: 10,
    // It counts in its own lane only.
    lastDead: '5-0@0,',
    outputLength: 15,
    order: { kind: 'key', head: null, window: null },
    lanes: [
      { output: 'out:{0}', node: 'n0:1', relayed: 10, processed: 6, dead: 1, backlog: 3, lagMs: 700 },
      { output: 'out:{1}', node: 'n1:1', relayed: 1, processed: 0, dead: 0, backlog: 1, lagMs: 900 },
    ],
  });
  expect([...sums.processedBy]).toEqual([['c1', 9]]);
  expect([...sums.pendingOf]).toEqual([['c1', 2]]);
});

it('adds what former lanes hold, also to a group that has one lane again', () => {
  const base = readingWith(
    { relayed: 4, processed: 3 },
    {
      backlog: 1,
      oldest: `${NOW - 50}-0`,
      lastDead: '7-0',
      bridge: ['outputType', 'list', 'order', 'total'],
    },
  );
  const former = [1, 2].map((lane) => ({
    ...{ lane, output: `out:{${lane}}`, node: 'n:1' },
    totals: readingWith({ relayed: 2, processed: 1, dead: 1 }, { dead: 1, lastDead: `${lane}-0` }),
  }));
  expect(addedReading({ base, lanes: [], former })).toMatchObject({
    ...{ backlog: 1, waiting: 1, lagMs: 50, outputLength: 15, outputType: 'list' },
    counters: { relayed: 8, processed: 5, dead: 2 },
    ...{ deadLetters: 2, lastDead: '7-0,1-0@1,2-0@2', order: { kind: 'total' } },
  });
  expect(addedReading({ base, lanes: [], former })).not.toHaveProperty('lanes');
  const lanes = [{ output: 'out:{0}', node: 'n:1', totals: readingWith({ relayed: 1 }) }];
  const sums = addedReading({ base, lanes, former });
  expect(sums).toMatchObject({ counters: { relayed: 9 }, lanes: [{ output: 'out:{0}', relayed: 1 }] });
  expect(sums.lanes).toHaveLength(1);
});

it('leaves out lanes that are away, and says which', () => {
  const there = readingWith({ relayed: 5, processed: 4 }, { backlog: 1, lastDead: '3-0', dead: 1 });
  const lane = (number: number) => ({ output: `out:{${number}}`, node: `n${number}:1`, totals: there });
  const read = {
    base: readingWith({ relayed: 1 }),
    lanes: [{ ...lane(0), totals: undefined }, lane(1)],
    former: [
      { lane: 2, ...lane(2), node: null, totals: undefined },
      { lane: 3, ...lane(3) },
    ],
  };
  const sums = addedReading(read);
  expect(sums).toMatchObject({
    ...{ counters: { relayed: 11, processed: 8 }, backlog: 2, deadLetters: 2, lastDead: '3-0@1,3-0@3' },
    awayLanes: ['out:{0}', 'out:{2}'],
  });
  expect(sums.lanes).toEqual([awayLane('out:{0}'), expect.objectContaining({ node: 'n1:1', relayed: 5 })]);
  expect(addedReading({ ...read, lanes: [lane(0)], former: [] }).awayLanes).toEqual([]);
});

it('shows the hottest keys of all lanes, and the one that is stuck for longest', () => {
  const none = { busy: null, hottest: [], stuck: null };
  expect(addedKeys([none, none], 2)).toEqual(none);
  const one = { busy: 3, hottest: [waitingKey('"a"', 9), waitingKey('"b"', 1)], stuck: waitingKey('"a"', 9) };
  const stuck = waitingKey('"c"', 5, { ageMs: 40_000 });
  const sums = addedKeys([one, { busy: 2, hottest: [stuck], stuck }], 2);
  expect(sums).toMatchObject({ busy: 5, hottest: [{ key: '"a"' }, { key: '"c"' }], stuck: { key: '"c"' } });
});
