import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import { describe, expect, onTestFinished, test } from 'vitest';
import { RemoteWorker } from '../../src/index.js';
import { type CliOptions, type CliRun, cgroup } from '../helpers/cli.js';
import { startProxy } from '../helpers/faultproxy.js';
import { groupOn, type TestGroup } from '../helpers/group.js';
import { addressOf, emptyFolder, freePort, SERVING } from '../helpers/http.js';
import { withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const redis = withRedis();
const REMOTE = ['-p', 'remote', ...SERVING];

const portOf = (url: string) => Number(new URL(url).port);
const workersAt = (port: number) => `ws://127.0.0.1:${port}/workers`;

/** The port of a process with remote workers. */
async function startRemote(
  group: TestGroup,
  more: string[] = REMOTE,
): Promise<{ run: CliRun; port: number }> {
  const run = await group.start(more);
  return { run, port: portOf(await addressOf(run)) };
}

/** A module that takes so long for a message, in a folder of its own. */
async function moduleTaking(ms: number): Promise<string> {
  const file = join(await emptyFolder(), 'handler.mjs');
  const wait = ms === 0 ? '' : `await new Promise((done) => setTimeout(done, ${ms}));`;
  writeFileSync(file, `export default async (message) => { ${wait} return { ...message, seen: true }; };`);
  return file;
}

/** `cgroup worker` with these flags, once it is connected so many times. */
async function startWorker(connects: string, more: string[], options: CliOptions = {}): Promise<CliRun> {
  const run = cgroup(['worker', '--connect', connects, ...more], options);
  for (const url of connects.split(',')) await run.line(new RegExp(`"msg":"connected to ${url}`));
  return run;
}

/** Each message has one result, and no attempt has failed. */
async function expectAllProcessed(group: TestGroup, ids: readonly string[]): Promise<void> {
  const { counters } = await group.settled(ids.length, 30_000);
  expect(counters).toMatchObject({ processed: ids.length, failed: 0, dead: 0 });
  const outputs = await group.outputs();
  expect(outputs.map(({ messageId }) => messageId).sort()).toEqual([...ids].sort());
}

describe('cgroup worker', () => {
  test('processes in threads, and leaves without a failed attempt when it is stopped under load', async () => {
    const group = await groupOn(redis.url);
    const { run, port } = await startRemote(group);
    const handler = ['-p', await moduleTaking(20), '--concurrency', '10'];
    let worker = await startWorker(workersAt(port), [...handler, '--name', 'a']);
    const ids: string[] = [];
    for (const name of ['b', 'c']) {
      const next = await startWorker(workersAt(port), [...handler, '--name', name]);
      const before = (await group.read()).counters.processed;
      // Both are at work for seconds: the one before stops in the middle.
      ids.push(...(await group.publish(1_000)));
      await until(async () => (await group.read()).counters.processed > before + 20);
      expect(await worker.kill()).toEqual({ code: 0, signal: null });
      expect(worker.stderr()).toContain('stopped');
      await group.settled(ids.length, 30_000);
      worker = next;
    }
    await expectAllProcessed(group, ids);
    const consumers = new Set((await group.outputs()).map(({ consumerId }) => consumerId.slice(-3)));
    expect([...consumers].sort()).toEqual(['a-1', 'b-2', 'c-3']);
    await worker.kill();
    await until(async () => (await group.listed()).length === 0, { what: 'the id to leave the list' });
    await run.kill();
  });

  test('that is killed loses nothing: another one goes on', async () => {
    const group = await groupOn(redis.url);
    const { run, port } = await startRemote(group);
    const handler = ['-p', await moduleTaking(50), '--concurrency', '5'];
    const [a, b] = [await startWorker(workersAt(port), handler), await startWorker(workersAt(port), handler)];
    const ids = await group.publish(200);
    await until(async () => (await group.read()).counters.processed > 20);
    await a.kill('SIGKILL');
    // Several were in work: none of them is to blame for sure.
    await expectAllProcessed(group, ids);
    await b.kill();
    await run.kill();
  });

  test('that is suspended loses nothing, and comes back', async () => {
    const group = await groupOn(redis.url);
    const { run, port } = await startRemote(group, [
      ...REMOTE,
      '--claim-after',
      '400ms',
      '--heartbeat',
      '100ms',
    ]);
    const handler = ['-p', await moduleTaking(20), '--concurrency', '5'];
    const [a, b] = [
      await startWorker(workersAt(port), [...handler, '--name', 'a']),
      await startWorker(workersAt(port), [...handler, '--name', 'b']),
    ];
    const ids = await group.publish(200);
    await until(async () => (await group.read()).counters.processed > 20);
    process.kill(a.pid, 'SIGSTOP');
    await run.line(/worker a at .* was lost: it was silent/);
    await expectAllProcessed(group, ids);
    process.kill(a.pid, 'SIGCONT');
    await until(async () => (await group.listed()).some((id) => id.endsWith('-a-3')), {
      what: 'it to be back as another consumer',
    });
    await a.kill();
    await b.kill();
    await run.kill();
  });

  test('works for two processes, and connects again to one that dies and comes back', async () => {
    const group = await groupOn(redis.url);
    const port = await freePort();
    const flags = ['-p', 'remote', '--http', String(port)];
    const first = await startRemote(group);
    const second = await startRemote(group, flags);
    await group.bridgesInStep(2);
    const urls = [first.port, port].map(workersAt).join(',');
    const worker = await startWorker(urls, ['-p', await moduleTaking(10), '--concurrency', '5']);
    const ids = await group.publish(200);
    await until(async () => new Set((await group.outputs()).map(({ consumerId }) => consumerId)).size === 2);
    await second.run.kill('SIGKILL');
    await until(async () => (await group.read()).backlog === 0, { timeout: 20_000 });
    const third = await startRemote(group, flags);
    await until(async () => (await group.listed()).length === 2, { what: 'a consumer of each process' });
    await expectAllProcessed(group, ids);
    for (const { run } of [first, third]) await run.kill();
    await worker.kill();
  });

  test('with a wrong token says so, and works once it has the right one', async () => {
    const group = await groupOn(redis.url);
    const token = 'a-token-for-this-test';
    const run = await group.start(REMOTE, { env: { CGROUP_HTTP_TOKEN: token } });
    const port = portOf(await addressOf(run));
    const wrong = cgroup(['worker', '--connect', workersAt(port)], {
      env: { CGROUP_HTTP_TOKEN: 'another-token-of-16' },
    });
    await wrong.line(/refuses this worker.*401.*set CGROUP_HTTP_TOKEN to the httpToken of the group/);
    expect(await wrong.kill()).toEqual({ code: 0, signal: null });
    expect(wrong.stderr()).not.toContain('another-token');
    const right = await startWorker(workersAt(port), [], { env: { CGROUP_HTTP_TOKEN: token } });
    await expectAllProcessed(group, await group.publish(5));
    await right.kill();
    await run.kill();
  });

  test('connects by wss:// with NODE_EXTRA_CA_CERTS, and says what to do without it', async () => {
    const folder = await emptyFolder();
    const [cert, key] = ['cert.pem', 'key.pem'].map((name) => join(folder, name)) as [string, string];
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
    const files = ['-keyout', key, '-out', cert];
    const kind = ['-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2'];
    execFileSync('openssl', ['req', ...kind, ...subject, ...files], { stdio: 'ignore' });
    const group = await groupOn(redis.url);
    const { run, port } = await startRemote(group);
    const tls = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (socket) => {
      const target = connect(port, '127.0.0.1');
      for (const one of [socket, target]) one.on('error', () => {});
      socket.pipe(target).pipe(socket);
    });
    tls.on('tlsClientError', () => {});
    await new Promise<void>((done) => tls.listen(0, '127.0.0.1', done));
    onTestFinished(() => void tls.close());
    const url = `wss://localhost:${(tls.address() as { port: number }).port}/workers`;
    const stranger = cgroup(['worker', '--connect', url]);
    await stranger.line(/no connection to wss:.*self-signed certificate.*NODE_EXTRA_CA_CERTS=ca.pem/);
    await stranger.kill();
    const worker = await startWorker(url, [], { env: { NODE_EXTRA_CA_CERTS: cert } });
    await expectAllProcessed(group, await group.publish(5));
    await worker.kill();
    await run.kill();
  });

  test.each([
    [[], /--connect is missing/],
    [['--connect', 'http://a/workers'], /--connect must be a ws:\/\/ or wss:\/\/ URL/],
    [['--connect', 'ws://u:secret@a/'], /--connect must hold no user and password/],
    [['--connect', 'ws://a/', '--name', 'a b'], /--name must be 1 to 64 letters/],
    [['--connect', 'ws://a/', '-p', 'remote'], /processor must not be remote here/],
    [['--connect', 'ws://a/', '-p', './none.mjs'], /there is no processor module at/],
  ])('with %j is wrong usage', async (args, text) => {
    const run = cgroup(['worker', ...args]);
    expect((await run.exit).code).toBe(2);
    expect(run.stderr()).toMatch(text);
    expect(run.stderr()).not.toContain('secret');
  });
});

