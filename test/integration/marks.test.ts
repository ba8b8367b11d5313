import { describe, expect, onTestFinished, test } from 'vitest';
import type { MarkRequest } from '../../src/core/bridge-store.js';
import { CgroupError } from '../../src/core/errors.js';
import { readMark } from '../../src/core/marks.js';
import { silentLogger } from '../../src/log/logger.js';
import { RedisBridgeStore } from '../../src/redis/bridge-store.js';
import { Connection } from '../../src/redis/protocol/connection.js';
import { groupOn } from '../helpers/group.js';
import { markText, SECRET } from '../helpers/marks.js';
import { packed } from '../helpers/packed.js';
import { withRedis } from '../helpers/redis.js';
import { openStores, type Stores } from '../helpers/stores.js';
import { until } from '../helpers/until.js';

const redis = withRedis();

const A: MarkRequest = { caller: 'a', seat: 'a', seats: 2, secret: SECRET, secretKnown: true, seen: 0 };

/** The lead taken by `a` with token 1, two messages relayed, and a mark made. */
async function marked() {
  const stores = await openStores(redis.namespace());
  const { bridgeStore } = stores;
  const made = await bridgeStore.mark(A);
  if (!('mark' in made)) throw new Error('no seat');
  await bridgeStore.take('a', 0, 0);
  const to = { epoch: made.mark, offset: 2 };
  await bridgeStore.relay({
    caller: 'a',
    token: 1,
    from: undefined,
    to,
    messages: packed(['x', 'y']),
    packSize: 1,
  });
  const mark = async (request: Partial<MarkRequest> = {}) => {
    const reply = await bridgeStore.mark({ ...A, token: 1, ...request });
    if (!('mark' in reply)) throw new Error('no seat');
    return reply;
  };
  return { ...stores, mark, made, to };
}

const spoil = ({ raw, keys }: Stores, field: string, value: string) => raw.hset(keys.bridge, field, value);

describe('a client that may only publish', () => {
  test('neither stops the group nor makes it lose or double a message, whatever it sends to the marks channel', {
    timeout: 90_000,
  }, async () => {
    const group = await groupOn(redis.url);
    const processes = await Promise.all([group.start(['--size', '2']), group.start(['--size', '2'])]);
    await group.bridgesInStep(2);
    const { raw, keys } = group;
    const user = group.space.output;
    await raw.call(
      'ACL',
      'SETUSER',
      user,
      'on',
      '>pw',
      'resetkeys',
      'allchannels',
      '-@all',
      '+publish',
      '+subscribe',
    );
    onTestFinished(async () => void (await raw.call('ACL', 'DELUSER', user)));
    const rogue = raw.duplicate({ username: user, password: 'pw', enableReadyCheck: false });
    const listener = rogue.duplicate();
    onTestFinished(() => void [rogue, listener].map((client) => client.disconnect()));
    const heard: string[] = [];
    listener.on('message', (_channel, text: string) => heard.push(text));
    await listener.subscribe(keys.marks);
    await until(() => heard.length > 2);

    let sent = 0;
    const rogues = async () => {
      const now = Date.now();
      const texts = [
        `${'7'.repeat(310)} 0 0 1   `,
        `${now + 1} 999 ${sent} 2 ${now + 9e6} 3 rogue#1`,
        markText(now + 50, 'a'.repeat(64)),
        heard[0] as string,
        heard.at(-1) as string,
        `${now + 60_000} ${heard.at(-1)?.split(' ')[1]}`,
        '3 1 1 1   ',
      ];
      for (const text of texts) await rogue.publish(keys.marks, text);
      sent += texts.length;
    };
    for (let round = 0; round < 20; round++) {
      await group.publish(50);
      await rogues();
    }
    // The leader counts them with its next mark; what it has not yet counted dies with it.
    await until(async () => (await raw.hget(keys.counters, 'foreignMarks')) !== null);
    // The leader dies in the middle of it: the follower has all that it had.
    const leader = (await group.read()).leader ?? '';
    const doomed = processes.find(({ pid }) => leader.includes(`-${pid}-`));
    const dying = doomed?.kill('SIGKILL');
    for (let round = 0; round < 20; round++) {
      await rogues();
      await group.publish(50);
    }
    await dying;
    const { counters } = await group.settled(2_000);
    expect(counters).toMatchObject({ processed: 2_000, gaps: 0, dead: 0 });
    const survivor = processes.find((process) => process !== doomed);
    expect(survivor?.stderr()).toContain(`the channel ${keys.marks} ignored`);
    await survivor?.kill('SIGTERM');
  });
});

