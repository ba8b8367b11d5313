import { expect, test } from 'vitest';
import type { Entry, Pack } from '../../src/core/consumer-store.js';
import { countIn } from '../../src/core/pack.js';
import { endsOfTexts, HEAD } from '../../src/core/packed.js';
import { compareIds } from '../../src/core/stream-id.js';
import { keyedGroup } from '../helpers/keyed-group.js';
import { withRedis } from '../helpers/redis.js';
import { GROUP } from '../helpers/stores.js';

const redis = withRedis();

/** Random schedules of what becomes of messages with keys; more of them for a long run. */
const SCHEDULES = Number(process.env.KEY_SCHEDULES ?? 40);
const FIRST_SEED = Number(process.env.KEY_SEED ?? 1);
const STEPS = 60;
const CONSUMERS = ['a', 'b', 'c'];
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

const idIn = (message: string) => (JSON.parse(message) as { message_id: number }).message_id;

/** One group, and what must hold after each step. */
async function groupWithModel(seed: number) {
  const group = await keyedGroup(redis.namespace());
  const { raw, keys, consumerStore, keyStore, relay, readUnits, most, inspector } = group;
  const random = randomFrom(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const one = <T>(all: readonly T[]) => all[below(all.length)] as T;
  /** The messages of each key in their order, by what is under `k`; those without a key under ''. */
  const relayed = new Map<string, number[]>();
  const lost = new Set<number>();
  let made = 0;
  /** What consumers hold, as they know it. */
  let entries: { entry: Entry; consumer: string; attempts: number }[] = [];
  let packs: { pack: Pack; consumer: string }[] = [];
  let stale: typeof packs = [];
  /** The inbox id with which the first attempt of a message began. */
  const begun = new Map<number, string>();

  const begins = (message: string, inboxId: string) => {
    const id = idIn(message);
    expect(begun.get(id) ?? inboxId, `the inbox id of ${id}`).toBe(inboxId);
    begun.set(id, inboxId);
  };
  const takes = (found: readonly Entry[], consumer: string) => {
    for (const entry of found) {
      entries = entries.filter((known) => known.entry.id !== entry.id);
      entries.push({ entry, consumer, attempts: entry.attempts + 1 });
      begins(String(entry.message), entry.identity ?? entry.id);
    }
  };
  const result = ({ entry, consumer }: (typeof entries)[number]) => ({
    entryId: entry.id,
    inboxId: entry.identity ?? entry.id,
    key: entry.key,
    consumerId: consumer,
    messageId: String(idIn(String(entry.message))),
    data: String(entry.message),
    startedAt: 1,
    finishedAt: 2,
  });

  const steps = {
    relay: async () => {
      const messages = Array.from({ length: 1 + below(one([3, 20])) }, () => {
        const k = one(['a', 'a', 'b', 7, true, null]);
        const key = k === null ? '' : JSON.stringify(k);
        relayed.set(key, [...(relayed.get(key) ?? []), ++made]);
        return { message_id: made, k };
      });
      expect(await relay(messages)).toEqual({ kind: 'written' });
    },
    read: async () => {
      const consumer = one(CONSUMERS);
      const read = await readUnits(consumer, 1 + below(6));
      takes(read.entries, consumer);
      packs.push(...read.packs.map((pack) => ({ pack, consumer })));
    },
    commit: async () => {
      const some = entries.filter(() => random() < 0.5);
      if (some.length === 0) return;
      const results = some.map(result).sort((x, y) => compareIds(x.entryId, y.entryId));
      expect(await consumerStore.commit(results, 0)).toEqual([]);
      if (random() < 0.2) expect(await consumerStore.commit(results, 0)).toHaveLength(results.length);
      entries = entries.filter((known) => !some.includes(known));
    },
    bury: async () => {
      const held = one(entries);
      if (!held) return;
      const { entryId, inboxId, key, consumerId, data } = result(held);
      const letter = { entryId, inboxId, key, consumerId, message: data, reason: 'failed' as const };
      await consumerStore.bury([{ ...letter, error: 'x', attempts: held.attempts, failed: true }], 0);
      entries = entries.filter((known) => known !== held);
    },
    retry: async () => {
      const held = one(entries);
      if (!held) return;
      const { entryId, inboxId, consumerId } = result(held);
      await consumerStore.retry([{ entryId, inboxId, consumerId, wait: 0 }]);
      entries = entries.filter((known) => known !== held);
    },
    due: async () => {
      const consumer = one(CONSUMERS);
      takes((await consumerStore.due(consumer, 1 + below(5), 60_000)).entries, consumer);
    },
    settle: async () => {
      const some = packs.filter(() => random() < 0.6);
      const sent = some.map(({ pack, consumer }) => {
        const { id, key, messages } = pack;
        const done = one([messages.length, messages.length, below(messages.length + 1)]);
        const texts = messages.slice(0, done).flatMap((text) => [String(idIn(String(text))), String(text)]);
        for (let i = 0; i < Math.min(done + 1, messages.length); i++)
          begins(
            String(messages[i]),
            `${id.split('-')[0]}-${Number(id.split('-')[1]) - messages.length + i + 1}`,
          );
        const left = messages.slice(done).map((_, i) => ({
          number: done + i + 1,
          ...(i === 0 && random() < 0.7 && { outcome: FAILED }),
        }));
        const times = Array.from({ length: 2 * done }, () => 1);
        return { id, key, consumerId: consumer, texts, left, times };
      });
      if (sent.length === 0) return;
      expect(await consumerStore.settlePacks(sent, 0)).toEqual([]);
      if (random() < 0.2) expect(await consumerStore.settlePacks(sent, 0)).toHaveLength(sent.length);
      packs = packs.filter((known) => !some.includes(known));
      stale = some.slice(-3);
    },
    settleLate: async () => {
      for (const { pack, consumer } of stale) {
        const texts = pack.messages.flatMap((text) => ['late', String(text)]);
        const times = texts.map(() => 1);
        const late = { id: pack.id, key: pack.key, consumerId: consumer, texts, left: [], times };
        expect(await consumerStore.settlePacks([late], 0)).toEqual([pack.id]);
      }
    },
    reclaim: async () => {
      const consumer = one(CONSUMERS);
      const request = { consumerId: consumer, silence: 0, count: 1_000, everyone: true, from: undefined };
      takes((await consumerStore.reclaim(request)).entries, consumer);
    },
    rescue: async () => {
      for (const { pack } of packs)
        for (const [i, message] of pack.messages.entries())
          begins(
            String(message),
            `${pack.id.split('-')[0]}-${Number(pack.id.split('-')[1]) - pack.messages.length + i + 1}`,
          );
      await consumerStore.rescue(0);
      stale = [...packs].slice(-3);
      packs = [];
    },
    leave: async () => {
      const consumer = one(CONSUMERS);
      const known = packs.filter((held) => held.consumer === consumer && random() < 0.5);
      const left = known.map(({ pack: { id, key } }) => ({ id, key, left: [] }));
      await consumerStore.leave(consumer, new Map(), left);
      packs = packs.filter((held) => held.consumer !== consumer);
      entries = entries.filter((held) => held.consumer !== consumer);
    },
    stray: async () => {
      const held = one(packs);
      if (held) await raw.xack(keys.packs, GROUP, held.pack.id);
    },
    delete: async () => {
      if (random() < 0.7) return;
      const unit = one([...entries.map(({ entry }) => entry.id)]);
      if (!unit) return;
      const held = entries.find(({ entry }) => entry.id === unit) as (typeof entries)[number];
      await raw.xdel(keys.inbox, unit);
      await raw.xack(keys.inbox, GROUP, unit);
      lost.add(idIn(String(held.entry.message)));
      entries = entries.filter((known) => known !== held);
      await keyStore.search({ busy: '0', held: '-' }, 1_000);
    },
    search: async () => {
      expect((await keyStore.search({ busy: '0', held: '-' }, 1_000)).freed).toBe(0);
    },
    recreate: async () => {
      if (random() < 0.8) return;
      for (const key of [keys.packs, keys.inbox]) await raw.xgroup('DESTROY', key, GROUP);
      expect(await consumerStore.prepare()).toBe(true);
      [entries, packs] = [[], []];
    },
    runs: () => {
      most.run = one([1, 2, 5, 250]);
      return Promise.resolve();
    },
  };

  /** What is in work, and what waits: the messages of each key, in their order. */
  const check = async () => {
    const unsettled = new Map<string, number[]>();
    const units = new Map<string, string>();
    const add = (key: string, message: string) =>
      unsettled.set(key, [...(unsettled.get(key) ?? []), idIn(message)]);
    const addUnit = (key: string, id: string) => {
      if (key === '') return;
      expect(units.get(key), `one unit of ${key}`).toBeUndefined();
      units.set(key, id);
    };
    for (const [id, fields] of await raw.xrange(keys.inbox, '-', '+')) {
      const key = fields[2] === 'key' ? String(fields[3]) : '';
      addUnit(key, id);
      add(key, String(fields[1]));
    }
    let inPacks = 0;
    for (const [id, fields] of (await raw.xrangeBuffer(keys.packs, '-', '+')) as [Buffer, Buffer[]][]) {
      const pack = fields[1] as Buffer;
      const ends = endsOfTexts(pack, 0, pack.length, countIn(String(id))) as number[];
      addUnit(String(fields[3]), String(id));
      for (const [i, end] of ends.entries())
        add(String(fields[3]), String(pack.subarray((ends[i - 1] ?? 0) + HEAD, end)));
      inPacks += ends.length;
    }
    const held = await group.held();
    for (const { key, message } of held) add(key, message);
    const busy = Object.entries(await raw.hgetall(keys.busy)).map(([key, value]) => {
      if (value.endsWith('.')) expect(held.some((member) => member.key === key)).toBe(false);
      return [key, value.replace(/\.$/, '')] as const;
    });
    expect(new Map(busy)).toEqual(units);

    const outputs = (await raw.xrange(keys.output, '-', '+')).map(([, fields]) => ({
      message: String(fields[7]),
      inboxId: String(fields[5]),
    }));
    const dead = (await raw.xrange(keys.dead, '-', '+')).map(([, fields]) => idIn(String(fields[1])));
    for (const [key, all] of relayed) {
      const mine = outputs.filter(({ message }) => {
        const { k } = JSON.parse(message) as { k: unknown };
        return (k === null ? '' : JSON.stringify(k)) === key;
      });
      const processed = mine.map(({ message }) => idIn(message));
      const settled = [
        ...processed,
        ...dead.filter((id) => all.includes(id)),
        ...[...lost].filter((id) => all.includes(id)),
      ];
      const rest = unsettled.get(key) ?? [];
      if (key === '') {
        expect([...settled, ...rest].sort((x, y) => x - y)).toEqual(all);
        continue;
      }
      expect([...settled.sort((x, y) => x - y), ...rest], key).toEqual(all);
      expect(processed).toEqual([...processed].sort((x, y) => x - y));
      const ids = mine.map(({ inboxId }) => inboxId);
      expect(ids).toEqual([...ids].sort(compareIds));
    }
    const { counters, backlog, held: waiting } = await inspector.read();
    expect(waiting).toBe(held.length);
    expect(backlog).toBe((await raw.xlen(keys.inbox)) + inPacks + held.length);
    expect(counters).toMatchObject({ relayed: made, processed: outputs.length, dead: dead.length });
  };

  type Step = keyof typeof steps;
  const often: readonly Step[] = [
    'relay',
    'relay',
    'read',
    'read',
    'read',
    'commit',
    'commit',
    'settle',
    'settle',
  ];
  const all: readonly Step[] = [...often, ...often, ...(Object.keys(steps) as Step[])];
  return {
    step: async () => {
      const name = one(all);
      try {
        await steps[name]();
        await check();
      } catch (error) {
        throw new Error(`at ${name}`, { cause: error });
      }
      return name;
    },
    finish: async () => {
      for (let round = 0; round < 1_000; round++) {
        for (const name of ['read', 'settle', 'commit', 'due', 'due'] as const) await steps[name]();
        if (round % 10 === 9) for (const name of ['reclaim', 'rescue'] as const) await steps[name]();
        if ((await inspector.read()).backlog === 0) break;
      }
      await check();
      expect((await inspector.read()).backlog).toBe(0);
      group.close();
    },
  };
}

test('the messages of a key are settled in their order, one unit at a time, whatever happens', {
  timeout: 60_000 + SCHEDULES * 5_000,
}, async () => {
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SCHEDULES; seed++) {
    const group = await groupWithModel(seed);
    const names: string[] = [];
    try {
      for (let i = 0; i < STEPS; i++) names.push(await group.step());
      await group.finish();
    } catch (error) {
      throw new Error(`seed ${seed}, after ${names.length} steps: ${names.join(' ')}`, { cause: error });
    }
  }
});
