import { expect, test } from 'vitest';
import type { Cursor, Entry, LeftMessage, PackSettlement } from '../../src/core/consumer-store.js';
import { countIn, identityIn } from '../../src/core/pack.js';
import type { Position } from '../../src/core/position.js';
import { compareIds } from '../../src/core/stream-id.js';
import { silentLogger } from '../../src/log/logger.js';
import { RedisConsumerStore, RedisInboxReader } from '../../src/redis/consumer-store.js';
import { Connection } from '../../src/redis/protocol/connection.js';
import { type Requests, WholePacks } from '../../src/redis/whole-packs.js';
import { type Known, type KnownPack, PackModel } from '../helpers/pack-model.js';
import { packed } from '../helpers/packed.js';
import { withRedis } from '../helpers/redis.js';
import { GROUP, openStores } from '../helpers/stores.js';

const redis = withRedis();

/** Random schedules of what becomes of packs; more of them for a long run. */
const SCHEDULES = Number(process.env.PACK_SCHEDULES ?? 60);
const FIRST_SEED = Number(process.env.PACK_SEED ?? 1);
const STEPS = 60;
const CONSUMERS = ['a', 'b', 'c'];
const MOST_ATTEMPTS = 4;
const FAILED = { kind: 'failed', reason: 'failed', error: 'it broke' } as const;

/** Numbers from 0 up to 1, the same for the same seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Those of all schedules. */
let transactions = 0;

