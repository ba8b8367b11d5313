import { readdirSync } from 'node:fs';
import { PackedList } from '../../../dist/bridge/packed-list.js';
import { MOST_IN_PACK } from '../../../dist/core/pack.js';
import { Packed } from '../../../dist/core/packed.js';
import { RedisBridgeStore } from '../../../dist/redis/bridge-store.js';
import { RedisConsumerStore } from '../../../dist/redis/consumer-store.js';
import { RedisControlStore } from '../../../dist/redis/control-store.js';
import { Inspector } from '../../../dist/redis/inspect.js';
import { RedisKeyStore } from '../../../dist/redis/key-store.js';
import { hashesOf, keysOf } from '../../../dist/redis/keys.js';
import { RedisLaneStore } from '../../../dist/redis/lane-store.js';
import { OrderedCommits } from '../../../dist/redis/ordered-commits.js';
import { Connection } from '../../../dist/redis/protocol/connection.js';
import { luaOf, SHARED_LUA } from '../../../dist/redis/protocol/script.js';
import { RedisRegistry } from '../../../dist/redis/registry.js';
import { orphans, publishBatch } from '../../../dist/redis/scripts/group.js';
import { publishToList, publishToStream } from '../../../dist/redis/scripts/source.js';
import { RedisSourceStore } from '../../../dist/redis/source-store.js';
import { WholePacks } from '../../../dist/redis/whole-packs.js';
import { parseSettings } from '../../../dist/settings/parse.js';
import { shaOf } from '../stage/sha.js';
import { Stage } from '../stage/stage.js';

const GROUP = 'cgroup';
const HELD = 8_000;
const BATCH = 500;
const LETTERS = 10;
const MARK = { caller: 'b#1', seat: 'b', seats: 2, seen: 0, secret: 'a1'.repeat(32), secretKnown: true };
/** No entry is so old, ms. */
const NEVER = 1e9;
const LOG = { debug() {}, info() {}, warn() {}, error() {} };
/** µs: commands inside a script are logged too, which takes its time. */
const LEAST = 500;
/**
 * For each script that copies a message: the least that a script can do with it. As fast as the machine gives out memory: this is
 * not counted against the script.
 */
const BARE = {
  add: "return redis.call('XADD', KEYS[1], '*', 'message', table.concat(ARGV))",
  publish: "return redis.call('PUBLISH', KEYS[1], ARGV[1])",
  read: "return redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1][1]",
  move: "return redis.call('XADD', KEYS[1], '*', 'message', redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1][2][2])",
};
const BARE_OF = {
  relay: 'add',
  'pull-list': 'add',
  'pull-stream': 'add',
  commit: 'add',
  bury: 'add',
  publish: 'publish',
  snapshot: 'read',
  totals: 'read',
  revive: 'move',
};
const PIECE = 1_000_000;
const SLOWLOG = ['--slowlog-log-slower-than', String(LEAST), '--slowlog-max-len', '10000'];

/**
 * How long each script keeps Redis busy, at worst: every script, in a group with much of everything, and with large messages.
 * By SLOWLOG, so it is Redis's own time.
 */
export function scripts(size, say) {
  return Stage.use(async (stage) => {
    const settings = parseSettings({ redis: `redis://127.0.0.1:${stage.port}` });
    const connection = new Connection(settings.redis, 'bench', LOG);
    const tried = new Set();
    const run = connection.run.bind(connection);
    connection.run = (script, ...rest) => {
      tried.add(script.name);
      return run(script, ...rest);
    };
    const request = connection.request.bind(connection);
    connection.request = (name, ...rest) => {
      tried.add(name);
      return request(name, ...rest);
    };
    await connection.connect();
    try {
      const names = await loadScripts(stage.redis);
      const worst = new Map();
      for (const [state, work] of casesOf(stage.redis, connection, keysOf(settings), size)) {
        await stage.redis.call('SLOWLOG', 'RESET');
        await work();
        for (const [, , micros, [, sha]] of await stage.redis.call('SLOWLOG', 'GET', '10000')) {
          const name = names.get(sha);
          if (name === undefined || micros / 1_000 <= (worst.get(name)?.ms ?? 0)) continue;
          worst.set(name, { name, state, ms: micros / 1_000 });
        }
        say(state);
      }
      const bare = await measureBare(stage.redis, size.bytes);
      const untried = [...names.values()].filter((name) => !tried.has(name));
      if (untried.length > 0) throw new Error(`scripts without a case: ${untried.join(', ')}`);
      const runs = [...names.values()].map(
        (name) => worst.get(name) ?? { name, state: 'always less', ms: LEAST / 1_000 },
      );
      for (const one of runs) if (one.state === largeOf(size)) one.bareMs = bare[BARE_OF[one.name]];
      return { size, runs };
    } finally {
      connection.close();
    }
  }, SLOWLOG);
}

