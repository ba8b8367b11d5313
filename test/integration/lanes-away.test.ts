import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { GroupClient } from '../../src/observe/client.js';
import { cgroup } from '../helpers/cli.js';
import { type Cluster, startCluster } from '../helpers/cluster.js';
import { addressOf, SERVING } from '../helpers/http.js';
import { namespaceOn } from '../helpers/redis.js';
import { flagsOf, startGroup } from '../helpers/running.js';
import { until } from '../helpers/until.js';

const LANES = 3;

/** Names whose base and list of consumers are at the first master, where no lane is. */
async function namesOn(cluster: Cluster) {
  const isThere = async (key: string) => (await cluster.slotOf(key)) <= 5_460;
  const space = namespaceOn(cluster.urls[0] as string);
  // Names with the same end may never be there both.
  for (let i = 0; !(await isThere(space.consumerList)); i++) space.consumerList = `consumer:ids:${i}`;
  for (let i = 0; !(await isThere(space.output)); i++) space.output = `messages:processed:${i}`;
  return { ...space, lanes: LANES };
}

async function clientOf(space: object) {
  const client = await GroupClient.connect(space);
  onTestFinished(() => client.close());
  return client;
}

/** ms until it is done. */
async function timed<T>(doing: Promise<T>): Promise<[T, number]> {
  const began = performance.now();
  return [await doing, performance.now() - began];
}

test('a lane whose node is away is left out of status, monitor and metrics, and comes back; verify fails', async () => {
  // Nothing takes over, and the Cluster does not notice.
  const cluster = await startCluster({ replicas: 0, nodeTimeout: 60_000 });
  const space = await namesOn(cluster);
  const group = await startGroup(space, ['--size', '2', '--lanes', '3', ...SERVING]);
  const publisher = new Redis((await cluster.nodeOf(space.output)).url);
  onTestFinished(() => publisher.disconnect());
  const publish = (from: number, to: number) =>
    Promise.all(
      Array.from({ length: to - from }, (_, i) =>
        publisher.publish(space.channel, JSON.stringify({ message_id: `${from + i}` })),
      ),
    );
  const client = await clientOf(space);
  const processed = async () => (await client.status()).counters.processed;
  for (let sent = 0; sent < 600; sent += 100) {
    await publish(sent, sent + 100);
    await until(async () => (await processed()) === sent + 100, { what: 'the results' });
  }
  const before = await client.status();
  expect(before).toMatchObject({ awayLanes: [], lanes: [{}, {}, {}] });
  const url = await addressOf(group);
  const served = async (path: string) => (await fetch(`${url}${path}`)).text();
  expect(await served('/metrics')).toMatch(/^cgroup_lanes_away\{[^}]*\} 0$/m);

  const node = await cluster.nodeOf('{0}');
  const away = await Promise.all(
    [0, 1, 2].map(async (lane) => (await cluster.nodeOf(`{${lane}}`)).address === node.address),
  );
  const outputs = [0, 1, 2].map((lane) => `${space.output}:{${lane}}`);
  const awayLanes = outputs.filter((_, lane) => away[lane]);
  expect(awayLanes.length).toBeLessThan(LANES);
  node.freeze();
  // It may answer once more.
  await client.status();
  onTestFinished(() => node.thaw());
  const left = before.lanes?.filter((_, lane) => !away[lane]).map((lane) => lane.processed ?? 0) ?? [];
  // The first one waits for the lanes, all at once; the next ones hardly.
  const [status, first] = await timed(client.status());
  const [, second] = await timed(client.status());
  expect(first).toBeLessThan(4_000);
  expect(second).toBeLessThan(1_000);
  expect(status).toMatchObject({
    awayLanes,
    counters: { processed: left.reduce((sum, more) => sum + more, 0) },
  });
  expect(status.lanes?.map((lane) => lane.node === null && lane.processed === null)).toEqual(away);
  await expect(client.verify()).rejects.toMatchObject({ code: 'REDIS_UNREACHABLE' });
  await expect(client.deadLetters.select()).rejects.toMatchObject({
    ...{ code: 'REDIS_UNREACHABLE', message: expect.stringContaining(awayLanes[0] as string) },
  });

  // Those that come now, too: they wait for a connection once, for all lanes.
  const [late, took] = await timed(clientOf(space));
  expect(took).toBeLessThan(8_000);
  expect((await late.status()).awayLanes).toEqual(awayLanes);
  const run = cgroup(['status', ...flagsOf(space), '--json']);
  expect((await run.exit).code).toBe(1);
  const shown = JSON.parse(run.stdout());
  expect(shown).toMatchObject({ awayLanes, verdict: { level: 'bad' } });
  expect(shown.verdict.title).toMatch(/do(es)? not answer/);
  const metrics = await until(async () => {
    const text = await served('/metrics');
    return (
      text.includes(`cgroup_lanes_away{group="cgroup",output="${space.output}"} ${awayLanes.length}`) && text
    );
  });
  expect(metrics).not.toMatch(/^cgroup_processed_total\{/m);
  expect(metrics).toMatch(/^cgroup_backlog\{/m);
  expect(JSON.parse(await served('/api/status'))).toMatchObject({ awayLanes, trend: null });

  node.thaw();
  for (const one of [client, late])
    await until(async () => ((await one.status()).awayLanes ?? []).length === 0, { timeout: 15_000 });
  await publish(600, 700);
  await until(async () => (await processed()) === 700, { what: 'all results', timeout: 15_000 });
  expect(await client.verify()).toMatchObject({ ok: true, relayed: 700, processed: 700 });
  expect(await late.verify()).toMatchObject({ ok: true, relayed: 700 });
  expect((await group.kill()).code).toBe(0);
}, 120_000);