describe('RemoteWorker', () => {
  test('takes up its work after a cut link: nothing is done twice, no attempt has failed', async () => {
    const group = await groupOn(redis.url);
    const { run, port } = await startRemote(group);
    const proxy = await startProxy(port);
    onTestFinished(() => proxy.stop());
    const ends = new Map<unknown, () => void>();
    const attempts: unknown[] = [];
    const worker = new RemoteWorker({
      connect: workersAt(proxy.port),
      name: 'w',
      concurrency: 3,
      processor: (message) => {
        attempts.push(message.message_id);
        return new Promise((done) => ends.set(message.message_id, () => done(message)));
      },
    });
    onTestFinished(() => worker.stop());
    await worker.start();
    const ids = await group.publish(3);
    await until(() => ends.size === 3, { what: 'three attempts' });
    const lost = new Promise((done) => worker.once('disconnected', done));
    const back = new Promise((done) => worker.once('connected', done));
    proxy.cut();
    await lost;
    ends.get(ids[0])?.();
    await back;
    for (const id of ids.slice(1)) ends.get(id)?.();
    await expectAllProcessed(group, ids);
    expect(attempts).toEqual(ids);
    expect(await group.listed()).toEqual([expect.stringMatching(/-w-1$/)]);
    await worker.stop();
    await run.kill();
  });
});
