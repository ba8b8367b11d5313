import { expect, it } from 'vitest';
import { type Finding, shell } from '../../../src/core/finding.js';
import { lanesOfNodes, otherLanesOf, startedWithLanes } from '../../../src/doctor/lane-checks.js';
import type { LaneNode } from '../../../src/redis/lane-nodes.js';
import { findings, server } from '../../helpers/facts.js';

const node = (address: string, ...lanes: number[]): LaneNode => ({
  id: `id-${address}`,
  address,
  lanes: lanes.map((lane) => ({ output: `out:{${lane}}`, slot: 100 + lane })),
});

it('is silent about a group with one lane, and says what it may not see', () => {
  expect(lanesOfNodes({ laneNodes: [] })).toEqual([]);
  expect(lanesOfNodes({ laneNodes: undefined })).toMatchObject([
    { status: 'note', what: expect.stringContaining('CLUSTER SLOTS') },
  ]);
});

it('is content with lanes that are spread as evenly as can be', () => {
  expect(lanesOfNodes({ laneNodes: [node('a:1', 0), node('b:1', 1, 2)] })).toEqual([
    { status: 'ok', what: 'b:1 has 2 lanes ({1} {2}), a:1 has one lane ({0})' },
  ]);
});

it('moves the slot of a lane from the node with the most to the one with the fewest', () => {
  const [found] = lanesOfNodes({ laneNodes: [node('[::1]:7', 0), node('b:1', 1, 2), node('c:9')] });
  expect(found).toMatchObject({ status: 'note', what: expect.stringContaining('c:9 has no lane') });
  expect(found?.fixes?.map(({ words }) => words.join(' '))).toEqual([
    'redis-cli -h c -p 9 CLUSTER SETSLOT 102 IMPORTING id-b:1',
    'redis-cli -h b -p 1 CLUSTER SETSLOT 102 MIGRATING id-c:9',
    'redis-cli --cluster fix b:1',
  ]);
});

it('says what is not well at the other nodes that have lanes, with the node and the commands for it', () => {
  const laneServers = [
    { address: '[::1]:7', server: { ...server, maxmemoryPolicy: 'allkeys-lru' } },
    { address: 'b:1', server },
  ];
  const [ours, theirs, ...more] = findings({ laneServers }).filter(({ check }) => check === 'eviction');
  expect(ours?.status).toBe('ok');
  expect(more).toEqual([]);
  expect(theirs).toMatchObject({
    status: 'mend',
    what: '[::1]:7: Redis may delete messages when its memory is full (maxmemory-policy allkeys-lru)',
  });
  const [command] = theirs?.fixes ?? [];
  expect(command?.words.join(' ')).toBe('redis-cli -h ::1 -p 7 CONFIG SET maxmemory-policy noeviction');
});

it('names the lanes in lines that start a process', () => {
  const found: Finding[] = [
    {
      check: 'bridges',
      status: 'note',
      what: '',
      fixes: [shell('cgroup', 'start', '--managed'), shell('cgroup', 'status')],
    },
    { check: 'keys', status: 'ok', what: '' },
  ];
  expect(startedWithLanes(found, 0)).toEqual(found);
  const [bridges, keys] = startedWithLanes(found, 3);
  expect(bridges?.fixes).toEqual([
    shell('cgroup', 'start', '--managed', '--lanes', '3'),
    shell('cgroup', 'status'),
  ]);
  expect(keys).toEqual(found[1]);
});

it('says what comes of a start with another number of lanes', () => {
  const same = { lanes: 3, given: 3, isRunning: true, refusal: undefined };
  expect(otherLanesOf(same)).toEqual([]);
  expect(otherLanesOf({ ...same, given: 2 })).toMatchObject([
    { status: 'mend', what: expect.stringContaining('runs with --lanes 3, and this one has 2') },
  ]);
  expect(otherLanesOf({ ...same, given: 2, isRunning: false })).toMatchObject([{ status: 'note' }]);
  // It is refused off a Cluster, too, where each group has one.
  for (const isRunning of [true, false])
    expect(otherLanesOf({ lanes: 1, given: 2, isRunning, refusal: 'no Cluster' })).toMatchObject([
      { status: 'mend', what: 'no Cluster' },
    ]);
});