describe('the secret of the marks', () => {
  test('is made by the first bridge; later ones get it', async () => {
    const { bridgeStore } = await openStores(redis.namespace());
    await bridgeStore.mark({ ...A, secretKnown: false });
    const reply = await bridgeStore.mark({
      ...A,
      caller: 'b',
      seat: 'b',
      secret: 'b'.repeat(64),
      secretKnown: false,
    });
    expect(reply).toMatchObject({ secret: SECRET });
  });

  test('comes back after a flush from a bridge that knows it; a new bridge waits for that', async () => {
    const { bridgeStore, raw, keys, mark } = await marked();
    const subscriber = raw.duplicate();
    onTestFinished(() => subscriber.disconnect());
    await subscriber.subscribe(keys.marks);
    await raw.del(keys.bridge);
    const fresh = { ...A, caller: 'new', seat: 'new', secret: 'f'.repeat(64), secretKnown: false };
    expect(await bridgeStore.mark(fresh)).toEqual({ taken: [] });
    await mark();
    expect(await bridgeStore.mark(fresh)).toMatchObject({ secret: SECRET });
    // If the others never come, it waits no longer.
    await raw.del(keys.bridge);
    expect(await bridgeStore.mark({ ...fresh, secretKnown: true })).toMatchObject({ secret: fresh.secret });
  });

  test('proves marks in the way that Node computes it', async () => {
    const { raw, keys, mark } = await marked();
    const heard: string[] = [];
    const subscriber = raw.duplicate();
    onTestFinished(() => subscriber.disconnect());
    subscriber.on('message', (_channel, text: string) => heard.push(text));
    await subscriber.subscribe(keys.marks);
    const { mark: number } = await mark();
    await until(() => heard.length === 1);
    expect(heard[0]).toBe(markText(number));
    expect(readMark(heard[0] as string, SECRET, number)).toEqual({ number, server: undefined });
  });
});

describe('a foreign value in the hash of the bridge', () => {
  test.each([
    ['mark', 'inf', ['mark']],
    ['mark', '9'.repeat(310), ['mark']],
    ['mark', String(Date.now() + 200_000_000), ['mark']],
    ['token', 'seven', ['token', 'holder']],
    ['beat', '-1', ['beat']],
    ['secret', 'short', ['secret']],
  ])('%s %s is replaced by the next mark, and the position is kept', async (field, value, healed) => {
    const stores = await marked();
    const before = Date.now();
    await spoil(stores, field, value);
    const reply = await stores.mark();
    expect(reply.healed).toEqual(healed);
    expect(reply).toMatchObject({ secret: SECRET, lease: { relayed: stores.to } });
    expect(Math.abs(reply.mark - before)).toBeLessThan(60_000);
    expect((await stores.mark()).healed).toEqual([]);
  });

  test.each([
    ['epoch', 'soon'],
    ['epoch', String(Date.now() + 3_600_000)],
    ['offset', '-3'],
    ['offset', '1e5'],
  ])('%s %s ends the position, and the next leader learns that there was one', async (field, value) => {
    const stores = await marked();
    await spoil(stores, field, value);
    expect(await stores.mark()).toMatchObject({ healed: ['epoch', 'offset'], lease: { relayed: undefined } });
    const { beat } = await stores.bridgeStore.readLease();
    expect(await stores.bridgeStore.take('b', 1, beat)).toMatchObject({
      taken: true,
      position: undefined,
      lost: true,
    });
  });

  test('is read as none by a bridge that comes before it is replaced', async () => {
    const stores = await marked();
    await spoil(stores, 'epoch', '1e309');
    await spoil(stores, 'heard_at', 'nan');
    await spoil(stores, 'mark', '-inf');
    expect(await stores.bridgeStore.lastMark()).toBe(0);
    expect(await stores.bridgeStore.take('b', 1, 0)).toMatchObject({
      position: undefined,
      lastBeat: undefined,
    });
    expect(await stores.bridgeStore.readLease()).toMatchObject({ relayed: undefined });
  });

  test('does not keep a group from working: it carries on, and records a gap if the position was lost', async () => {
    const group = await groupOn(redis.url);
    const [first, second] = await Promise.all([group.start(), group.start()]);
    await group.publish(10);
    await group.settled(10);
    const { raw, keys } = group;
    // A bridge that has not yet heard what is relayed would relay it again.
    const settled = Date.now();
    const heard = async () => {
      const seats = Object.entries(await raw.hgetall(keys.bridge)).filter(([name]) =>
        name.startsWith('seat:'),
      );
      return seats.length === 2 && seats.every(([, at]) => Number(at) > settled);
    };
    await until(heard, { what: 'both bridges to hear what is relayed' });
    await raw.hset(keys.bridge, {
      mark: '1'.repeat(400),
      token: 'x',
      epoch: '1e300',
      beat: 'inf',
      'seat:evil': 'x',
    });
    await until(async () => (await raw.hget(keys.bridge, 'token')) === '1', {
      what: 'a bridge to lead again',
    });
    // What is published before may be in the gap.
    await until(async () => (await raw.hget(keys.counters, 'gaps')) === '1', {
      what: 'the gap to be recorded',
    });
    await group.bridgesInStep(2);
    await group.publish(10);
    const { counters } = await group.settled(20);
    expect(counters).toMatchObject({ processed: 20, gaps: 1 });
    for (const process of [first, second]) await process.kill('SIGTERM');
  });
});