/** The first call of a script on a connection sends its text, by which SLOWLOG does not tell it from others. */
async function twice(work) {
  await work();
  return work();
}

/** Loads all scripts, so that none is compiled while it is measured. Returns their names by SHA-1. */
async function loadScripts(redis) {
  const files = readdirSync(new URL('../../../dist/redis/lua/', import.meta.url));
  const names = files.map((file) => file.replace(/\.lua$/, '')).filter((name) => !SHARED_LUA.includes(name));
  for (const name of names) await redis.script('LOAD', luaOf(name));
  return new Map(names.map((name) => [shaOf(luaOf(name)), name]));
}

const largeOf = ({ bytes }) => `messages of ${bytes / 1e6} MB`;

/** How long each bare script takes, ms: the longest of a few runs, as of the scripts. */
async function measureBare(redis, bytes) {
  const big = Buffer.alloc(bytes, 'x');
  const cut = Array.from({ length: Math.ceil(bytes / PIECE) }, (_, i) =>
    big.subarray(i * PIECE, (i + 1) * PIECE),
  );
  const worst = {};
  for (const [name, lua] of Object.entries(BARE)) {
    const sha = await redis.script('LOAD', lua);
    await redis.call('SLOWLOG', 'RESET');
    for (let i = 0; i < LETTERS; i++)
      await redis.evalsha(sha, 1, 'bare', ...(name === 'publish' ? [big] : cut));
    const log = await redis.call('SLOWLOG', 'GET', '1000');
    worst[name] = Math.max(
      0,
      ...log.filter(([, , , args]) => args[1] === sha).map(([, , micros]) => micros / 1_000),
    );
  }
  return worst;
}

