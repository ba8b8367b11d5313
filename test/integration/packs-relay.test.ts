import { describe, expect, test } from 'vitest';
import { countIn, identityIn, LARGEST_PACK } from '../../src/core/pack.js';
import type { Position } from '../../src/core/position.js';
import { compareIds } from '../../src/core/stream-id.js';
import { packed, textsOf } from '../helpers/packed.js';
import { withRedis } from '../helpers/redis.js';
import { openStores } from '../helpers/stores.js';

const redis = withRedis();

/** The texts of a blob: "str 32" of MessagePack. */
function textsIn(blob: Buffer): string[] {
  const texts: string[] = [];
  for (let at = 0; at < blob.length; ) {
    expect(blob[at]).toBe(0xdb);
    const end = at + 5 + blob.readUInt32BE(at + 1);
    texts.push(blob.toString('latin1', at + 5, end));
    at = end;
  }
  return texts;
}

/** A leading bridge that relays what the test says. */
async function leading() {
  const stores = await openStores(redis.namespace());
  const { raw, keys, bridgeStore } = stores;
  let token = 0;
  let from: Position | undefined;
  const take = async () => {
    const taken = await bridgeStore.take(`leader-${token + 1}`, token, 0);
    if (!taken.taken) throw new Error('the lead cannot be taken');
    token = taken.token;
  };
  await take();
  const relay = async (messages: readonly (string | Buffer)[], packSize: number) => {
    const to = { epoch: 1, offset: (from?.offset ?? 0) + messages.length };
    const request = { caller: `leader-${token}`, token, from, to, messages: packed(messages), packSize };
    const reply = await bridgeStore.relay(request);
    if (reply.kind === 'written') from = to;
    return reply;
  };
  /** All messages with their ids, in the order of the ids. */
  const all = async () => {
    const ones = (await raw.xrangeBuffer(keys.inbox, '-', '+')) as [Buffer, Buffer[]][];
    const packs = (await raw.xrangeBuffer(keys.packs, '-', '+')) as [Buffer, Buffer[]][];
    const found = ones.map(([id, [, text]]) => ({ id: String(id), text: textsOf([text as Buffer])[0] }));
    for (const [id, [, blob]] of packs) {
      const texts = textsIn(blob as Buffer);
      expect(texts).toHaveLength(countIn(String(id)));
      for (const [k, text] of texts.entries()) found.push({ id: identityIn(String(id), k + 1), text });
    }
    return found.sort((a, b) => compareIds(a.id, b.id));
  };
  const counts = async () =>
    (await raw.hmget(keys.counters, 'relayed', 'packed')).map((text) => Number(text ?? 0));
  return { ...stores, take, relay, all, counts };
}

let made = 0;
const some = (count: number, size = 0) => Array.from({ length: count }, () => `m${++made}`.padEnd(size, '.'));