/** One group, and the model that it must equal after each step. */
async function groupWithModel(seed: number) {
  const space = redis.namespace();
  const { raw, keys, consumerStore, bridgeStore, inspector } = await openStores(space);
  const random = randomFrom(seed);
  const model = new PackModel();
  const below = (most: number) => Math.floor(random() * most);
  const some = <T>(all: readonly T[], most = 3) => all.filter(() => random() < 0.6).slice(0, 1 + below(most));
  const one = <T>(all: readonly T[]) => all[below(all.length)] as T;
  const own = new Connection(space.redis, 'reader', silentLogger);
  const sending = [
    new Connection(space.redis, 'a', silentLogger),
    new Connection(space.redis, 'b', silentLogger),
  ] as const;
  await Promise.all([own.connect(), ...sending.map((connection) => connection.connect())]);
  const requests: Requests = {
    request: (...args) => {
      transactions++;
      return sending[1].request(...args);
    },
    renew: () => sending[1].renew(),
    replicated: async () => {},
  };
  const wholePacks = new WholePacks(requests, keys, GROUP, silentLogger);
  const settler = new RedisConsumerStore(sending[0], keys, GROUP, undefined, { wholePacks });
  const readers = new Map(CONSUMERS.map((id) => [id, new RedisInboxReader(own, own, keys, GROUP, id)]));
  const { token } = (await bridgeStore.take('bridge', 0, 0)) as { token: number };
  let position: Position | undefined;
  let made = 0;
  let deletes = false;

  const entryNow = (entry: Entry): Known => {
    const known = model.all.get(entry.identity ?? entry.id) as Known;
    expect(known).toMatchObject({ entry: entry.id, text: entry.message });
    return known;
  };
  /** What a consumer is told of an entry, and that it notes its attempt. */
  const takes = async (
    entries: readonly Entry[],
    consumerId: string,
    how: (known: Known) => Parameters<PackModel['gets']>[2],
  ) => {
    for (const entry of entries) {
      const known = entryNow(entry);
      const kind = how(known);
      model.gets(known, consumerId, kind);
      expect({ ...entry, kind }).toMatchObject({ attempts: known.told, kind });
      expect(entry.outcome).toEqual(known.toRecord);
      if (known.toRecord || (kind === 'read' && known.told === 0)) continue;
      expect(await consumerStore.begin({ entryId: entry.id, consumerId }, known.told + 1)).toBe(true);
      known.counter = known.told + 1;
    }
  };

  const relay = async () => {
    const messages = Array.from(
      { length: 1 + below(random() < 0.1 ? 600 : one([9, 9, 25])) },
      () => `{"message_id":${++made}}`,
    );
    const to = { epoch: 1, offset: (position?.offset ?? 0) + messages.length };
    const last = async (key: string) => ((await raw.xinfo('STREAM', key)) as unknown[])[7] as string;
    const before = await last(keys.packs);
    const packsBefore = await raw.xlen(keys.packs);
    const inbox = await last(keys.inbox);
    const packSize = one([1, 2, 3, 7, 250]);
    const request = { caller: 'bridge', token, from: position, to, messages: packed(messages), packSize };
    expect(await bridgeStore.relay(request)).toEqual({ kind: 'written' });
    position = to;
    const rest = [...messages];
    if (packsBefore === 0 && (await raw.xlen(keys.packs)) > 0) model.counted = 0;
    for (const [id] of await raw.xrange(keys.packs, `(${before}`, '+')) {
      const texts = rest.splice(0, countIn(id));
      model.addPack(
        id,
        texts.map((text, i) => model.add(identityIn(id, i + 1), text, id)),
      );
    }
    for (const [id] of rest.length > 0 ? await raw.xrange(keys.inbox, `(${inbox}`, '+') : [])
      model.add(id, rest.shift() as string, undefined);
    expect(rest).toEqual([]);
  };

  const read = async (consumer = one(CONSUMERS), count = 1 + below(30)) => {
    const found = await readers.get(consumer)?.read(count, random() < 0.2 ? 1 : undefined);
    for (const { id, messages } of found?.packs ?? []) {
      const pack = model.packs.get(id) as KnownPack;
      expect(pack.messages.map(({ text }) => text)).toEqual(messages);
      expect(pack.state).toBe('waiting');
      Object.assign(pack, { state: 'held', holder: consumer });
    }
    await takes(found?.entries ?? [], consumer, () => 'read');
    return found;
  };

  /** What became of a pack: each message processed, or left with a random past. */
  const settlementOf = ({ id, messages, holder }: KnownPack, left: number): PackSettlement => {
    const texts: string[] = [];
    const leaves: LeftMessage[] = [];
    messages.forEach(({ text }, i) => {
      const number = i + 1;
      if (random() >= left) texts.push(text, text);
      else if (random() < 0.5) leaves.push({ number });
      else leaves.push({ number, outcome: { ...FAILED, error: text } });
    });
    return { id, consumerId: holder, texts, left: leaves };
  };

  /** Packs that consumers may try to settle: also such that are no longer there. */
  let stale: PackSettlement[] = [];
  const settle = async (left = one([0, 0.2, 1])) => {
    const mine = [...model.packs.values()].filter(({ state }) => state === 'held');
    const sent = some(mine).map((pack) => settlementOf(pack, left));
    const again = some(stale, 1).filter(({ id }) => !sent.some((now) => now.id === id));
    const late = again.filter(({ id }) => !model.packs.has(id)).map(({ id }) => id);
    const all = [...again, ...sent];
    expect([...(await settler.settlePacks(all, 0))].sort()).toEqual(late.sort());
    for (const settlement of all) {
      const pack = model.packs.get(settlement.id);
      if (pack) model.settle(pack, settlement.left);
    }
    if (random() < 0.3) {
      const ids = all.map(({ id }) => id).sort();
      expect([...(await settler.settlePacks(all, 0))].sort()).toEqual(ids);
    }
    stale = [...stale, ...sent].slice(-10);
  };

  const settleEntries = async (consumer = one(CONSUMERS), chosen = some(model.heldBy(consumer), 20)) => {
    const held = (known: Known) => ({ entryId: known.entry as string, consumerId: consumer });
    for (const known of chosen) {
      const attempts = known.told + 1;
      const fate = known.toRecord ? 'failed' : one(['processed', 'processed', 'failed', 'given-up']);
      if (fate === 'processed') {
        const result = { ...held(known), inboxId: known.identity, messageId: known.text, data: known.text };
        expect(await consumerStore.commit([result], 0)).toEqual([]);
        known.state = 'processed';
      } else if (fate === 'given-up' || attempts >= MOST_ATTEMPTS) {
        const letter = {
          inboxId: known.identity,
          message: known.text,
          reason: 'failed' as const,
          error: 'x',
        };
        await consumerStore.bury([{ ...held(known), ...letter, attempts, failed: true }], 0);
        Object.assign(known, { state: 'dead', buried: attempts });
      } else {
        await consumerStore.retry([{ ...held(known), inboxId: known.identity, wait: 0 }]);
        known.state = 'retry';
      }
    }
  };

  const due = async (consumer = one(CONSUMERS)) => {
    const { entries } = await consumerStore.due(consumer, 1 + below(20), 60_000);
    await takes(entries, consumer, ({ state }) => state as 'retry' | 'returned');
    return entries.length;
  };

  const reclaim = async (consumer = one(CONSUMERS)) => {
    const request = { consumerId: consumer, silence: 0, count: 1_000, everyone: true };
    const held = model.entries().filter(({ state }) => state === 'held');
    const found = new Set<string>();
    let from: Cursor | undefined;
    // One call goes through about 1,000 entries. It may find again what the calls before gave to the consumer.
    do {
      const { entries, lost, next } = await consumerStore.reclaim({ ...request, from });
      expect(lost).toBe(0);
      await takes(entries, consumer, () => 'reclaimed');
      for (const { id } of entries) found.add(id);
      from = next;
    } while (from);
    expect(found).toEqual(new Set(held.map(({ entry }) => entry)));
    // Those that wait for a retry go with it.
    for (const known of model.entries()) if (known.state === 'retry') known.holder = consumer;
  };

  const rescue = async () => {
    let [messages, lost, packs] = [0, 0, 0];
    const of = (state: KnownPack['state']) =>
      [...model.packs.values()].filter((pack) => pack.state === state).sort((a, b) => compareIds(a.id, b.id));
    // A deleted pack that is not pending leaves no trace.
    for (const pack of [...of('held'), ...of('stray').filter(({ deleted }) => !deleted)].slice(0, 20)) {
      if (pack.deleted) lost += pack.messages.length;
      else messages += pack.messages.length;
      model.explode(pack, pack.state === 'held' ? 1 : 0);
      packs++;
    }
    expect(await consumerStore.rescue(0)).toEqual({ messages, lost, more: packs === 20 });
  };

  const leave = async (consumer = one(CONSUMERS)) => {
    const mine = [...model.packs.values()].filter(
      ({ state, holder }) => state === 'held' && holder === consumer,
    );
    const known = some(mine).map((pack) => ({ pack, ...settlementOf(pack, 1) }));
    // Some that the consumer does not list, as if it knew of no attempt.
    for (const one of known) one.left = one.left.filter(() => random() < 0.8);
    const attempts = new Map(
      some(model.heldBy(consumer), 50).map(({ entry, told }) => [entry as string, told]),
    );
    let back = 0;
    for (const message of model.heldBy(consumer)) {
      const score = attempts.get(message.entry as string) ?? Math.max(0, message.counter - 1);
      Object.assign(message, { state: 'returned', score });
      back++;
    }
    for (const pack of mine) {
      const { left } = known.find((one) => one.pack === pack) ?? { left: [] };
      const listed = new Map(left.map((one) => [one.number, one]));
      const all = pack.messages.map((_, i) => listed.get(i + 1) ?? { number: i + 1 });
      if (!pack.deleted || known.some((one) => one.pack === pack)) back += all.length;
      model.settle(pack, all);
    }
    expect(await consumerStore.leave(consumer, attempts, known)).toBe(back);
  };

  /** Another client takes a pack from its consumer, or deletes it. */
  const interfere = async () => {
    const held = [...model.packs.values()].filter(({ state, deleted }) => state === 'held' && !deleted);
    if (held.length === 0) return;
    const pack = one(held);
    if (random() < 0.5) {
      await raw.xack(keys.packs, GROUP, pack.id);
      pack.state = 'stray';
    } else {
      await raw.xdel(keys.packs, pack.id);
      pack.deleted = deletes = true;
    }
  };

  const renew = async () => {
    const consumer = one(CONSUMERS);
    const asked = some([...model.packs.values()], 10);
    const isMine = ({ state, holder }: KnownPack) => state === 'held' && holder === consumer;
    const gone = asked.filter((pack) => !isMine(pack) || pack.deleted);
    const deleted = asked.filter((pack) => isMine(pack) && pack.deleted);
    const found = await consumerStore.renewPacks(
      consumer,
      asked.map(({ id }) => id),
    );
    expect([...found.gone].sort()).toEqual(gone.map(({ id }) => id).sort());
    expect(found.deleted).toBe(deleted.reduce((sum, { messages }) => sum + messages.length, 0));
    for (const pack of deleted) model.explode(pack, 0);
  };

  const recreate = async () => {
    for (const key of [keys.packs, keys.inbox]) await raw.xgroup('DESTROY', key, GROUP);
    expect(await consumerStore.prepare()).toBe(true);
    for (const known of model.entries()) Object.assign(known, { state: 'waiting', counter: 0, holder: '' });
    for (const pack of model.packs.values()) {
      if (pack.deleted) model.vanishes(pack);
      else Object.assign(pack, { state: 'waiting', holder: '' });
    }
  };

  /** The group is as the model says. */
  const check = async () => {
    const inbox = await raw.xrange(keys.inbox, '-', '+');
    const identities = inbox.map(([id, [, , name, identity]]) => (name === 'id' ? String(identity) : id));
    inbox.forEach(([id], i) => {
      const known = model.all.get(identities[i] as string);
      if (known) known.entry = id;
    });
    expect(identities.sort()).toEqual(
      model
        .entries()
        .map(({ identity }) => identity)
        .sort(),
    );
    const packs = [...model.packs.values()];
    const there = packs.filter(({ deleted }) => !deleted).map(({ id }) => id);
    expect((await raw.xrange(keys.packs, '-', '+')).map(([id]) => id)).toEqual(there.sort(compareIds));
    const { counters, backlog, pending, retrying } = await inspector.read();
    const sum = (some: readonly KnownPack[]) => some.reduce((all, { messages }) => all + messages.length, 0);
    expect(counters).toMatchObject({
      relayed: model.all.size,
      processed: model.count('processed'),
      dead: model.count('dead'),
      lost: model.count('lost'),
    });
    // Without a pack in the stream none counts.
    const inPacks = there.length === 0 ? 0 : Math.max(0, model.counted);
    expect(backlog).toBe(model.entries().length + inPacks);
    // Only what another client deletes makes a difference.
    if (!deletes) expect(inPacks).toBe(sum(packs));
    const held = model.entries().filter(({ state }) => state === 'held').length;
    expect({ pending, retrying }).toEqual({
      pending: held + sum(packs.filter(({ state }) => state === 'held')),
      retrying: model.count('retry'),
    });
    expect((await inspector.totals()).backlog).toBe(backlog);
  };

  const steps = {
    relay,
    read,
    settle,
    settleEntries,
    due,
    reclaim,
    rescue,
    leave,
    interfere,
    renew,
    recreate,
  };
  const often: readonly (keyof typeof steps)[] = [
    ...([
      'relay',
      'relay',
      'read',
      'read',
      'read',
      'settle',
      'settle',
      'settleEntries',
      'settleEntries',
    ] as const),
    ...([
      'read',
      'due',
      'due',
      'reclaim',
      'rescue',
      'leave',
      'leave',
      'interfere',
      'renew',
      'renew',
    ] as const),
  ];
  return {
    step: async () => {
      const name = random() < 0.01 ? 'recreate' : one(often);
      await steps[name]();
      await check();
      return name;
    },
    /** Settles everything. */
    finish: async () => {
      for (let round = 0; model.packs.size + model.entries().length > 0; round++) {
        expect(round).toBeLessThan(200);
        while ((await read('a', 1_000))?.more);
        await check();
        await settle(0.1);
        await check();
        await reclaim('a');
        while ((await due('a')) > 0) await check();
        await settleEntries('a', model.heldBy('a'));
        await rescue();
        await check();
      }
      for (const connection of [own, ...sending]) connection.close();
    },
    model,
    raw,
    keys,
  };
}

