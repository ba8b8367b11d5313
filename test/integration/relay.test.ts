import { describe, expect, test } from 'vitest';
import type { MarkRequest, RelayRequest } from '../../src/core/bridge-store.js';
import { readMark } from '../../src/core/marks.js';
import type { Position } from '../../src/core/position.js';
import { pause } from '../../src/core/service.js';
import { SECRET } from '../helpers/marks.js';
import { packed } from '../helpers/packed.js';
import { withRedis } from '../helpers/redis.js';
import { openStores, type Stores } from '../helpers/stores.js';
import { until } from '../helpers/until.js';

const redis = withRedis();

/** A mark of the bridge `a`. */
const A: MarkRequest = { caller: 'a', seat: 'a', seats: 2, secret: SECRET, secretKnown: true, seen: 0 };

/** Stores, the lead taken by `a` with token 1, and a batch to relay without a position. */
async function leading() {
  const stores = await openStores(redis.namespace());
  await stores.bridgeStore.take('a', 0, 0);
  const batch: RelayRequest = {
    caller: 'a',
    token: 1,
    from: undefined,
    to: { epoch: 1, offset: 2 },
    messages: packed(['one', Buffer.from([0, 0xff, 0x0d, 0x0a])]),
    packSize: 1,
  };
  return { ...stores, batch };
}

const position = async ({ raw, keys }: Stores) => raw.hmget(keys.bridge, 'epoch', 'offset');

test('a gap begins when a leader last received from the channel, not when a deaf one last beat', async () => {
  const { bridgeStore, raw, keys } = await leading();
  const mark = { ...A, token: 1 };
  await bridgeStore.mark(mark);
  const heard = Number(await raw.hget(keys.bridge, 'heard_at'));
  await pause(20);
  await bridgeStore.mark({ ...mark, deaf: true });
  const beat = Number(await raw.hget(keys.bridge, 'beat'));
  expect(Number(await raw.hget(keys.bridge, 'beat_at'))).toBeGreaterThan(heard);
  // Sent twice, as after a lost reply: the same answer.
  for (let i = 0; i < 2; i++)
    expect(await bridgeStore.take('b', 1, beat)).toMatchObject({ taken: true, token: 2, lastBeat: heard });
});

