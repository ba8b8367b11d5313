import { cpSync, mkdtempSync, readdirSync, rmSync, statSync, truncateSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { countIn, identitiesIn } from '../../src/core/pack.js';
import { startLocalServer } from '../../src/redis/local-server.js';
import { freshRedis, namespaceOn, withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';
import { holdingPacks, wholeOf } from '../helpers/whole-packs.js';

const redis = withRedis();

const clientOf = (url: string) => {
  const client = new Redis(url, { retryStrategy: () => 50 });
  client.on('error', () => {});
  onTestFinished(() => client.disconnect());
  return client;
};

/** The newest file that an append-only server writes to. */
function logIn(dir: string): string {
  const files = readdirSync(dir, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.aof'),
  );
  const incremental = files.filter((name) => name.includes('.incr.'));
  return join(dir, (incremental.length > 0 ? incremental : files).sort().at(-1) as string);
}

test('an append-only file that ends anywhere has all of a transaction, or nothing', async () => {
  const server = await freshRedis(['--appendonly', 'yes', '--appendfsync', 'always']);
  const { ids, keys, settle, byScript, raw } = await holdingPacks(namespaceOn(server.url), 3, 10);
  const file = logIn(server.dir);
  const before = statSync(file).size;
  await settle(ids.map((id) => wholeOf(id)));
  expect(byScript).toEqual([]);
  const after = statSync(file).size;
  raw.disconnect();
  await server.kill();
  const places = Array.from({ length: 14 }, (_, i) => before + Math.floor(((after - before) * i) / 14));
  const found = new Set<string>();
  for (const at of [...places, after - 1, after]) {
    const dir = mkdtempSync(join(tmpdir(), 'cgroup-aof-'));
    cpSync(server.dir, dir, { recursive: true });
    truncateSync(file.replace(server.dir, dir), at);
    const copy = await startLocalServer({
      dir,
      args: ['--appendonly', 'yes', '--aof-load-truncated', 'yes'],
    });
    const client = clientOf(copy.url);
    const state = [
      await client.xlen(keys.packs),
      await client.xlen(keys.output),
      (await client.keys('*open*')).length,
    ];
    found.add(state.join(' '));
    client.disconnect();
    await copy.stop();
    rmSync(dir, { recursive: true });
  }
  expect([...found].sort()).toEqual(['0 30 0', '3 0 0']);
}, 120_000);

test('a replica never shows a part, and one that takes over in the middle has all of each pack, or the pack', async () => {
  const master = await freshRedis(['--repl-diskless-sync-delay', '0']);
  const replica = await freshRedis(['--repl-diskless-sync-delay', '0']);
  const [client, other] = [clientOf(master.url), clientOf(replica.url)];
  await other.call('REPLICAOF', '127.0.0.1', master.port);
  await until(async () => (await other.info('replication')).includes('master_link_status:up'));
  const group = await holdingPacks(namespaceOn(master.url), 400, 25);
  const { keys, ids } = group;
  await until(async () => (await other.xlen(keys.packs)) === 400);
  let looks = 0;
  const partial: string[] = [];
  const look = async () => {
    const reply = await other.multi().xlen(keys.packs).xlen(keys.output).exec();
    const [packs, output] = (reply ?? []).map(([, value]) => Number(value)) as [number, number];
    looks++;
    if (25 * packs + output !== 10_000) partial.push(`${packs} packs, ${output} results`);
  };
  const settling = (async () => {
    for (let i = 0; i < ids.length; i += 4) await group.settle(ids.slice(i, i + 4).map((id) => wholeOf(id)));
  })().catch(() => {});
  const begun = async () => 10_000 - 25 * (await other.xlen(keys.packs));
  while ((await begun()) < 3_000) await look();
  await master.kill();
  await other.call('REPLICAOF', 'NO', 'ONE');
  await look();
  expect(partial).toEqual([]);
  expect(looks).toBeGreaterThan(3);
  const packs = new Set((await other.xrange(keys.packs, '-', '+')).map(([id]) => id));
  expect(packs.size).toBeGreaterThan(0);
  const output = (await other.xrange(keys.output, '-', '+')).map(([, fields]) => fields[5]);
  const gone = ids.filter((id) => !packs.has(id));
  expect(output).toEqual(gone.flatMap((id) => identitiesIn(id, countIn(id))));
  expect(await other.keys('*open*')).toEqual([]);
  client.disconnect();
  group.connection.close();
  await settling;
}, 60_000);

test('a Cluster takes it; while the slot moves to another node, the script settles', async () => {
  const args = ['--cluster-enabled', 'yes'];
  const [server, target] = [await freshRedis(args), await freshRedis(args)];
  const [admin, other] = [clientOf(server.url), clientOf(target.url)];
  await admin.call('CLUSTER', 'ADDSLOTS', ...Array.from({ length: 16_384 }, (_, slot) => slot));
  await admin.call('CLUSTER', 'MEET', '127.0.0.1', target.port);
  await until(async () => String(await admin.call('CLUSTER', 'INFO')).includes('cluster_state:ok'));
  const group = await holdingPacks(namespaceOn(server.url));
  const [one, two, ...rest] = group.ids.map((id) => wholeOf(id));
  await group.settle([one, two] as never);
  expect(group.byScript).toEqual([]);

  const slot = Number(await admin.call('CLUSTER', 'KEYSLOT', group.keys.output));
  await until(async () => String(await admin.call('CLUSTER', 'NODES')).split('\n').length > 2);
  const to = String(await other.call('CLUSTER', 'MYID'));
  await admin.call('CLUSTER', 'SETSLOT', slot, 'MIGRATING', to);
  // The name of the open output is not here: Redis refers to the other node. The script's keys are all here.
  await group.settle(rest);
  expect(await group.outputs()).toEqual(Array(100).fill(1));
  expect(group.byScript).toHaveLength(2);
  expect(group.warnings).toEqual([expect.stringMatching(/ASK|TRYAGAIN|EXECABORT/)]);
}, 60_000);

test('who listens to the keyspace, and who caches the output, hears of it', async () => {
  const { ids, keys, settle, raw, byScript } = await holdingPacks(redis.namespace(), 2, 25);
  await raw.config('SET', 'notify-keyspace-events', 'KA');
  onTestFinished(() => raw.config('SET', 'notify-keyspace-events', '').then(() => {}));
  const listener = clientOf(redis.url);
  const events: string[] = [];
  await listener.subscribe(`__keyspace@0__:${keys.output}`);
  listener.on('message', (_channel, event) => void events.push(String(event)));
  const cached = createConnection(redis.server.port, '127.0.0.1');
  onTestFinished(() => void cached.destroy());
  let text = '';
  cached.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  cached.write(`HELLO 3\r\nCLIENT TRACKING ON\r\nXLEN ${keys.output}\r\n`);
  await until(() => text.endsWith(':0\r\n'));
  await settle(ids.map((id) => wholeOf(id)));
  expect(byScript).toEqual([]);
  await until(() => events.length === 3);
  // One xadd only: the others are under the other name.
  expect(events).toEqual(['xadd', 'rename_from', 'rename_to']);
  await until(() => text.includes('invalidate') && text.includes(keys.output));
});
