import { describe, expect, it } from 'vitest';
import { redis } from '../../../src/core/finding.js';
import type { ServerFacts } from '../../../src/redis/server.js';
import { refuseReplica, refuseUnfit } from '../../../src/redis/server-checks.js';
import { bad, MB, onServer, server } from '../../helpers/facts.js';

describe('the checks of a server', () => {
  const serverCases: [Partial<ServerFacts>, string][] = [
    [{ release: [6, 0], version: 'Redis 6.0.9' }, 'mend version: Redis 6.0.9 is too old'],
    [
      { masterAt: '10.0.0.1:6379' },
      'mend role: a replica of 10.0.0.1:6379: cgroup start --redis redis://10.0.0.1:6379',
    ],
    [
      { aof: false },
      'mend persistence: Redis keeps nothing on disk (appendonly no, no snapshots): CONFIG SET appendonly yes',
    ],
    [
      { aof: false, save: '3600 1' },
      'mend persistence: no append-only file, snapshots only (save 3600 1): CONFIG SET appendonly yes',
    ],
    [{ aof: false, save: undefined }, 'mend persistence: no append-only file: CONFIG SET appendonly yes'],
    [
      { aofFsync: 'no' },
      'mend persistence: the system decides when the append-only file is written (appendfsync no): CONFIG SET appendfsync everysec',
    ],
    [{ savedWell: false }, 'mend persistence: the last write to disk failed'],
    [{ aof: undefined }, 'note persistence: not checked: Redis refuses INFO persistence to this user'],
    [
      { aofFsync: undefined },
      'note persistence: append-only file; appendfsync not checked: Redis refuses CONFIG GET to this user',
    ],
    [
      { maxmemoryPolicy: 'allkeys-lru' },
      'mend eviction: Redis may delete messages when its memory is full (maxmemory-policy allkeys-lru): CONFIG SET maxmemory-policy noeviction',
    ],
    [{ maxmemoryPolicy: undefined }, 'note eviction: not checked'],
    [{ usedMemory: 80 * MB }, 'mend memory: 80 MB of 100 MB in use: CONFIG SET maxmemory 200mb'],
    [
      { maxmemory: 0, systemMemory: undefined },
      'note memory: 10 MB in use, no limit (maxmemory 0); not checked',
    ],
    [
      { maxmemory: 0, usedMemory: 900 * MB },
      'mend memory: 900 MB of 1,000 MB in use, no limit (maxmemory 0)',
    ],
    [
      { pubsubHardLimit: 1_500 },
      'mend output buffer: at 1,000 bytes a second Redis disconnects a bridge after a stall of 1.5 s: CONFIG SET client-output-buffer-limit "pubsub 1mb 1mb 60"',
    ],
    [
      { replyLimit: 20 * MB },
      'mend message size: Redis disconnects a client that reads more than 20 MB at once: CONFIG SET client-output-buffer-limit "normal 0 0 0"',
    ],
    [
      { longestArgument: 4 * MB },
      'note message size: Redis takes messages of up to 4 MB (proto-max-bulk-len): CONFIG SET proto-max-bulk-len 512mb',
    ],
    [{ longestArgument: undefined }, 'note message size: not checked: Redis refuses CONFIG GET to this user'],
    [
      { pubsubHardLimit: undefined },
      'note output buffer: not checked: Redis refuses CONFIG GET to this user',
    ],
  ];

  it.each(serverCases)('find what is wrong with a server with %j', (facts, line) => {
    const lines = bad(onServer(facts));
    expect(lines).toHaveLength(1);
    expect(lines[0]?.slice(0, line.length)).toBe(line);
  });

  it.each([
    { maxmemory: 0, usedMemory: 700 * MB },
    { usedMemory: 79 * MB },
    { pubsubHardLimit: 0 },
    { pubsubHardLimit: 2_001 },
    { aofFsync: 'always' },
  ])('find nothing wrong with %j', (facts) => {
    expect(bad(onServer(facts))).toEqual([]);
  });

  it('say how to keep a setting: by a rewrite of the config file, or, without one, by an option', () => {
    const mend = (facts: Partial<ServerFacts>) => onServer(facts).find(({ status }) => status === 'mend');
    for (const facts of [
      { aof: false },
      { aofFsync: 'no' },
      { maxmemoryPolicy: 'allkeys-lru' },
      { usedMemory: 90 * MB },
      { pubsubHardLimit: 1_500 },
    ]) {
      const set = mend(facts)?.fixes?.[0]?.words.slice(2) ?? [];
      expect(mend(facts)?.fixes?.[1]).toEqual(redis('CONFIG', 'REWRITE'));
      const without = mend({ ...facts, configFile: '' });
      expect(without?.fixes?.map(({ words }) => words)).not.toContainEqual(['CONFIG', 'REWRITE']);
      expect(without?.why).toContain(`start redis-server with --${set.join(' ')}`);
    }
  });

  it('refuse an unfit server at start-up, in the same words', () => {
    expect(() => refuseUnfit({ ...server, release: [6, 0], version: 'Redis 6.0.9' })).toThrow(
      /^Redis 6.0.9 is too old/,
    );
    expect(() => refuseUnfit(server)).not.toThrow();
  });

  it('refuse a replica at the start of a group, and name its master', () => {
    expect(() => refuseReplica({ masterAt: '10.0.0.1:6379' })).toThrow(
      /^this Redis is a replica of 10\.0\.0\.1:6379 and takes no writes: name the master in --redis/,
    );
    expect(() => refuseReplica(server)).not.toThrow();
  });
});
