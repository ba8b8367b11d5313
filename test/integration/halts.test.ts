import { randomBytes } from 'node:crypto';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Entry } from '../../src/core/consumer-store.js';
import { silentLogger } from '../../src/log/logger.js';
import { DeadLetters } from '../../src/observe/dead-letters.js';
import { Inspector } from '../../src/redis/inspect.js';
import { Connection } from '../../src/redis/protocol/connection.js';
import { type HaltingGroup, haltingGroup } from '../helpers/halts.js';
import { isRedis6, withRedis } from '../helpers/redis.js';
import { commandsOfScripts } from '../helpers/sources.js';
import { GROUP } from '../helpers/stores.js';

const redis = withRedis();
const KEY = '"alice"';

/** A group in total order with entries that a consumer holds. */
async function holding(...messages: string[]) {
  const group = await haltingGroup(redis.namespace(), 'total');
  return { group, entries: await group.hold(...messages), deadLetters: new DeadLetters(group.inspector) };
}

const one = (entries: readonly Entry[]) => {
  expect(entries).toHaveLength(1);
  return entries[0] as Entry;
};

/** relayed = processed + dead + backlog + parked. */
async function expectAllCounted({ inspector, raw, keys }: HaltingGroup) {
  const { counters, backlog } = await inspector.read();
  const parked = await raw.zcard(keys.parked);
  expect(counters.processed + counters.dead + backlog + parked).toBe(counters.relayed);
}