test('each message of a pack is settled once, with its attempts, whatever happens', {
  timeout: 60_000 + SCHEDULES * 5_000,
}, async () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SCHEDULES; seed++) {
    const group = await groupWithModel(seed);
    const { model, raw, keys } = group;
    const names: string[] = [];
    try {
      for (let i = 0; i < STEPS; i++) names.push(await group.step());
      await group.finish();
      const results = (await raw.xrange(keys.output, '-', '+')).map(([, fields]) => [fields[5], fields[7]]);
      const letters = (await raw.xrange(keys.dead, '-', '+')).map(([, f]) => [f[11], f[1], Number(f[7])]);
      const all = [...model.all.values()];
      const of = (state: Known['state']) => all.filter((known) => known.state === state);
      expect(results.sort()).toEqual(
        of('processed')
          .map(({ identity, text }) => [identity, text])
          .sort(),
      );
      expect(letters.sort()).toEqual(
        of('dead')
          .map((one) => [one.identity, one.text, one.buried])
          .sort(),
      );
      expect(of('processed').length + of('dead').length + of('lost').length + of('vanished').length).toBe(
        all.length,
      );
    } catch (error) {
      throw new Error(`seed ${seed}, after ${names.length} steps: ${names.join(' ')}`, { cause: error });
    }
  }
  expect(transactions).toBeGreaterThan(SCHEDULES / 5);
});
