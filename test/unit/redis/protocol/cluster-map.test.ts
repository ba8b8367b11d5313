import { describe, expect, it } from 'vitest';
import { readCluster } from '../../../../src/redis/protocol/cluster-map.js';

const ASKED = { host: '10.0.0.9', port: 7000 };
const NODES = [
  'aaa 10.0.0.1:7000@17000 master - 0 1 5 connected 0-99',
  'bbb 10.0.0.2:7000@17000,host-b myself,slave aaa 0 1 5 connected',
  'ccc 10.0.0.3:7000@17000 master,fail - 0 1 9 disconnected 100',
  '',
].join('\n');

describe('what a node of a Cluster knows', () => {
  const slots = [
    [0, 99, ['10.0.0.1', 7000, 'aaa'], ['host-b', 7001, 'bbb', []]],
    [100, 100, ['', 7002, 'ccc']],
    [101, 101, [null, 7003, 'ddd']],
    [102, 102, ['?', 7004]],
  ];

  it('is the master of each slot that is asked for, with its epoch', () => {
    const { masters } = readCluster(slots, NODES, ASKED, [0, 99, 100, 500]);
    expect([...masters]).toEqual([
      [0, { host: '10.0.0.1', port: 7000, epoch: 5 }],
      [99, { host: '10.0.0.1', port: 7000, epoch: 5 }],
      // A node without a name is where the one that answers is.
      [100, { host: '10.0.0.9', port: 7002, epoch: 9 }],
      [500, undefined],
    ]);
  });

  it('is all nodes that have slots, and their replicas', () => {
    const { nodes } = readCluster(slots, '', ASKED, []);
    expect(nodes.map(({ host, port }) => `${host}:${port}`)).toEqual([
      '10.0.0.1:7000',
      'host-b:7001',
      '10.0.0.9:7002',
      '10.0.0.9:7003',
      '10.0.0.9:7004',
    ]);
  });

  it('has no epochs if CLUSTER NODES is refused', () => {
    expect(readCluster(slots, '', ASKED, [7]).masters.get(7)).toMatchObject({ epoch: -1 });
  });
});