describe('in total order, with onDead halt', () => {
  test('what follows a dead letter waits, and its retry takes its place', async () => {
    const { group, entries, deadLetters } = await holding('1', '2', '3', '4');
    const [first, second, third, fourth] = entries as [Entry, Entry, Entry, Entry];
    await group.commit(third, fourth);
    const [dead = ''] = await group.bury(second);
    await group.commit(first);
    expect(await group.output()).toEqual(['1']);
    expect(await group.halted()).toEqual([{ deadId: dead, inboxId: second.id, key: undefined }]);
    await expectAllCounted(group);

    expect(await deadLetters.retry([dead])).toEqual([dead]);
    expect(await group.halted()).toEqual([{ deadId: '', inboxId: second.id, key: undefined }]);
    const again = one(await group.next());
    expect(again).toMatchObject({ identity: second.id, message: '2', attempts: 0 });
    // Later messages still wait for it.
    const [later] = (await group.hold('5')) as [Entry];
    await group.commit(later);
    expect(await group.output()).toEqual(['1']);
    await group.commit(again);
    expect(await group.output()).toEqual(['1', '2', '3', '4', '5']);
    expect(await group.halted()).toEqual([]);
    expect((await group.fields(group.keys.output)).map(({ inbox_id }) => inbox_id)).toEqual([
      ...entries.map(({ id }) => id),
      later.id,
    ]);
    await expectAllCounted(group);
  });

  test('a message that dies again stays in its place, as the new dead letter', async () => {
    const { group, entries, deadLetters } = await holding('1', '2');
    const [first, second] = entries as [Entry, Entry];
    await group.commit(second);
    const [dead = ''] = await group.bury(first);
    await deadLetters.retry([dead]);
    const [again = ''] = await group.bury(one(await group.next()));
    expect(again).not.toBe(dead);
    expect(await group.halted()).toEqual([{ deadId: again, inboxId: first.id, key: undefined }]);
    expect(await group.output()).toEqual([]);
    await deadLetters.retry([again]);
    await group.commit(one(await group.next()));
    expect(await group.output()).toEqual(['1', '2']);
    await expectAllCounted(group);
  });

  test('a message that dies again when dead letters do not halt any more gives up its place', async () => {
    const { group, entries, deadLetters } = await holding('1', '2');
    const [first, second] = entries as [Entry, Entry];
    await group.commit(second);
    const [dead = ''] = await group.bury(first);
    await deadLetters.retry([dead]);
    const skipping = await group.storeAs(redis.url, false);
    await skipping.bury([group.letterOf(one(await group.next()))], 0);
    expect(await group.halted()).toEqual([]);
    expect(await group.output()).toEqual(['2']);
  });

  test('skip gives up the place, and the dead letter stays', async () => {
    const { group, entries, deadLetters } = await holding('1', '2', '3', '4');
    const [first, second, third, fourth] = entries as [Entry, Entry, Entry, Entry];
    const [one = '', three = ''] = await group.bury(first, third);
    await group.commit(second, fourth);
    expect(await group.output()).toEqual([]);
    expect(await deadLetters.skip([one, '1-1'])).toEqual([one]);
    // The output did not exist: the next call lets results out.
    await group.commit(...(await group.hold('5')));
    expect(await group.output()).toEqual(['2']);
    expect(await deadLetters.skip([three])).toEqual([three]);
    expect(await group.output()).toEqual(['2', '4', '5']);
    expect((await deadLetters.list()).map(({ id, halted }) => [id, halted])).toEqual([
      [three, undefined],
      [one, undefined],
    ]);
    expect(await deadLetters.skip([one])).toEqual([]);
    await expectAllCounted(group);
  });

  test('a message that is tried again is not skipped', async () => {
    const { group, entries, deadLetters } = await holding('1');
    const [dead = ''] = await group.bury(...entries);
    await deadLetters.retry([dead]);
    expect(await deadLetters.skipAll()).toBe(0);
    await group.commit(...(await group.next()));
    expect(await group.output()).toEqual(['1']);
  });

  test('a message that another program deletes while it is tried again stops nothing', async () => {
    const { group, entries, deadLetters } = await holding('1', '2');
    const [first, second] = entries as [Entry, Entry];
    const [dead = ''] = await group.bury(first);
    await group.commit(second);
    await deadLetters.retry([dead]);
    const again = one(await group.next());
    await group.raw.xdel(group.keys.inbox, again.id);
    await group.commit(...(await group.hold('3')));
    expect(await group.output()).toEqual(['2', '3']);
    expect((await group.inspector.read()).counters.foreignHalts).toBe(1);
  });

  test('a retry is due at once if other entries wait to be read before it', async () => {
    const { group, entries, deadLetters } = await holding('1');
    const [dead = ''] = await group.bury(...entries);
    await group.relay('2', '3');
    await deadLetters.retry([dead]);
    const due = await group.store.due('a', 100, 60_000);
    expect(due.entries.map(({ message }) => String(message))).toEqual(['1']);
    await group.commit(...due.entries);
    expect(await group.output()).toEqual(['1']);
    await group.commit(...(await group.next()));
    expect(await group.output()).toEqual(['1', '2', '3']);
  });

  test('purge gives up the places of what it deletes', async () => {
    const { group, entries, deadLetters } = await holding('1', '2', '3');
    const [first, second, third] = entries as [Entry, Entry, Entry];
    await group.commit(first);
    const [dead = ''] = await group.bury(second);
    await group.commit(third);
    expect(await deadLetters.count()).toMatchObject({ count: 1, halted: 1 });
    expect(await deadLetters.purge({ through: dead })).toBe(1);
    expect(await group.output()).toEqual(['1', '3']);
    expect(await group.halted()).toEqual([]);
  });

  test('deadMaxLen deletes no dead letters while one is halted', async () => {
    const { group, entries, deadLetters } = await holding('1', '2', '3', '4', '5');
    await group.raw.config('SET', 'stream-node-max-entries', 1);
    const [last, ...others] = [...entries].reverse() as [Entry, ...Entry[]];
    await group.store.bury(others.map(group.letterOf), 1);
    expect(await group.raw.xlen(group.keys.dead)).toBe(4);
    await deadLetters.skipAll();
    const skipping = await group.storeAs(redis.url, false);
    await skipping.bury([group.letterOf(last)], 1);
    expect(await group.raw.xlen(group.keys.dead)).toBe(1);
    expect(await group.halted()).toEqual([]);
  });

  test('foreign members of the zset are removed, and stop nothing for ever', async () => {
    const { group, entries } = await holding('1', '2');
    const foreign = ['', 'garbage', '0\0\0', `${'0'.repeat(41)}\0\0`, `\0\0\0`, 'z\xff', '1-1\0 1-1\0'];
    for (const member of foreign) await group.raw.zadd(group.keys.halted, 0, member);
    await group.raw.zadd(group.keys.halted, -1, 'low', 7, 'high');
    const { foreign: found } = await group.inspector.halts.first(100);
    expect(found).toHaveLength(foreign.length + 2);
    await group.commit(...entries);
    const [next] = (await group.hold('3')) as [Entry];
    await group.commit(next);
    await group.commit(...(await group.hold('4')));
    expect(await group.output()).toEqual(['1', '2', '3', '4']);
    expect(await group.inspector.halts.all()).toEqual([]);
  });

  test('a halt whose dead letter another program deleted can be skipped', async () => {
    const { group, entries, deadLetters } = await holding('1', '2');
    const [first, second] = entries as [Entry, Entry];
    await group.commit(first);
    const [dead = ''] = await group.bury(second);
    await group.raw.del(group.keys.dead);
    expect(await deadLetters.retry([dead])).toEqual([]);
    expect(await deadLetters.skip([dead])).toEqual([dead]);
  });
});