describe('relay', () => {
  test('writes the bytes as published and moves the position, together', async () => {
    const { batch, ...stores } = await leading();
    const { raw, keys, bridgeStore, inspector } = stores;
    expect(await bridgeStore.relay(batch)).toEqual({ kind: 'written' });
    const entries = (await raw.xrangeBuffer(keys.inbox, '-', '+')) as [Buffer, Buffer[]][];
    expect(entries.map(([, flat]) => flat[1])).toEqual([...batch.messages]);
    expect(await position(stores)).toEqual(['1', '2']);
    expect(await inspector.read()).toMatchObject({
      backlog: 2,
      waiting: 2,
      counters: { relayed: 2, gaps: 0 },
    });
  });

  test('writes nothing twice if it is sent again, and replies with the position', async () => {
    const { batch, bridgeStore, everything } = await leading();
    await bridgeStore.relay(batch);
    const before = await everything();
    expect(await bridgeStore.relay(batch)).toEqual({ kind: 'elsewhere', position: batch.to });
    expect(await everything()).toEqual(before);
  });

  test.each([
    ['nowhere', undefined],
    ['an earlier offset', { epoch: 1, offset: 1 }],
    ['a later offset', { epoch: 1, offset: 3 }],
    ['another epoch', { epoch: 2, offset: 2 }],
  ])('refuses to write from %s', async (_, from) => {
    const { batch, bridgeStore, everything } = await leading();
    await bridgeStore.relay(batch);
    const before = await everything();
    const reply = await bridgeStore.relay({ ...batch, from, to: { epoch: 3, offset: 0 } });
    expect(reply).toEqual({ kind: 'elsewhere', position: { epoch: 1, offset: 2 } });
    expect(await everything()).toEqual(before);
  });

  test('replies so if there is no position yet', async () => {
    const { batch, bridgeStore } = await leading();
    const reply = await bridgeStore.relay({ ...batch, from: { epoch: 1, offset: 0 } });
    expect(reply).toEqual({ kind: 'elsewhere', position: undefined });
  });

  test.each([
    ['an older token', { token: 0 }],
    ['a newer token', { token: 2 }],
    ['the right token of another bridge', { caller: 'b' }],
  ])('is fenced with %s', async (_, wrong) => {
    const { batch, bridgeStore, everything } = await leading();
    const before = await everything();
    expect(await bridgeStore.relay({ ...batch, ...wrong })).toEqual({ kind: 'fenced' });
    expect(await everything()).toEqual(before);
  });

  test('is fenced for a former leader, and goes on from its position for the new one', async () => {
    const { batch, bridgeStore } = await leading();
    await bridgeStore.relay(batch);
    const taken = await bridgeStore.take('b', 1, 0);
    expect(taken).toMatchObject({ taken: true, token: 2, position: batch.to });
    const next = { ...batch, from: batch.to, to: { epoch: 1, offset: 4 } };
    expect(await bridgeStore.relay(next)).toEqual({ kind: 'fenced' });
    expect(await bridgeStore.relay({ ...next, caller: 'b', token: 2 })).toEqual({ kind: 'written' });
  });

  test('records a gap once, with its reason and its times', async () => {
    const { batch, bridgeStore, inspector } = await leading();
    const since = Date.now() - 5_000;
    const withGap = {
      ...batch,
      messages: packed([]),
      packSize: 1,
      gap: { reason: 'no bridge was subscribed', since, dropped: 0 },
    };
    await bridgeStore.relay(withGap);
    await bridgeStore.relay(withGap);
    const { records: gaps } = await inspector.gaps();
    expect(gaps).toEqual([{ from: since, to: expect.any(Number), reason: 'no bridge was subscribed' }]);
    expect(gaps[0]?.to).toBeGreaterThan(since);
    expect((await inspector.read()).counters).toMatchObject({ gaps: 1, relayed: 0 });
  });

  test('records when a gap ended, if that is known, and now for an end that is still to come', async () => {
    const { batch, bridgeStore, inspector } = await leading();
    const now = Date.now();
    const gap = { reason: 'no bridge was subscribed', since: now - 5_000, dropped: 0 };
    await bridgeStore.relay({ ...batch, gap: { ...gap, until: now - 2_000 } });
    const next = { ...batch, from: batch.to, to: { epoch: 1, offset: 4 } };
    await bridgeStore.relay({ ...next, gap: { ...gap, until: now + 60_000 } });
    const { records } = await inspector.gaps();
    expect(records.map(({ from, to }) => [from - now, to < now + 30_000]).sort()).toEqual([
      [-5_000, true],
      [-5_000, true],
    ]);
    expect(records.map(({ to }) => to)).toContain(now - 2_000);
  });

  test('records no gap that begins after its end, if the clock was put back', async () => {
    const { batch, bridgeStore, inspector } = await leading();
    const since = Date.now() + 60_000;
    await bridgeStore.relay({ ...batch, gap: { reason: 'Redis lost its data', since, dropped: 0 } });
    const {
      records: [gap],
    } = await inspector.gaps();
    expect(gap?.from).toBe(gap?.to);
  });

  test('counts the messages known to be lost in a gap, once', async () => {
    const { batch, bridgeStore, raw, keys } = await leading();
    const withGap = { ...batch, gap: { reason: 'the buffer was full', since: undefined, dropped: 3 } };
    await bridgeStore.relay(withGap);
    await bridgeStore.relay(withGap);
    expect(await raw.hget(keys.counters, 'dropped')).toBe('3');
    const [entry] = (await raw.xrange(keys.gaps, '-', '+')) as [string, string[]][];
    expect(entry?.[1].join(' ')).toMatch(/reason the buffer was full dropped 3/);
  });

  test.each(['bridge', 'inbox', 'counters', 'gaps'] as const)(
    'changes nothing if the key of the %s holds something foreign',
    async (name) => {
      const { batch, bridgeStore, raw, keys, everything } = await leading();
      await raw.set(keys[name], 'foreign');
      const before = await everything();
      const gap = { reason: 'a gap', since: undefined, dropped: 0 };
      await expect(bridgeStore.relay({ ...batch, gap })).rejects.toMatchObject({
        code: 'KEY_TYPE',
        message: expect.stringContaining(keys[name]),
      });
      expect(await everything()).toEqual(before);
    },
  );
});