describe('packs', () => {
  test('hold at most packSize messages and 64 KB, in their order, and none if one is larger', async () => {
    const { relay, all, raw, keys, counts } = await leading();
    const sizes = async () => (await raw.xrange(keys.packs, '-', '+')).map(([id]) => countIn(id));
    const first = some(700);
    await relay(first, 1_000);
    expect(await sizes()).toEqual([250, 250, 200]);
    const second = some(10);
    await relay(second, 4);
    expect((await sizes()).slice(3)).toEqual([4, 4, 2]);
    const third = some(5, 30_000);
    await relay(third, 250);
    expect((await sizes()).slice(6)).toEqual([2, 2, 1]);
    expect(await counts()).toEqual([715, 715]);
    const fourth = [...some(3), ...some(1, LARGEST_PACK), ...some(3)];
    await relay(fourth, 250);
    const fifth = some(1);
    await relay(fifth, 250);
    const sixth = some(3);
    await relay(sixth, 1);
    expect(await raw.xlen(keys.inbox)).toBe(11);
    expect(await counts()).toEqual([726, 715]);
    expect((await all()).map(({ text }) => text)).toEqual(
      [first, second, third, fourth, fifth, sixth].flat(),
    );
  });

  test('keep bytes as they are, and empty messages', async () => {
    const { relay, all } = await leading();
    const bytes = [Buffer.from([0, 0xff, 0xdb, 0x0d, 0x0a]), Buffer.alloc(0), Buffer.from('\u00e9 \u4f60')];
    await relay(bytes, 250);
    expect((await all()).map(({ text }) => text)).toEqual(textsOf(bytes));
  });

  test.each([
    ['now', ''],
    ['with the inbox an hour ahead', 'inbox'],
    ['with the packs an hour ahead', 'packs'],
    ['with both at the same moment', 'inbox packs'],
    ['with the inbox about to reach the numbers of packs', 'high'],
  ])('have ids in the order of the channel, given once, %s', async (_, ahead) => {
    const { relay, all, raw, keys, take } = await leading();
    const later = Date.now() + 3_600_000;
    if (ahead.includes('inbox')) await raw.xadd(keys.inbox, `${later}-7`, 'message', 'before');
    if (ahead.includes('packs')) await raw.xadd(keys.packs, `${later}-1000001`, 'pack', '\xdb\0\0\0\0');
    if (ahead === 'high') await raw.xadd(keys.inbox, `${later}-99990`, 'message', 'before');
    await raw.xtrim(keys.inbox, 'MAXLEN', 0);
    await raw.xtrim(keys.packs, 'MAXLEN', 0);
    const sent: string[] = [];
    for (let i = 0; i < 300; i++) {
      const messages = some(1 + ((i * 7) % 5));
      if (i % 50 === 49) await take();
      await relay(messages, i % 3 === 0 ? 1 : 1 + ((i * 5) % 4));
      sent.push(...messages);
    }
    const found = await all();
    expect(found.map(({ text }) => text)).toEqual(sent);
    expect(new Set(found.map(({ id }) => id)).size).toBe(sent.length);
  });

  test('do not follow an inbox that a foreign id has put years ahead', async () => {
    const { relay, raw, keys } = await leading();
    await raw.xadd(keys.inbox, '18446744073709551615-5', 'message', 'foreign');
    await relay(some(3), 250);
    await relay(some(1), 250);
    await relay(some(3), 250);
    const ids = (await raw.xrange(keys.packs, '-', '+')).map(([id]) => Number(id.split('-')[0]));
    for (const ms of ids) expect(Math.abs(ms - Date.now())).toBeLessThan(60_000);
    expect(await raw.xlen(keys.inbox)).toBe(2);
  });

  test('go on after foreign ids, and are refused after the last possible one: nothing has changed then', async () => {
    const { relay, raw, keys, everything, all } = await leading();
    for (const id of [
      '18446744073709551615-3',
      '18446744073709551615-1002999',
      '18446744073709551615-9007199254000000',
    ]) {
      await raw.xadd(keys.packs, id, 'pack', '');
      await raw.xdel(keys.packs, id);
      expect(await relay(some(501), 250)).toEqual({ kind: 'written' });
    }
    expect(await all()).toHaveLength(1503);
    await raw.xadd(keys.packs, '18446744073709551615-18446744073709551615', 'pack', '');
    const before = await everything();
    await expect(relay(some(501), 250)).rejects.toMatchObject({ code: 'REDIS_REFUSED' });
    expect(await everything()).toEqual(before);
  });

  test('are all refused if there is no room for the last of them', async () => {
    const { relay, raw, keys, everything, counts } = await leading();
    await relay(some(2), 250);
    // Two blocks are left.
    await raw.xadd(keys.packs, '18446744073709551615-9007199254738000', 'pack', '');
    const before = await everything();
    await expect(relay(some(6), 2)).rejects.toMatchObject({ code: 'REDIS_REFUSED' });
    expect(await everything()).toEqual(before);
    expect(await counts()).toEqual([2, 2]);
  });

  test('count from nothing again when there are none, whatever the counter holds', async () => {
    const { relay, raw, keys, counts } = await leading();
    await raw.hset(keys.counters, 'packed', 'foreign');
    await relay(some(3), 250);
    expect((await counts())[1]).toBe(3);
    await relay(some(4), 250);
    expect((await counts())[1]).toBe(7);
    await raw.xtrim(keys.packs, 'MAXLEN', 0);
    await relay(some(2), 250);
    expect((await counts())[1]).toBe(2);
  });
});
