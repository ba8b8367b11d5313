import { Redis } from 'ioredis';
import { expect, test } from 'vitest';
import type { DeadLetter, Result } from '../../src/core/consumer-store.js';
import { OrderWindow } from '../../src/core/order-window.js';
import type { Sink } from '../../src/core/sink.js';
import { silentLogger } from '../../src/log/logger.js';
import { RedisConsumerStore } from '../../src/redis/consumer-store.js';
import { Inspector } from '../../src/redis/inspect.js';
import { hashesOf, keysOf } from '../../src/redis/keys.js';
import { OrderedCommits } from '../../src/redis/ordered-commits.js';
import { Connection } from '../../src/redis/protocol/connection.js';
import { OrderModel } from '../helpers/order-model.js';
import { withRedis } from '../helpers/redis.js';
import { GROUP } from '../helpers/stores.js';

const redis = withRedis();

/** Random schedules of what becomes of messages in total order; more of them for a long run. */
const SCHEDULES = Number(process.env.ORDER_SCHEDULES ?? 500);
const FIRST_SEED = Number(process.env.ORDER_SEED ?? 1);
const STEPS = 40;
const CONSUMERS = ['a', 'b', 'c'];
const AT_ONCE = 4;
const ADD = `
  local ids = {}
  for n = 1, ARGV[1] do ids[n] = redis.call('XADD', KEYS[1], '*', 'message', '{"message_id":1}') end
  return ids`;

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

/** What the schedules of a lane share. */
interface Lane {
  readonly raw: Redis;
  readonly connection: Connection;
}

/** One group, and the model that it must equal after each step. */
async function groupWithModel(seed: number, { raw, connection }: Lane) {
  const random = randomFrom(seed);
  const below = (most: number) => Math.floor(random() * most);
  const one = <T>(all: readonly T[]) => all[below(all.length)] as T;
  const list = random() < 0.3;
  const maxLength = random() < 0.1 ? 5 : 0;
  // Some of them with a record in Redis.
  const hashed = seed % 3 === 0;
  const sink: Sink = { list, order: 'total', timed: true, hashed };
  const keys = keysOf(redis.namespace());
  const inspector = new Inspector(connection, keys, GROUP);
  const window = new OrderWindow(3, () => {});
  const ordered = new OrderedCommits(connection, keys, {
    ...sink,
    group: GROUP,
    maxLength,
    window,
    run: () => 1,
  });
  const hashes = hashesOf(keys);
  const store = new RedisConsumerStore(connection, keys, GROUP, undefined, {
    ordered,
    burying: { order: 'none', halt: false, hashes: hashed ? hashes : undefined },
  });
  await new RedisConsumerStore(connection, keys, GROUP, undefined).prepare();
  const model = new OrderModel();
  /** Every entry that a consumer ever got: its result may come at any time, and twice. */
  const known: string[] = [];
  /** What the record has to hold, by message id: the data of a result, or that the message is dead. */
  const record = new Map<string, string>();
  let made = 0;

  const sorted = (ids: readonly string[]) => known.filter((id) => ids.includes(id));
  const resultOf = (id: string): Result => ({
    entryId: id,
    inboxId: id,
    consumerId: one(CONSUMERS),
    messageId: `m-${id}`,
    data: JSON.stringify({ n: ++made, text: 'x'.repeat(random() < 0.02 ? 300_000 : below(20)) }),
    attempts: 1,
    startedAt: 1_700_000_000_000,
    finishedAt: 1_700_000_000_000 + made,
  });
  const deadOf = (id: string): DeadLetter => ({
    entryId: id,
    inboxId: id,
    consumerId: 'a',
    message: JSON.stringify({ message_id: `m-${id}` }),
    reason: 'failed',
    error: 'it broke',
    attempts: 5,
    failed: true,
  });

  const pendingIds = async () => {
    const all = (await raw.xpending(keys.inbox, GROUP, '-', '+', 10_000)) as [string][];
    return new Set(all.map(([id]) => id));
  };

  const steps = {
    relay: async () => {
      const count = 1 + below(random() < 0.1 ? 30 : 5);
      // All in one millisecond, as of a batch that is relayed: ids up to 29 and more.
      for (const id of (await raw.eval(ADD, 1, keys.inbox, count)) as string[]) model.add(id);
      await raw.hincrby(keys.counters, 'relayed', count);
    },
    read: async () => {
      const args = [
        'GROUP',
        GROUP,
        one(CONSUMERS),
        'COUNT',
        1 + below(8),
        'STREAMS',
        keys.inbox,
        '>',
      ] as const;
      const reply = (await raw.call('XREADGROUP', ...args)) as [string, [string][]][] | null;
      for (const [id] of reply?.[0]?.[1] ?? []) if (!known.includes(id)) known.push(id);
    },
    commit: async () => {
      // Mostly what is unsettled, in no order: so some come long before those that precede them.
      const some = known.filter((id) => random() < (model.isOpen(id) ? 0.4 : 0.05));
      if (some.length === 0) return;
      const results = sorted(some).map(resultOf);
      const open = some.filter((id) => model.isOpen(id));
      const held = await pendingIds();
      const late = await store.commit(results, maxLength);
      // If some are not pending, what is in the inbox decides for all but the first.
      const asked = some.slice(some.indexOf(open[0] ?? ''));
      if (asked.some((id) => !held.has(id))) for (const id of open.slice(1)) model.vanish(id);
      expect([...late].sort()).toEqual(
        model.commit(results.map(({ entryId: id, data }) => ({ id, data }))).sort(),
      );
      for (const { entryId, messageId, data } of results)
        if (!late.includes(entryId)) record.set(messageId, data);
    },
    bury: async () => {
      const id = one(known.filter((other) => model.inbox.includes(other)).slice(0, 3));
      if (id === undefined) return;
      await store.bury([deadOf(id)], 0);
      expect(model.bury(id)).toBe(true);
      record.set(`m-${id}`, 'dead');
    },
    takeOver: async () => {
      await store.reclaim({
        consumerId: one(CONSUMERS),
        silence: 0,
        count: 100,
        everyone: true,
        from: undefined,
      });
      for (const id of [...model.deleted]) model.lose(id);
    },
    handBack: async () => {
      await store.leave(one(CONSUMERS), new Map(), []);
      // The entries that are gone are handed back, too.
      await store.due(one(CONSUMERS), 100, 30_000);
      const held = await pendingIds();
      for (const id of [...model.deleted]) if (!held.has(id)) model.lose(id);
    },
    delete: async () => {
      const id = one(known.filter((other) => model.inbox.includes(other)).slice(0, 3));
      if (id === undefined) return;
      if (!(await pendingIds()).has(id)) return;
      await raw.xdel(keys.inbox, id);
      model.delete(id);
    },
    destroy: async () => {
      await raw.call('XGROUP', 'DESTROY', keys.inbox, GROUP);
      // Nothing tells of the deleted ones any more.
      for (const id of [...model.deleted]) model.vanish(id);
      await raw.xgroup('CREATE', keys.inbox, GROUP, '0');
      await raw.del(keys.retry);
    },
    foreign: async () => {
      const place = model.inbox[0]?.replace('-', '-0000') ?? 'x';
      await raw.zadd(keys.parked, one([-1, 0, 0, 5]), one(['foreign', `${place}`, '\0', 'zz']));
      await letOut();
    },
    letOut: () => letOut(),
  };
  const letOut = async () => {
    await ordered.letOut();
    model.letOut();
  };

  const outputs = async () => {
    if (list)
      return (await raw.lrange(keys.output, 0, -1)).map((line) => {
        const { inbox_id: id, data } = JSON.parse(line) as { inbox_id: string; data: object };
        return { id, data: JSON.stringify(data) };
      });
    return (await raw.xrange(keys.output, '-', '+')).map(([, fields]) => ({
      id: String(fields[5]),
      data: String(fields[7]),
    }));
  };

  const recorded = async () => {
    const pipeline = raw.pipeline();
    for (const id of known) pipeline.hmget(`${hashes}m-${id}`, 'state', 'data');
    const replies = ((await pipeline.exec()) ?? []).map(([, reply]) => reply as (string | null)[]);
    return replies.flatMap(([state, data], i) =>
      state ? [[`m-${known[i]}`, state === 'processed' ? String(data) : state] as const] : [],
    );
  };

  const check = async () => {
    expect(new Map(await recorded())).toEqual(hashed ? record : new Map());
    const found = await outputs();
    if (maxLength === 0) expect(found).toEqual(model.output);
    else if (found.length > 0) expect(found).toEqual(model.output.slice(-found.length));
    const ours = (await raw.zrange(keys.parked, 0, -1)).filter((member) => /^\d{20}-\d{20}\0/.test(member));
    expect(ours).toHaveLength(model.parked.size);
    expect((await raw.xrange(keys.inbox, '-', '+')).map(([id]) => id)).toEqual(model.inbox);
    const { counters } = await inspector.totals();
    expect(counters).toMatchObject({ relayed: model.relayed, dead: model.dead, lost: model.lost });
    expect(counters.processed).toBe(model.output.length);
    const gone = model.deleted.size + model.vanished + model.lost;
    expect(model.relayed).toBe(
      model.output.length + model.dead + model.inbox.length + model.parked.size + gone,
    );
  };

  return { steps, check, one, random, model, known };
}