describe('a relay that the inbox refuses', () => {
  const LAST = '18446744073709551615-18446744073709551615';

  test.each([
    ['the highest id is taken', LAST, 0],
    ['there is room for one message of three', LAST.replace(/5$/, '4'), 0],
  ])('changes nothing if %s', async (_what, id) => {
    const stores = await marked();
    const { bridgeStore, raw, keys, everything, to } = stores;
    await raw.xadd(keys.inbox, id, 'message', 'foreign');
    const before = await everything();
    const request = {
      caller: 'a',
      token: 1,
      from: to,
      to: { ...to, offset: 5 },
      messages: packed(['1', '2', '3']),
      packSize: 1,
    };
    await expect(bridgeStore.relay(request)).rejects.toThrow(/holds an entry with the last possible id/);
    const after = await everything();
    expect(await raw.hgetall(keys.bridge)).toMatchObject({ epoch: `${to.epoch}`, offset: '2' });
    expect(await raw.xlen(keys.inbox)).toBe(3);
    expect(await raw.hget(keys.counters, 'relayed')).toBe('2');
    expect(after.length).toBe(before.length);
  });

  test('changes nothing if the right to count is withdrawn', async () => {
    const { bridgeStore, raw, keys, to } = await marked();
    await raw.call('ACL', 'SETUSER', 'default', '-hincrby');
    onTestFinished(async () => void (await raw.call('ACL', 'SETUSER', 'default', '+hincrby')));
    const request = {
      caller: 'a',
      token: 1,
      from: to,
      to: { ...to, offset: 3 },
      messages: packed(['1']),
      packSize: 1,
    };
    await expect(bridgeStore.relay(request)).rejects.toThrow(/can't run this command|permission/);
    await raw.call('ACL', 'SETUSER', 'default', '+hincrby');
    expect(await raw.xlen(keys.inbox)).toBe(2);
    expect(await bridgeStore.relay(request)).toEqual({ kind: 'written' });
  });

  test('counts nothing if a counter holds a foreign value, and relays', async () => {
    const { bridgeStore, raw, keys, to } = await marked();
    await raw.hset(keys.counters, 'relayed', 'many');
    const gap = { reason: 'a test', since: undefined, dropped: 0 };
    const request = {
      caller: 'a',
      token: 1,
      from: to,
      to: { ...to, offset: 3 },
      messages: packed(['1']),
      packSize: 1,
      gap,
    };
    expect(await bridgeStore.relay(request)).toEqual({ kind: 'written' });
    expect(await raw.hmget(keys.counters, 'relayed', 'gaps')).toEqual(['many', '1']);
    expect(await raw.xlen(keys.inbox)).toBe(3);
  });
});

describe('the server of the bridges', () => {
  const [HERE, THERE] = ['a'.repeat(40), 'b'.repeat(40)];

  /** A store as on one of several servers; `at` is the one that it is connected to. */
  async function elsewhere() {
    const made = await marked();
    const { raw, keys } = made;
    const heard: string[] = [];
    const subscriber = raw.duplicate();
    onTestFinished(() => subscriber.disconnect());
    subscriber.on('message', (_channel, text: string) => heard.push(text));
    await subscriber.subscribe(keys.marks);
    const connection = new Connection(redis.url, 'test', silentLogger);
    onTestFinished(() => connection.close());
    await connection.connect();
    let at = HERE;
    Object.defineProperty(connection, 'isPlain', { value: false });
    Object.defineProperty(connection, 'server', { get: () => at });
    connection.mustBeOn = (server) => {
      if (server !== at) throw new CgroupError('OTHER_SERVER', 'another one');
    };
    const go = (server: string) => {
      at = server;
    };
    return { ...made, heard, go, store: new RedisBridgeStore(connection, keys) };
  }

  test('is named by a bridge that joins, and stands on each mark; a bridge at another one is told to end', async () => {
    const { store, heard, go, raw, keys } = await elsewhere();
    const first = await store.mark({ ...A, joins: true });
    expect(first).toMatchObject({ lease: { home: { server: HERE } } });
    if (!('mark' in first)) throw new Error('no seat');
    expect(first.lease.home?.since).toBe(first.mark);
    await store.mark({ ...A, on: HERE });
    go(THERE);
    await expect(store.mark({ ...A, on: HERE })).rejects.toMatchObject({ code: 'OTHER_SERVER' });
    // Its subscription has ended: it leads on, and leaves the server as it is.
    expect(await store.mark({ ...A, deaf: true })).toMatchObject({ lease: { home: { server: HERE } } });
    expect(await store.mark(A)).toEqual({ taken: [], moved: true });
    const moved = await store.mark({ ...A, joins: true });
    expect(moved).toMatchObject({ lease: { home: { server: THERE } } });
    await until(() => heard.length === 4);
    expect(heard.map((text) => readMark(text, SECRET, Number.MAX_SAFE_INTEGER)?.server)).toEqual([
      HERE,
      HERE,
      THERE,
      THERE,
    ]);
    expect((await store.readLease()).home?.server).toBe(THERE);
    // What is no number there counts as no server.
    await raw.hset(keys.bridge, 'since', 'soon');
    go(HERE);
    expect(await store.mark(A)).toMatchObject({ lease: { home: { server: HERE } } });
  });

  test('takes no position of another one, and nothing that is late', async () => {
    const { store, bridgeStore, to, raw, keys, go } = await elsewhere();
    go(THERE);
    const reply = await store.mark({ ...A, caller: 'b', seat: 'b', joins: true });
    if (!('mark' in reply)) throw new Error('no seat');
    const { mark: since } = reply;
    const request = {
      caller: 'a',
      token: 1,
      from: to,
      messages: packed(['x']),
      packSize: 1,
      server: HERE,
    };
    const after = { epoch: since, offset: 1 };
    expect(await bridgeStore.relay({ ...request, to: after })).toEqual({ kind: 'late' });
    const next = { ...to, offset: to.offset + 1 };
    // A second has passed since they came there.
    expect(await bridgeStore.relay({ ...request, to: next, lateAfter: -1_000 })).toEqual({ kind: 'late' });
    expect(await raw.xlen(keys.inbox)).toBe(2);
    expect(await bridgeStore.relay({ ...request, to: next, lateAfter: 60_000 })).toEqual({ kind: 'written' });
    expect(await bridgeStore.relay({ ...request, from: next, to: after, server: THERE })).toEqual({
      kind: 'written',
    });
  });
});

test('a gap that belongs to no batch is recorded and counted', async () => {
  const { bridgeStore, raw, keys } = await openStores(redis.namespace());
  const gap = { reason: 'a test', since: 1_000, dropped: 3 };
  await bridgeStore.missed('a', gap);
  await bridgeStore.missed('a', { ...gap, since: undefined, dropped: 0 });
  expect(await raw.hmget(keys.counters, 'gaps', 'dropped')).toEqual(['2', '3']);
  const [[, first = []] = [], [, second = []] = []] = await raw.xrange(keys.gaps, '-', '+');
  expect(first).toEqual([
    'from',
    '1000',
    'to',
    expect.any(String),
    'reason',
    'a test',
    'dropped',
    '3',
    'bridge',
    'a',
  ]);
  expect(second[1]).toBe(second[3]);
});

test('a gap counts once if its stream takes no entry any more', async () => {
  const { bridgeStore, raw, keys } = await openStores(redis.namespace());
  await raw.xadd(keys.gaps, '18446744073709551615-18446744073709551615', 'from', '1');
  await bridgeStore.missed('a', { reason: 'a test', since: 1_000, dropped: 3 });
  expect(await raw.hmget(keys.counters, 'gaps', 'dropped')).toEqual(['1', '3']);
  expect(await raw.xlen(keys.gaps)).toBe(1);
});
