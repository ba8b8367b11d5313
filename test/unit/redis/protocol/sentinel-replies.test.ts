import { expect, it } from 'vitest';
import { masterIn, quorumIn, sentinelsIn } from '../../../../src/redis/protocol/sentinel-replies.js';

it('a Sentinel names the master, and how new that is', () => {
  const facts = ['name', 'm', 'ip', '10.0.0.1', 'config-epoch', '7'];
  expect(masterIn(['10.0.0.2', '6380'], facts)).toEqual({ host: '10.0.0.2', port: 6380, epoch: 7 });
});

it('without the right to SENTINEL MASTER nothing is known of how new it is', () => {
  expect(masterIn(['10.0.0.2', '6380'], undefined)).toEqual({ host: '10.0.0.2', port: 6380, epoch: -1 });
});

it('a Sentinel that does not watch the master names none', () => {
  expect(masterIn(null, undefined)).toBeUndefined();
});

it('a Sentinel names the others', () => {
  const reply = [
    ['name', 'x', 'ip', '10.0.0.3', 'port', '26379'],
    // A value that looks like a name is none.
    ['ip', 'port', 'port', '26380'],
    ['name', 'without an address'],
  ];
  expect(sentinelsIn(reply)).toEqual([
    { host: '10.0.0.3', port: 26_379 },
    { host: 'port', port: 26_380 },
  ]);
  expect(sentinelsIn(undefined)).toEqual([]);
});

it('a Sentinel tells its quorum, unless it may not', () => {
  expect(quorumIn(['name', 'm', 'quorum', '2'])).toBe(2);
  expect(quorumIn(undefined)).toBeUndefined();
});
