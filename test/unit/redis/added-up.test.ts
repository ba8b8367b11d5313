import { expect, it } from 'vitest';
import { addedKeys, addedReading } from '../../../src/redis/added-up.js';
import { keysOf } from '../../../src/redis/keys.js';
import { readingOf, type SnapshotReply } from '../../../src/redis/reading.js';
import { waitingKey } from '../../helpers/status.js';

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
  const sums = addedReading(base, lanes);
  expect(sums).toMatchObject({
    ...{ leader: 'b1', bridges: [{ id: 'b1' }], backlog: 4, pending: 2, waiting: 2, lagMs: 900 },
    counters: { relayed: 15, processed: 10, dead: 1, gaps: 2, foreignMarks: 1 },
    // No consumer reads the inbox of the base: its dead letters cannot be sent back.
    deadLetters: 1,
    lastDead: '5-0@0',
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

it('shows the hottest keys of all lanes, and the one that is stuck for longest', () => {
  const none = { busy: null, hottest: [], stuck: null };
  expect(addedKeys([none, none], 2)).toEqual(none);
  const one = { busy: 3, hottest: [waitingKey('"a"', 9), waitingKey('"b"', 1)], stuck: waitingKey('"a"', 9) };
  const stuck = waitingKey('"c"', 5, { ageMs: 40_000 });
  const sums = addedKeys([one, { busy: 2, hottest: [stuck], stuck }], 2);
  expect(sums).toMatchObject({ busy: 5, hottest: [{ key: '"a"' }, { key: '"c"' }], stuck: { key: '"c"' } });
});