type Step = keyof Awaited<ReturnType<typeof groupWithModel>>['steps'];

const WEIGHTS: Record<Step, number> = {
  relay: 6,
  read: 8,
  commit: 14,
  bury: 2,
  takeOver: 2,
  handBack: 1,
  delete: 1,
  destroy: 1,
  foreign: 1,
  letOut: 2,
};
const CHOICES = (Object.keys(WEIGHTS) as Step[]).flatMap((name) => Array<Step>(WEIGHTS[name]).fill(name));

async function play(seed: number, lane: Lane): Promise<void> {
  const { steps, check, one, model, known } = await groupWithModel(seed, lane);
  const done: string[] = [];
  try {
    for (let step = 0; step < STEPS; step++) {
      const name = one(CHOICES);
      done.push(name);
      await steps[name]();
      await check();
    }
    // To the end: everything goes out.
    done.push('to the end');
    for (let turns = 0; model.inbox.length > 0 && turns < 200; turns++) {
      await steps.read();
      await steps.takeOver();
      for (const id of model.inbox) if (!known.includes(id)) known.push(id);
      await steps.commit();
    }
    await steps.letOut();
    await check();
    expect(model.parked.size + model.inbox.length).toBe(0);
  } catch (error) {
    throw new Error(`seed ${seed}, after ${done.join(', ')}`, { cause: error });
  }
}

test(`${SCHEDULES} random schedules: results go out once, in the order of the inbox, and wait for nothing else`, {
  timeout: 60_000 + SCHEDULES * 1_000,
}, async () => {
  const lanes = await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      const connection = new Connection(redis.url, 'settler', silentLogger);
      await connection.connect();
      return { connection, raw: new Redis(redis.url) };
    }),
  );
  try {
    await Promise.all(
      lanes.map(async (lane, i) => {
        for (let seed = FIRST_SEED + i; seed < FIRST_SEED + SCHEDULES; seed += AT_ONCE)
          await play(seed, lane);
      }),
    );
  } finally {
    for (const { connection, raw } of lanes) {
      connection.close();
      raw.disconnect();
    }
  }
});