/** The states and what is called in them, in this order: each goes on with what the last one left. */
function casesOf(redis, connection, keys, { waiting, pending, dead, bytes }) {
  const wholePacks = new WholePacks(connection, keys, GROUP, LOG);
  const store = new RedisConsumerStore(
    connection,
    keys,
    GROUP,
    { kind: 'channel', name: 'channel' },
    { wholePacks },
  );
  const window = { most: 10_000, note() {} };
  const ordered = new OrderedCommits(connection, keys, {
    group: GROUP,
    order: 'total',
    list: false,
    timed: true,
    maxLength: 0,
    window,
  });
  const recorded = new OrderedCommits(connection, keys, {
    ...{ group: GROUP, order: 'total', list: false, timed: true, maxLength: 0, window },
    record: {
      recorder: { write: async () => ({ refused: [], before: [] }) },
      halt: false,
      deadMaxLen: 0,
      onMore() {},
    },
  });
  const hashing = new RedisConsumerStore(connection, keys, GROUP, 'channel', {
    ordered: new OrderedCommits(connection, keys, {
      ...{ group: GROUP, order: 'none', list: false, timed: true, hashed: true, maxLength: 0 },
    }),
    burying: { order: 'none', halt: false, hashes: hashesOf(keys) },
  });
  const bridge = new RedisBridgeStore(connection, keys);
  const here = { id: 'here-1', host: 'here', pid: 1, output: keys.output };
  const registry = new RedisRegistry(connection, keys, here);
  const control = new RedisControlStore(connection, keys);
  const author = { who: 'bench', why: 'bench' };
  const inspector = new Inspector(connection, keys, GROUP);
  const big = JSON.stringify({ message_id: 'big', text: 'x'.repeat(bytes) });
  const small = JSON.stringify({ message_id: 'a message', text: 'x'.repeat(70) });
  const ids = Array.from({ length: 64 }, (_, i) => `consumer-${i}`);
  let lead;
  let held = [];

  const fill = async (key, count, fields) => {
    const lua = "for i = 1, ARGV[1] do redis.call('XADD', KEYS[1], '*', unpack(ARGV, 2)) end";
    for (let left = count; left > 0; left -= 10_000)
      await redis.eval(lua, 1, key, Math.min(left, 10_000), ...fields);
  };
  /** Has a consumer read so many new entries; returns their ids. */
  const read = async (consumer, count) => {
    const found = [];
    for (let left = count; left > 0; left -= 10_000) {
      const args = ['GROUP', GROUP, consumer, 'COUNT', Math.min(left, 10_000), 'STREAMS', keys.inbox, '>'];
      const [[, entries]] = await redis.call('XREADGROUP', ...args);
      found.push(...entries.map(([id]) => id));
    }
    return found;
  };
  const relay = async (texts, packSize = 1) => {
    const list = new PackedList();
    for (const text of texts) list.append(Buffer.from(text));
    const messages = new Packed(list.length, list.parts(0, list.length));
    const { token, position: from } = lead;
    const to = { epoch: from?.epoch ?? 1, offset: (from?.offset ?? 0) + texts.length };
    await bridge.relay({ caller: 'b#1', token, from, to, messages, packSize });
    lead = { ...lead, position: to };
  };
  const sourcesOf = (orderKey) =>
    ['list', 'stream'].map(
      (kind) =>
        new RedisSourceStore(connection, connection, keys, { kind, name: kind, from: 'left' }, 'b', orderKey),
    );
  const sources = sourcesOf(undefined);
  const keyedSources = sourcesOf('k');
  const append = async (messages) => {
    for (let first = 0; first < messages.length; first += 1_000) {
      const some = messages.slice(first, first + 1_000);
      await connection.run(publishToList, { source: 'list' }, { toLeft: false, messages: some });
      await connection.run(publishToStream, { source: 'stream' }, { messages: some });
    }
  };
  const resultsOf = (ids, data) =>
    ids.map((id) => ({ entryId: id, inboxId: id, consumerId: 'busy', messageId: 'a message', data }));
  const deadOf = (ids, message) =>
    ids.map((id) => {
      return {
        entryId: id,
        inboxId: id,
        consumerId: 'busy',
        message,
        reason: 'failed',
        error: 'e'.repeat(200),
        attempts: 5,
        failed: true,
      };
    });
  const reclaimAll = async (request) => {
    for (let from; ; ) {
      const { next } = await store.reclaim({
        consumerId: 'taker',
        count: 100,
        everyone: true,
        from,
        ...request,
      });
      if (!next) return;
      from = next;
    }
  };
  const dues = async () => {
    while ((await store.due('taker', 100, 30_000)).entries.length > 0);
  };
  const orphaned = async () => {
    for (let from = '-'; from !== ''; ) {
      const page = { group: GROUP, silence: 0, from, count: 1_000, live: [] };
      from = (await connection.run(orphans, keys, page)).next;
    }
  };
  /** Reads all of an output that is a list, page by page. */
  const readList = async (count, text) => {
    const of = keysOf({ redis: 'redis://here', output: 'list', consumerList: keys.consumerList });
    const lua = "for i = 1, ARGV[1] do redis.call('RPUSH', KEYS[1], ARGV[2]) end";
    await redis.del(of.output);
    await redis.hset(of.bridge, 'outputType', 'list');
    await redis.hset(of.counters, 'processed', count);
    for (let left = count; left > 0; left -= 10_000)
      await redis.eval(lua, 1, of.output, Math.min(left, 10_000), text);
    const reads = new Inspector(connection, of, GROUP);
    const end = await twice(() => reads.readWithEnd());
    for await (const _ of reads.output(end));
    await redis.del(of.output);
  };
  const busy = `${pending} pending, ${waiting} waiting`;
  return [
    ['nothing', () => store.prepare()],
    [
      'a bridge leads',
      async () => {
        await bridge.mark(MARK);
        lead = await twice(() => bridge.take('b#1', 0, 0));
        const lane = new RedisLaneStore(connection, keys);
        await twice(() => lane.arrive(Date.now(), undefined));
        await twice(() => lane.lead('b#1', lead.token));
        await relay(Array.from({ length: 4_000 }, () => small));
        await connection.run(publishBatch, keys, {
          channel: 'channel',
          own: 0,
          messages: Array(BATCH).fill(small),
        });
      },
    ],
    [
      busy,
      async () => {
        await fill(keys.inbox, pending + waiting, ['message', small]);
        held = await read('busy', pending);
        await store.prepare();
        await bridge.mark({ ...MARK, token: lead.token });
        await relay(Array.from({ length: 4_000 }, () => small));
        for (let i = 0; i < 3; i++) {
          await inspector.read();
          await inspector.totals();
          await registry.beat(undefined, ids, [], 3_000);
          await store.sweep(ids, NEVER);
        }
        await twice(() => store.begin({ entryId: held[5], consumerId: 'busy' }, 2));
        await store.renew('busy', held.slice(-HELD));
      },
    ],
    [
      '40 managed processes on 3 hosts, 1,000 consumers',
      async () => {
        await control.change({ size: 900 }, author);
        for (const size of [1_000, 900, 1_000])
          for (let i = 0; i < 40; i++) {
            if (i === 20) await control.change({ size }, author);
            const one = { id: `here-${i}`, host: `host-${i % 3}`, pid: i };
            const beating = Array.from({ length: 25 }, (_, n) => `${one.id}-${n}`);
            const report = {
              ...one,
              managed: true,
              capacity: 64,
              consumers: 25,
              settled: 123_456,
              busyMs: 98_765,
              packSize: 250,
            };
            const its = new RedisRegistry(connection, keys, { ...one, output: keys.output });
            await its.beat(report, beating, [], 60_000);
          }
        const drained = Array.from({ length: 1_000 }, (_, i) => `host-with-a-long-name-${i}`);
        await twice(() => control.change({ drained }, author));
        await control.change({ drained: [] }, author);
        await twice(() => control.read());
        await redis.del(keys.processes, keys.members, keys.heartbeats, keys.consumerList);
      },
    ],
    [`${busy}: orphans`, orphaned],
    [`${busy}: none is silent`, () => reclaimAll({ silence: NEVER })],
    [
      `${busy}: of the front, of the middle`,
      async () => {
        await store.commit(resultsOf(held.splice(0, BATCH), small), 0);
        await store.commit(resultsOf(held.splice(held.length / 2, BATCH), small), 0);
        await store.bury(deadOf(held.splice(0, BATCH), small), 0);
        await store.bury(deadOf(held.splice(held.length / 2, BATCH), small), 0);
        const failed = held
          .slice(0, BATCH)
          .map((id) => ({ entryId: id, inboxId: id, consumerId: 'busy', wait: 0 }));
        await store.retry(failed);
        await dues();
      },
    ],
    [
      `${busy}: total order, the first come last`,
      async () => {
        const [first, ...rest] = held.splice(0, 4 * BATCH);
        while (rest.length > 0) await ordered.commit(resultsOf(rest.splice(0, BATCH), small), 0);
        await ordered.letOut();
        await ordered.commit(resultsOf([first], small), 0);
        await ordered.commit(resultsOf(held.splice(0, BATCH), small), 0);
        await redis.del(keys.parked);
      },
    ],
    [
      `${busy}: total order with a record`,
      async () => {
        for (let i = 0; i < 4; i++) await recorded.commit(resultsOf(held.splice(0, BATCH), small), 0);
        await recorded.letOut();
        await redis.del(keys.parked);
      },
    ],
    [
      `${busy}: a record in Redis`,
      async () => {
        const messageOf = (id) => JSON.stringify({ message_id: id, text: 'x'.repeat(60) });
        for (const from of [0, 0, held.length / 2]) {
          const results = resultsOf(held.splice(from, BATCH), small);
          await hashing.commit(
            results.map((one) => ({ ...one, messageId: one.entryId })),
            0,
          );
        }
        const letters = deadOf(held.splice(0, BATCH), small);
        await hashing.bury(
          letters.map((one) => ({ ...one, message: messageOf(one.entryId) })),
          0,
        );
        const page = await inspector.deadLettersBefore(undefined, BATCH, 2_000);
        await inspector.revive(page.map(({ id }) => id));
      },
    ],
    [
      `${dead} dead letters`,
      async () => {
        await fill(keys.dead, dead, ['message', small, 'reason', 'failed', 'error', 'e', 'attempts', '5']);
        const page = await twice(() => inspector.deadLettersBefore(undefined, BATCH, 2_000));
        await inspector.revive(page.map(({ id }) => id));
        await inspector.read();
      },
    ],
    [
      `${BATCH} halted keys`,
      async () => {
        const halting = new RedisConsumerStore(connection, keys, GROUP, 'channel', {
          burying: { order: 'key', halt: true },
        });
        const letters = deadOf(held.splice(0, BATCH), small).map((one, i) => ({ ...one, key: `"${i}"` }));
        await halting.bury(letters, 0);
        for (let i = 0; i < BATCH; i++)
          await redis.zadd(keys.held, 0, `"${i}"\0${'1'.padStart(16, '0')}\0\0${small}`);
        const halts = await inspector.halts.all();
        await inspector.revive(halts.slice(0, BATCH / 2).map(({ deadId }) => deadId));
        await inspector.halts.skip(() => true);
        await redis.del(keys.halted, keys.busy, keys.held);
      },
    ],
    [
      `${dead} dead letters: purge`,
      async () => {
        const page = await inspector.deadLettersBefore(undefined, 500, 0);
        await inspector.purgeThese(page.map(({ id }) => id));
        await inspector.purge((await inspector.read()).lastDead);
      },
    ],
    [`${busy}: all silent`, () => reclaimAll({ silence: 0, count: 100, consumerId: 'taker' })],
    [
      `${busy}: strays`,
      async () => {
        await redis.call('XACK', keys.inbox, GROUP, ...held.splice(-BATCH));
        for (let page = await store.strays(undefined); page.next; ) page = await store.strays(page.next);
      },
    ],
    [
      `${pending} pending: leave`,
      () => store.leave('taker', new Map(held.slice(0, HELD).map((id) => [id, 1])), []),
    ],
    [
      `${pending} handed back`,
      async () => {
        for (let i = 0; i < 20; i++) await store.due('taker', 100, 30_000);
        await inspector.read();
      },
    ],
    [
      `packs of ${MOST_IN_PACK}`,
      async () => {
        await relay(Array(8_000).fill(small), MOST_IN_PACK);
        await twice(() => store.unpack());
        const args = ['GROUP', GROUP, 'busy', 'COUNT', 20, 'STREAMS', keys.packs, '>'];
        const [[, read]] = await redis.call('XREADGROUP', ...args);
        const ids = read.map(([id]) => id);
        const texts = Array(MOST_IN_PACK).fill(['a message', small]).flat();
        const left = Array.from({ length: MOST_IN_PACK }, (_, i) => ({ number: i + 1 }));
        const settle = (texts, left) => {
          const some = ids.splice(0, 2).map((id) => ({ id, consumerId: 'busy', texts, left }));
          return store.settlePacks(some, 0);
        };
        await twice(() => settle(texts, []));
        await twice(() => settle(texts.slice(2), left.slice(0, 1)));
        await settle([], left);
        await inspector.read();
        await store.renewPacks('busy', ids);
        await store.rescue(NEVER);
        while ((await store.rescue(0)).more);
      },
    ],
    [`a list of ${dead} results`, () => readList(dead, small)],
    [
      'a list and a stream of 8,000 messages',
      async () => {
        await redis.del(keys.inbox, keys.packs);
        await store.prepare();
        const text = 'x'.repeat(60);
        await append(
          Array.from({ length: 8_000 }, (_, i) => JSON.stringify({ message_id: i, k: i % 500, text })),
        );
        for (const packSize of [1, 1, MOST_IN_PACK]) for (const one of sources) await one.pull(packSize);
        for (let i = 0; i < 8; i++) for (const one of keyedSources) await one.pull(1);
        await redis.del(keys.busy, keys.held);
        await twice(() => inspector.waitingIn({ kind: 'stream', name: 'stream' }));
      },
    ],
    [
      'order by key: 500 keys, 20 messages held behind each',
      async () => {
        await redis.del(keys.inbox, keys.packs, keys.retry);
        await store.prepare();
        const sink = { list: false, order: 'key', timed: true, group: GROUP, maxLength: 0 };
        const ordered = new OrderedCommits(connection, keys, { ...sink, run: () => MOST_IN_PACK });
        const keyed = new RedisConsumerStore(connection, keys, GROUP, 'channel', { ordered });
        const keyStore = new RedisKeyStore(connection, keys, GROUP, () => MOST_IN_PACK);
        const leading = new RedisBridgeStore(connection, keys, 'k');
        for (let i = 0; i < 10; i++) {
          const list = new PackedList();
          for (let n = 0; n < 1_000; n++)
            list.append(Buffer.from(JSON.stringify({ message_id: n, k: n % 500, text: 'x'.repeat(70) })));
          const messages = new Packed(list.length, list.parts(0, list.length));
          const to = { ...lead.position, offset: lead.position.offset + 1_000 };
          await leading.relay({
            caller: 'b#1',
            token: lead.token,
            from: lead.position,
            to,
            messages,
            packSize: 1,
          });
          lead = { ...lead, position: to };
        }
        await inspector.keyTotals('key');
        const [[, entries]] = await redis.call(
          ...['XREADGROUP', 'GROUP', GROUP, 'busy', 'COUNT', BATCH, 'STREAMS', keys.inbox, '>'],
        );
        const results = entries.map(([id, [, data, , key]]) => ({ ...resultsOf([id], data)[0], key }));
        await keyed.commit(results, 0);
        const args = ['GROUP', GROUP, 'busy', 'COUNT', 40, 'STREAMS', keys.packs, '>'];
        const [[, packs]] = await redis.call('XREADGROUP', ...args);
        const settlements = packs.map(([id, [, , , key]]) => {
          const n = Number(id.slice(-3));
          return { id, key, consumerId: 'busy', texts: Array(n).fill(['a message', small]).flat(), left: [] };
        });
        await keyed.settlePacks(settlements, 0);
        for (let i = 0; i < 3; i++) await keyStore.search({ busy: '0', held: '-' }, 200);
        while ((await keyStore.disband()).more);
        await redis.del(keys.output);
      },
    ],
    [
      largeOf({ bytes }),
      async () => {
        await readList(LETTERS, big);
        await redis.del(keys.inbox, keys.packs, keys.retry, keys.dead);
        await store.prepare();
        await connection.run(publishBatch, keys, { channel: 'channel', own: 0, messages: [big] });
        for (let i = 0; i < LETTERS; i++) await relay([big]);
        await redis.del('list', 'stream');
        await append([big]);
        for (const one of sources) while ((await one.pull(1)).next === 'more');
        await inspector.waitingIn({ kind: 'stream', name: 'stream' });
        await redis.del(keys.inbox);
        await store.prepare();
        for (let i = 0; i < LETTERS; i++) await relay([big]);
        await inspector.totals();
        held = await read('busy', LETTERS);
        await reclaimAll({ silence: 0 });
        const [first, second, ...rest] = held;
        await store.commit(resultsOf([first], big), 0);
        await ordered.commit(resultsOf([rest.pop()], big), 0);
        await ordered.letOut();
        await recorded.commit(resultsOf([rest.pop()], big), 0);
        await recorded.letOut();
        await hashing.commit(resultsOf([rest.pop()], big), 0);
        await hashing.bury(deadOf([rest.pop()], big), 0);
        await store.retry([{ entryId: second, inboxId: second, consumerId: 'taker', wait: 0 }]);
        await dues();
        for (const id of rest) await store.bury(deadOf([id], big), 0);
        const page = await inspector.deadLettersBefore(undefined, LETTERS, 2_000);
        await inspector.revive(page.slice(0, 2).map(({ id }) => id));
        await inspector.read();
        await inspector.readWithEnd();
        await inspector.purge(page.at(-1).id);
      },
    ],
    [
      'the end',
      async () => {
        await bridge.missed('b#1', { reason: 'a gap', since: undefined, dropped: 0 });
        await twice(() => bridge.release('b#1', lead.token, lead.position));
      },
    ],
  ];
}