describe('in order by key, with onDead halt', () => {
  /** A group in which the first message of a key is dead and two wait behind it. */
  async function halted() {
    const group = await haltingGroup(redis.namespace(), 'key');
    await group.relayWithKey(KEY, 'a1', 'a2', 'a3');
    const first = one(await group.next());
    const [dead = ''] = await group.bury(first);
    const deadLetters = new DeadLetters(group.inspector);
    return { group, first, dead, deadLetters };
  }

  /** Processes what comes until nothing comes any more. */
  async function processAll(group: HaltingGroup) {
    for (let entries = await group.next(); entries.length > 0; entries = await group.next())
      await group.commit(...entries);
  }

  test('the other messages of the key wait, those of others go on, and a retry comes first', async () => {
    const { group, first, dead, deadLetters } = await halted();
    await group.relayWithKey('"bob"', 'b1', 'b2');
    await processAll(group);
    expect(await group.output()).toEqual(['b1', 'b2']);
    expect(await group.halted()).toEqual([{ deadId: dead, inboxId: first.id, key: KEY }]);
    expect(await deadLetters.show(dead)).toMatchObject({ key: KEY, halted: true, inbox_id: first.id });
    await expectAllCounted(group);

    await deadLetters.retry([dead]);
    const again = one(await group.next());
    expect(again).toMatchObject({ identity: first.id, key: KEY, message: 'a1' });
    expect(await group.raw.hget(group.keys.busy, KEY)).toBe(again.id);
    await group.commit(again);
    expect(await group.halted()).toEqual([]);
    await processAll(group);
    expect(await group.output()).toEqual(['b1', 'b2', 'a1', 'a2', 'a3']);
    expect(await group.raw.hlen(group.keys.busy)).toBe(0);
    await expectAllCounted(group);
  });

  test('a message that dies again halts its key again', async () => {
    const { group, first, dead, deadLetters } = await halted();
    await deadLetters.retry([dead]);
    const [again = ''] = await group.bury(one(await group.next()));
    expect(await group.halted()).toEqual([{ deadId: again, inboxId: first.id, key: KEY }]);
    expect(await group.next()).toEqual([]);
    await deadLetters.retry([again]);
    await processAll(group);
    expect(await group.output()).toEqual(['a1', 'a2', 'a3']);
  });

  test.each(['skip', 'skipAll', 'purge'] as const)(
    '%s lets the next message of the key go on',
    async (how) => {
      const { group, dead, deadLetters } = await halted();
      if (how === 'skip') expect(await deadLetters.skip([dead])).toEqual([dead]);
      else if (how === 'skipAll') expect(await deadLetters.skipAll()).toBe(1);
      else expect(await deadLetters.purge()).toBe(1);
      await processAll(group);
      expect(await group.output()).toEqual(['a2', 'a3']);
      expect(await group.halted()).toEqual([]);
      expect(await group.raw.hlen(group.keys.busy)).toBe(0);
      await expectAllCounted(group);
    },
  );

  test('a message without a key halts nothing', async () => {
    const group = await haltingGroup(redis.namespace(), 'key');
    await group.bury(...(await group.hold('no key')));
    expect(await group.halted()).toEqual([]);
  });

  test('without halt, a dead letter lets the next message of its key go on', async () => {
    const group = await haltingGroup(redis.namespace(), 'key', { halt: false });
    await group.relayWithKey(KEY, 'a1', 'a2');
    await group.bury(one(await group.next()));
    expect(await group.halted()).toEqual([]);
    await processAll(group);
    expect(await group.output()).toEqual(['a2']);
  });

  test('a key whose retried message another program deleted can be skipped', async () => {
    const { group, dead, deadLetters } = await halted();
    await deadLetters.retry([dead]);
    await group.raw.xdel(group.keys.inbox, one(await group.next()).id);
    expect(await deadLetters.skipAll()).toBe(1);
    await processAll(group);
    expect(await group.output()).toEqual(['a2', 'a3']);
  });
});

/** The commands of scripts, as ACLs name them. */
const commandsOf = (...scripts: string[]) => {
  const all = scripts.flatMap((script) => commandsOfScripts().get(script) ?? []);
  return [...new Set(all)].map((command) => command.toLowerCase()).sort();
};