describe('the lead', () => {
  test('is taken by one of two bridges that saw the same lease', async () => {
    const { bridgeStore } = await openStores(redis.namespace());
    const replies = await Promise.all([bridgeStore.take('a', 0, 0), bridgeStore.take('b', 0, 0)]);
    expect(replies.map(({ taken }) => taken)).toEqual([true, false]);
  });

  test('taken again by its holder stays the same, so a resend does no harm', async () => {
    const { bridgeStore } = await leading();
    expect(await bridgeStore.take('a', 0, 0)).toMatchObject({ taken: true, token: 1 });
  });

  test('cannot be taken from a leader that beat once more', async () => {
    const { bridgeStore } = await leading();
    await bridgeStore.mark({ ...A, token: 1 });
    expect(await bridgeStore.take('b', 1, 0)).toEqual({ taken: false });
    expect(await bridgeStore.take('b', 1, 1)).toMatchObject({ taken: true, token: 2 });
  });

  test('is given up only by its holder', async () => {
    const { bridgeStore, raw, keys, batch } = await leading();
    expect(await bridgeStore.release('b', 1, undefined)).toEqual({ kind: 'fenced' });
    expect(await bridgeStore.release('a', 2, undefined)).toEqual({ kind: 'fenced' });
    expect(await raw.hget(keys.bridge, 'holder')).toBe('a');
    expect(await bridgeStore.release('a', 1, undefined)).toEqual({ kind: 'released' });
    expect(await raw.hget(keys.bridge, 'holder')).toBe('');
    expect(await bridgeStore.relay(batch)).toEqual({ kind: 'fenced' });
  });
});

describe('the lead given up', () => {
  test('is kept if the position is not the one that its holder left', async () => {
    const { bridgeStore, raw, keys, batch } = await leading();
    await bridgeStore.relay(batch);
    const reply = await bridgeStore.release('a', 1, { epoch: 1, offset: 3 });
    expect(reply).toEqual({ kind: 'elsewhere', position: batch.to });
    expect(await bridgeStore.release('a', 1, undefined)).toEqual({ kind: 'elsewhere', position: batch.to });
    expect(await raw.hget(keys.bridge, 'holder')).toBe('a');
    expect(await bridgeStore.release('a', 1, batch.to)).toEqual({ kind: 'released' });
  });
});

describe('the lease', () => {
  test('of a new group is empty', async () => {
    const { bridgeStore } = await openStores(redis.namespace());
    expect(await bridgeStore.readLease()).toEqual({ token: 0, beat: 0, holder: '', relayed: undefined });
  });

  test('has the leader and the position', async () => {
    const { bridgeStore, batch } = await leading();
    await bridgeStore.relay(batch);
    await bridgeStore.mark({ ...A, token: 1 });
    expect(await bridgeStore.readLease()).toEqual({ token: 1, beat: 1, holder: 'a', relayed: batch.to });
  });
});

