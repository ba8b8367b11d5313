import slotOf from 'cluster-key-slot';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hashTagOf } from '../../../src/core/hash-tag.js';
import { keysOf, laneKeys, lanesOf, RETURNED_BELOW, registryKeysOf } from '../../../src/redis/keys.js';

const names = {
  redis: 'redis://127.0.0.1:6379',
  output: 'messages:processed',
  consumerList: 'consumer:ids',
};

describe('the channel of marks of a sharded channel', () => {
  const marks = (channel: string) => keysOf({ ...names, channel, sharded: true }).marks;

  it('lies in the hash slot of the channel', () => {
    expect(marks('orders')).toBe('cgroup:{orders}:marks:messages:processed');
    for (const channel of ['orders', 'orders:{eu}:new', '{eu}', 'a{b', 'a{}{b}', '{', 'x{y{z}'])
      if (hashTagOf(channel) !== undefined)
        expect([channel, slotOf(marks(channel))]).toEqual([channel, slotOf(channel)]);
    expect(['a}b', 'a{}b', 'a{}{b}'].map(hashTagOf)).toEqual([undefined, undefined, undefined]);
  });

  it('lies there for each name that has a tag', () => {
    const part = fc.constantFrom('{', '}', 'a', 'b', ':');
    fc.assert(
      fc.property(fc.string({ unit: part, minLength: 1 }), (channel) => {
        fc.pre(hashTagOf(channel) !== undefined);
        expect(slotOf(marks(channel))).toBe(slotOf(channel));
      }),
    );
  });
});

describe('the keys of a group', () => {
  it('are these, for these names', () => {
    expect(keysOf(names)).toEqual({
      output: 'messages:processed',
      open: 'cgroup:{messages:processed}:open',
      inbox: 'cgroup:{messages:processed}:inbox',
      packs: 'cgroup:{messages:processed}:packs',
      bridge: 'cgroup:{messages:processed}:bridge',
      marks: 'cgroup:{messages:processed}:marks',
      retry: 'cgroup:{messages:processed}:retry',
      parked: 'cgroup:{messages:processed}:parked',
      busy: 'cgroup:{messages:processed}:busy',
      held: 'cgroup:{messages:processed}:held',
      halted: 'cgroup:{messages:processed}:halted',
      record: 'cgroup:{messages:processed}:record',
      dead: 'cgroup:{messages:processed}:dead',
      previews: 'cgroup:{messages:processed}:previews',
      counters: 'cgroup:{messages:processed}:counters',
      processed: 'cgroup:{messages:processed}:processed',
      gaps: 'cgroup:{messages:processed}:gaps',
      control: 'cgroup:{messages:processed}:control',
      ended: 'cgroup:{messages:processed}:ended',
      events: 'cgroup:{messages:processed}:events',
      consumerList: 'consumer:ids',
      heartbeats: 'cgroup:{consumer:ids}:heartbeats',
      members: 'cgroup:{consumer:ids}:members',
      processes: 'cgroup:{consumer:ids}:processes',
    });
  });

  it('fall into two hash slots for any names: that of the output and that of the list', () => {
    // Redis Cluster hashes the part between the first braces that are not empty, or else the whole key.
    const hashed = (key: string) => /\{([^}]+)\}/.exec(key)?.[1] ?? key;
    const name = fc.stringMatching(/^[^{}]+$/);
    fc.assert(
      fc.property(name, name, (output, consumerList) => {
        const keys = keysOf({ redis: names.redis, output, consumerList });
        const registry = [keys.consumerList, keys.heartbeats, keys.members, keys.processes];
        for (const key of Object.values(keys))
          expect(hashed(key)).toBe(registry.includes(key) ? consumerList : output);
        if (output !== consumerList) expect(new Set(Object.values(keys)).size).toBe(Object.keys(keys).length);
      }),
    );
  });

  it('of a lane lie in the slot of its number, except those that all lanes share', () => {
    const base = keysOf(names);
    const keys = laneKeys({ ...names, lanes: 3 }, 2);
    expect(keys).toMatchObject({
      output: 'messages:processed:{2}',
      inbox: 'cgroup:messages:processed:{2}:inbox',
      bridge: 'cgroup:messages:processed:{2}:bridge',
      dead: 'cgroup:messages:processed:{2}:dead',
      gaps: 'cgroup:messages:processed:{2}:gaps',
    });
    const shared = [base.marks, base.control, base.events, base.ended, ...registryKeysOf(base)];
    for (const key of Object.values(keys)) expect(shared.includes(key) || key.includes('{2}')).toBe(true);
    expect(Object.values(keys).filter((key) => shared.includes(key))).toHaveLength(shared.length);
  });

  it('are those of the group with one lane, and others for each of several', () => {
    expect(lanesOf(names)).toEqual([keysOf(names)]);
    expect(lanesOf({ ...names, lanes: 1 })).toEqual([keysOf(names)]);
    const outputs = lanesOf({ ...names, lanes: 3 }).map(({ output }) => output);
    expect(outputs).toEqual(['messages:processed:{0}', 'messages:processed:{1}', 'messages:processed:{2}']);
  });

  it('have their own channel for marks in each database, because all databases share the channels', () => {
    const marksIn = (redis: string) => keysOf({ ...names, redis }).marks;
    expect(marksIn('redis://h:1/1')).toBe('cgroup:{messages:processed}:marks:1');
    for (const first of ['redis://h:1', 'redis://h:1/', 'redis://h:1/0'])
      expect(marksIn(first)).toBe('cgroup:{messages:processed}:marks');
  });

  it('keep times and numbers of attempts apart in the retry zset', () => {
    const mostAttempts = 1_000;
    expect(RETURNED_BELOW).toBeGreaterThan(mostAttempts);
    expect(RETURNED_BELOW).toBeLessThan(Date.parse('2000-01-01'));
  });
});