describe.each(['total', 'key'] as const)('in order %s, a user without a right', (order) => {
  /** A group with `1` to be buried, and `2` and `3` behind it. */
  async function waiting() {
    const space = redis.namespace();
    const group = await haltingGroup(space, order);
    if (order === 'key') await group.relayWithKey(KEY, '1', '2', '3');
    else await group.relay('1', '2', '3');
    const [first, ...others] = (await group.read('a')) as [Entry, ...Entry[]];
    if (order === 'total') await group.commit(...others);
    return { group, first };
  }

  async function urlWithout(group: HaltingGroup, right: string): Promise<string> {
    const user = `u${randomBytes(4).toString('hex')}`;
    const withdrawn = isRedis6 ? right.split('|')[0] : right;
    await group.raw.call('ACL', 'SETUSER', user, 'on', '>pass', '~*', '&*', '+@all', `-${withdrawn}`);
    return redis.url.replace('//', `//${user}:pass@`);
  }

  /** What a refused call may not change. */
  async function stateOf({ raw, keys, pending, fields }: HaltingGroup) {
    return {
      inbox: await raw.xrange(keys.inbox, '-', '+'),
      pending: await pending(),
      dead: await fields(keys.dead),
      busy: await raw.hgetall(keys.busy),
      sets: await Promise.all(
        ['halted', 'retry', 'held'].map((key) => raw.zrange(keys[key as 'held'], 0, -1)),
      ),
    };
  }

  async function lettersAs(group: HaltingGroup, url: string): Promise<DeadLetters> {
    const connection = new Connection(url, 'lacking', silentLogger);
    onTestFinished(() => connection.close());
    await connection.connect();
    return new DeadLetters(new Inspector(connection, group.keys, GROUP));
  }

  /** Commits what comes until nothing comes any more. */
  async function finish(group: HaltingGroup, expected: string[]) {
    for (let entries = await group.next(); entries.length > 0; entries = await group.next())
      await group.commit(...entries);
    if (order === 'total') await group.letOut();
    expect(await group.output()).toEqual(expected);
    await expectAllCounted(group);
  }

  test.each(commandsOf('bury'))('to %s buries all or nothing, and the next try halts once', async (right) => {
    const { group, first } = await waiting();
    const lacking = await group.storeAs(await urlWithout(group, right));
    const before = await stateOf(group);
    await lacking.bury([group.letterOf(first)], 1_000).catch(() => {});
    const isBuried = (await group.halted()).length > 0;
    if (!isBuried) expect(await stateOf(group)).toEqual(before);
    await group.store.bury([group.letterOf(first)], 1_000);
    expect(await group.raw.xlen(group.keys.dead)).toBe(1);
    const [halt] = await group.halted();
    expect(halt).toMatchObject({ inboxId: first.id });
    expect(await group.output()).toEqual([]);
    await new DeadLetters(group.inspector).retry([halt?.deadId ?? '']);
    await finish(group, ['1', '2', '3']);
  });

  test.each(commandsOf('revive'))('to %s sends back all or nothing', async (right) => {
    const { group, first } = await waiting();
    const [dead = ''] = await group.bury(first);
    await group.raw.xadd(group.keys.inbox, '*', 'message', 'waits');
    await group.raw.hincrby(group.keys.counters, 'relayed', 1);
    const lacking = await lettersAs(group, await urlWithout(group, right));
    const before = await stateOf(group);
    await lacking.retry([dead]).catch(() => {});
    const isBack = (await group.raw.xlen(group.keys.dead)) === 0;
    if (!isBack) expect(await stateOf(group)).toEqual(before);
    await new DeadLetters(group.inspector).retry([dead]);
    expect(await group.raw.xlen(group.keys.dead)).toBe(0);
    expect(await group.halted()).toMatchObject([{ deadId: '', inboxId: first.id }]);
    await finish(
      group,
      order === 'total' ? ['1', '2', '3', 'waits'] : expect.arrayContaining(['1', '2', '3']),
    );
  });

  test.each(commandsOf('skip'))('to %s skips or not, and the next try goes on', async (right) => {
    const { group, first } = await waiting();
    const [dead = ''] = await group.bury(first);
    await group.raw.xadd(group.keys.output, '*', 'message_id', '0');
    await group.raw.hincrby(group.keys.counters, 'relayed', 1);
    await group.raw.hincrby(group.keys.counters, 'processed', 1);
    const lacking = await lettersAs(group, await urlWithout(group, right));
    await lacking.skip([dead]).catch(() => {});
    await new DeadLetters(group.inspector).skip([dead]);
    expect(await group.halted()).toEqual([]);
    await finish(group, ['0', '2', '3']);
  });
});