describe('a mark', () => {
  test('is heartbeat, cut and progress in one', async () => {
    const { bridgeStore, raw, keys, batch } = await leading();
    const heard: string[] = [];
    const mark = (advance?: { from: Position; to: Position }) =>
      bridgeStore.mark({ ...A, token: 1, advance });
    const subscriber = raw.duplicate();
    subscriber.on('message', (_channel, text: string) => heard.push(text));
    await subscriber.subscribe(keys.marks);
    const made: unknown[] = [];
    try {
      await bridgeStore.relay(batch);
      made.push(await mark());
      made.push(await mark({ from: { epoch: 1, offset: 2 }, to: { epoch: 7, offset: 0 } }));
      await until(() => heard.length === 2);
    } finally {
      subscriber.disconnect();
    }
    const numbers = heard.map((text) => readMark(text, SECRET, Number.MAX_SAFE_INTEGER)?.number);
    expect(numbers[1]).toBeGreaterThan(numbers[0] as number);
    const common = { secret: SECRET, clock: expect.any(Number), bridges: 1, healed: [] };
    const lease = { token: 1, holder: 'a' };
    expect(made).toEqual([
      { ...common, mark: numbers[0], lease: { ...lease, beat: 1, relayed: { epoch: 1, offset: 2 } } },
      { ...common, mark: numbers[1], lease: { ...lease, beat: 2, relayed: { epoch: 7, offset: 0 } } },
    ]);
  });

  test('moves the position only for the leader, and only from the stored position', async () => {
    const { batch, ...stores } = await leading();
    await stores.bridgeStore.relay(batch);
    const to = { epoch: 9, offset: 0 };
    const request = { ...A, token: 1, advance: { from: batch.to, to } };
    await stores.bridgeStore.mark({ ...request, caller: 'b', seat: 'b' });
    await stores.bridgeStore.mark({ ...request, token: 2 });
    await stores.bridgeStore.mark({ ...request, advance: { from: { epoch: 1, offset: 1 }, to } });
    expect(await position(stores)).toEqual(['1', '2']);
    await stores.bridgeStore.mark(request);
    expect(await position(stores)).toEqual(['9', '0']);
  });

  test('never has a number that a bridge has seen before', async () => {
    const { bridgeStore } = await openStores(redis.namespace());
    const seen = Date.now() + 3_600_000;
    expect(await bridgeStore.mark({ ...A, seats: 1, seen })).toMatchObject({ mark: seen + 1 });
    expect(await bridgeStore.mark({ ...A, seats: 1 })).toMatchObject({ mark: seen + 2 });
  });

  test('has a number above those that a bridge without a seat has seen', async () => {
    const { bridgeStore } = await openStores(redis.namespace());
    const seen = Date.now() + 3_600_000;
    await bridgeStore.mark({ ...A, seats: 1 });
    expect(await bridgeStore.mark({ ...A, caller: 'b', seat: 'b', seats: 1, seen })).toHaveProperty('taken');
    expect(await bridgeStore.mark({ ...A, seats: 1 })).toMatchObject({ mark: seen + 1 });
  });

  test('has a number above all earlier ones, by the clock of Redis, if Redis has forgotten them', async () => {
    const { bridgeStore, raw, keys } = await openStores(redis.namespace());
    const mark = async () => {
      const reply = await bridgeStore.mark({ ...A, seats: 1 });
      return 'mark' in reply ? reply.mark : Number.NaN;
    };
    const before = await mark();
    const last = await mark();
    await raw.del(keys.bridge);
    await until(() => Date.now() > last);
    expect(await mark()).toBeGreaterThan(last);
    expect(before).toBeGreaterThan(1_600_000_000_000);
  });

  test('says how many bridges have a seat', async () => {
    const { bridgeStore } = await openStores(redis.namespace());
    const ask = (id: string) => bridgeStore.mark({ ...A, caller: id, seat: id });
    const replies = [await ask('a'), await ask('b'), await ask('a')];
    await bridgeStore.leave('b');
    replies.push(await ask('a'));
    expect(replies.map((reply) => 'bridges' in reply && reply.bridges)).toEqual([1, 2, 2, 1]);
  });

  test('gives out no more seats than there are; a dead bridge loses its seat, unless it makes a mark', async () => {
    const { bridgeStore, inspector } = await openStores(redis.namespace());
    const ask = (id: string, dead?: { id: string; lastMark: string }) =>
      bridgeStore.mark({ ...A, caller: id, seat: id, dead });
    await ask('a');
    await ask('b');
    const reply = await ask('c');
    if (!('taken' in reply)) throw new Error('there was a seat');
    const { taken } = reply;
    expect(taken.map(({ id }) => id)).toEqual(['a', 'b']);
    await pause(2); // a seat shows the millisecond of its last mark
    await ask('a');
    expect(await ask('c', taken[0])).toHaveProperty('taken');
    expect(await ask('c', taken[1])).toHaveProperty('mark');
    expect(new Set((await inspector.read()).bridges.map(({ id }) => id))).toEqual(new Set(['a', 'c']));
    await bridgeStore.leave('a');
    expect(await ask('b')).toHaveProperty('mark');
  });
});
