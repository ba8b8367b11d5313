import { describe, expect, test } from 'vitest';
import { type CliRun, cgroup } from '../helpers/cli.js';
import { groupOn, type TestGroup } from '../helpers/group.js';
import { addressOf } from '../helpers/http.js';
import { echo, RawWorker, remoteGroup } from '../helpers/raw-worker.js';
import { withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const redis = withRedis();

async function isUnlisted(group: TestGroup): Promise<void> {
  await until(async () => (await group.listed()).length === 0, { what: 'the id to leave the list' });
}

async function attemptsCounted(group: TestGroup): Promise<number> {
  return (await group.read()).counters.failed;
}

describe('a remote worker', () => {
  test('is a consumer that comes and goes', async () => {
    const { group, run, url } = await remoteGroup(redis.url);
    const ids = await group.publish(20);
    const worker = await RawWorker.connect(url, { name: 'py.1', concurrency: 4, onDelivery: echo });
    expect(worker.hello?.result).toMatchObject({
      group: 'cgroup',
      channel: group.space.channel,
      heartbeat: 1_000,
      lease: 3_000,
      concurrency: 4,
      resumed: [],
    });
    expect(worker.consumerId).toMatch(/-py\.1-1$/);
    await group.settled(20);
    const outputs = await group.outputs();
    expect(outputs.map(({ messageId }) => messageId).sort()).toEqual([...ids].sort());
    expect(outputs.every(({ consumerId }) => consumerId === worker.consumerId)).toBe(true);
    expect(await group.listed()).toEqual([worker.consumerId]);
    await worker.close();
    await isUnlisted(group);
    await run.kill();
  });

  test('has never more messages than it takes at a time', async () => {
    const { group, run, url } = await remoteGroup(redis.url);
    let most = 0;
    const inWork = new Set<string>();
    const worker = await RawWorker.connect(url, {
      concurrency: 7,
      onDelivery: ({ deliveryId, messageId }) => {
        inWork.add(deliveryId);
        most = Math.max(most, inWork.size);
        setTimeout(() => {
          inWork.delete(deliveryId);
          worker.answer(deliveryId, { message_id: messageId });
        }, 5);
      },
    });
    await group.publish(200);
    await group.settled(200);
    expect(most).toBe(7);
    await run.kill();
  });

  test('fails attempts, gives up messages, and asks for more time', async () => {
    const { group, run, url } = await remoteGroup(redis.url, ['--timeout', '1s', '--backoff', '10ms']);
    const worker = await RawWorker.connect(url, { concurrency: 3 });
    await group.publish(['fails', 'dies', 'slow']);
    await worker.has(3);
    const [fails, dies, slow] = ['fails', 'dies', 'slow'].map((id) =>
      worker.deliveries.find(({ messageId }) => messageId === id),
    );
    worker.send({ id: 1, method: 'extend', params: { delivery_id: slow?.deliveryId, ms: 20_000 } });
    await until(() => worker.received.some(({ id, result }) => id === 1 && (result as unknown) === true));
    worker.fail(String(fails?.deliveryId), 'not today');
    worker.fail(String(dies?.deliveryId), 'never', { dead: true });
    await worker.has(4);
    expect(worker.deliveries[3]).toMatchObject({ messageId: 'fails', attempt: 2 });
    echo(worker.deliveries[3] ?? fail(), worker);
    await until(async () => (await group.read()).counters.dead === 1);
    // Longer than the time of an attempt.
    await new Promise((done) => setTimeout(done, 1_500));
    worker.answer(String(slow?.deliveryId), { late: false });
    const { counters } = await group.settled(3);
    expect(counters).toMatchObject({ processed: 2, dead: 1, failed: 2, retried: 1 });
    await run.kill();
  });

  test('says quiet: it gets nothing more, finishes, and its consumer leaves', async () => {
    const { group, run, url } = await remoteGroup(redis.url);
    const worker = await RawWorker.connect(url, { concurrency: 2 });
    await group.publish(10);
    const [first, second] = await worker.has(2);
    worker.send({ method: 'quiet' });
    await until(() => run.stderr().length > 0 && group.read().then(({ pending }) => pending <= 2));
    for (const one of [first, second]) if (one) echo(one, worker);
    await isUnlisted(group);
    expect(worker.deliveries).toHaveLength(2);
    await worker.close(1011);
    const other = await RawWorker.connect(url, { concurrency: 5, onDelivery: echo });
    await group.settled(10);
    expect(other.deliveries).toHaveLength(8);
    expect(await attemptsCounted(group)).toBe(0);
    await run.kill();
  });

  test('closes the connection: others have its messages at once, and no attempt is counted', async () => {
    const { group, run, url } = await remoteGroup(redis.url);
    const leaving = await RawWorker.connect(url, { name: 'a', concurrency: 5 });
    await group.publish(5);
    await leaving.has(5);
    const staying = await RawWorker.connect(url, { name: 'b', concurrency: 5, onDelivery: echo });
    await leaving.close(1001);
    await group.settled(5, 1_500);
    expect(staying.deliveries.every(({ attempt }) => attempt === 1)).toBe(true);
    expect(await attemptsCounted(group)).toBe(0);
    await run.kill();
  });

  test('closes the connection at one message again and again: this one becomes a dead letter, the others are done', async () => {
    const { group, run, url } = await remoteGroup(redis.url, ['--max-attempts', '2', '--backoff', '10ms']);
    const ids = await group.publish(6);
    const bad = ids[2];
    let connections = 0;
    // An exception ends it, and its client closes with 1000.
    const dead = async () => (await group.read()).counters.dead;
    while ((await dead()) === 0) {
      connections++;
      expect(connections).toBeLessThan(15);
      const worker: RawWorker = await RawWorker.connect(url, {
        concurrency: 3,
        onDelivery: (delivery, self) => {
          if (delivery.messageId === bad) self.socket.close(1000);
          else if (self.socket.readyState === self.socket.OPEN) echo(delivery, self);
        },
      });
      await until(async () => worker.closed || (await dead()) > 0);
    }
    await RawWorker.connect(url, { concurrency: 3, onDelivery: echo });
    const { counters } = await group.settled(6);
    expect(counters).toMatchObject({ processed: 5, dead: 1, failed: 2 });
    await run.kill();
  });

  test('says quiet before it closes with messages, however often: no attempt is counted', async () => {
    const { group, run, url } = await remoteGroup(redis.url, ['--max-attempts', '1']);
    await group.publish(1);
    for (let i = 0; i < 6; i++) {
      const worker = await RawWorker.connect(url);
      await worker.has(1);
      worker.send({ method: 'quiet' });
      await worker.close();
    }
    await RawWorker.connect(url, { onDelivery: echo });
    await group.settled(1);
    expect(await attemptsCounted(group)).toBe(0);
    await run.kill();
  });

  test('is told of a pause, and gets messages again after it', async () => {
    const { group, run, url } = await remoteGroup(redis.url);
    const worker = await RawWorker.connect(url, { onDelivery: echo });
    await cgroup(['pause', ...group.flags]).exit;
    await until(() => worker.notifications('quiet').length === 1);
    await group.publish(3);
    await until(async () => (await group.read()).waiting === 3);
    expect(worker.deliveries).toEqual([]);
    await cgroup(['resume', ...group.flags]).exit;
    await group.settled(3);
    await run.kill();
  });

  test('finishes when the group stops, and is closed with 1001', async () => {
    const { group, run, url } = await remoteGroup(redis.url);
    const worker = await RawWorker.connect(url, { concurrency: 2 });
    await group.publish(4);
    await worker.has(2);
    const stopped = run.kill();
    await until(() => worker.notifications('quiet').length === 1);
    expect(worker.closed).toBeUndefined();
    for (const one of [...worker.deliveries]) echo(one, worker);
    await until(() => worker.closed);
    expect(worker.closed).toEqual({ code: 1001, reason: 'the group stops' });
    expect(await stopped).toEqual({ code: 0, signal: null });
    const { counters, backlog } = await group.read();
    expect([counters.processed, counters.failed, backlog]).toEqual([2, 0, 2]);
    expect(worker.deliveries).toHaveLength(2);
  });

  test('that does not finish in time is cancelled: its messages are handed back', async () => {
    const { group, run, url } = await remoteGroup(redis.url, ['--shutdown-timeout', '1s']);
    const worker = await RawWorker.connect(url, { concurrency: 2 });
    await group.publish(2);
    await worker.has(2);
    expect(await run.kill()).toEqual({ code: 0, signal: null });
    await until(() => worker.closed);
    expect(worker.notifications('cancel').map(({ params }) => params?.reason)).toEqual(
      Array(2).fill('the group stops'),
    );
    expect(worker.closed?.code).toBe(1001);
    const { url: next, run: other } = await remoteGroup(redis.url, [], group);
    await RawWorker.connect(next, { concurrency: 2, onDelivery: echo });
    await group.settled(2, 2_000);
    expect(await attemptsCounted(group)).toBe(0);
    await other.kill();
  });

  test('may have the name of another: each has a consumer', async () => {
    const { group, run, url } = await remoteGroup(redis.url);
    const two = [await RawWorker.connect(url), await RawWorker.connect(url)];
    const ids = two.map(({ consumerId }) => consumerId);
    expect(new Set(ids).size).toBe(2);
    await until(async () => (await group.listed()).length === 2);
    expect((await group.listed()).sort()).toEqual(ids.sort());
    await group.publish(2);
    for (const worker of two) await worker.has(1);
    await run.kill('SIGKILL');
  });
});

describe('a remote worker whose connection breaks', () => {
  const REASON = /"msg":"worker a at 127.0.0.1:\d+ was lost: the connection ended \(code 1006\)"/;

  test('comes back in time and goes on as the same consumer', async () => {
    const { group, run, url } = await remoteGroup(redis.url);
    const worker = await RawWorker.connect(url, { name: 'a', concurrency: 3 });
    await group.publish(5);
    const [kept, dropped, other] = (await worker.has(3)).map(({ deliveryId }) => deliveryId);
    worker.kill();
    const holds = [String(kept), String(other), `${worker.consumerId}/99`];
    const back = await RawWorker.connect(url, { name: 'a', concurrency: 3, holds });
    expect(back.consumerId).toBe(worker.consumerId);
    expect(back.hello?.result?.resumed).toEqual([kept, other]);
    back.answer(String(kept), { by: 'a' });
    back.answer(String(other), { by: 'a' });
    // What it did not name, and what waited.
    await back.has(3);
    expect(back.deliveries.map(({ deliveryId }) => deliveryId)).not.toContain(dropped);
    for (const one of back.deliveries) echo(one, back);
    await group.settled(5);
    expect(await attemptsCounted(group)).toBe(0);
    expect(await group.outputs()).toHaveLength(5);
    await run.kill();
  });

  test('may come back while its old connection still seems to live', async () => {
    const { group, run, url } = await remoteGroup(redis.url);
    const worker = await RawWorker.connect(url, { name: 'a', concurrency: 2 });
    await group.publish(2);
    const holds = (await worker.has(2)).map(({ deliveryId }) => deliveryId);
    const back = await RawWorker.connect(url, { name: 'a', concurrency: 1, holds });
    expect(back.hello?.result).toMatchObject({
      consumer_id: worker.consumerId,
      resumed: holds,
      concurrency: 1,
    });
    await until(() => worker.closed);
    expect(worker.closed?.code).toBe(4409);
    for (const id of holds) back.answer(id, {});
    await group.settled(2);
    expect(await attemptsCounted(group)).toBe(0);
    await run.kill();
  });

  test('comes back after it said quiet: it finishes what it holds, and is to connect again for more', async () => {
    const { group, run, url } = await remoteGroup(redis.url);
    const worker = await RawWorker.connect(url, { name: 'a' });
    await group.publish(2);
    const [held] = await worker.has(1);
    worker.send({ method: 'quiet' });
    const back = await RawWorker.connect(url, { name: 'a', holds: [String(held?.deliveryId)] });
    expect(back.hello?.result?.resumed).toEqual([held?.deliveryId]);
    back.answer(String(held?.deliveryId), {});
    await until(() => back.closed);
    expect(back.closed).toEqual({
      code: 1001,
      reason: 'all is done that was held at quiet: connect again for more',
    });
    await RawWorker.connect(url, { name: 'a', onDelivery: echo });
    await group.settled(2);
    expect(await attemptsCounted(group)).toBe(0);
    await run.kill();
  });

  test('has failed the one message that it had; another worker gets it within a second', async () => {
    const { group, run, url } = await remoteGroup(redis.url);
    const dying = await RawWorker.connect(url, { name: 'a' });
    await group.publish(1);
    await dying.has(1);
    const other = await RawWorker.connect(url, { name: 'b', onDelivery: echo });
    const at = performance.now();
    dying.kill();
    const [delivery] = await other.has(1);
    expect(performance.now() - at).toBeLessThan(2_000);
    expect(delivery?.attempt).toBe(2);
    const { counters } = await group.settled(1);
    expect(counters).toMatchObject({ failed: 1, processed: 1 });
    expect(run.stderr()).toMatch(REASON);
    await run.kill();
  });

  test('has several messages: they are done again one by one until the one to blame is found', async () => {
    const { group, run, url } = await remoteGroup(redis.url, ['--max-attempts', '2', '--backoff', '10ms']);
    /** A worker that dies of a message, and is started again. */
    const start = async (): Promise<void> => {
      await RawWorker.connect(url, {
        concurrency: 4,
        onDelivery: (delivery, worker) => {
          if (delivery.messageId === 'poison') {
            worker.kill();
            void start();
            // The others are in work for a moment.
          } else setTimeout(() => echo(delivery, worker), 50);
        },
      });
    };
    await start();
    await group.publish(['a', 'b', 'poison', 'c', 'd', 'e']);
    const { counters } = await group.settled(6);
    expect(counters).toMatchObject({ processed: 5, dead: 1, failed: 2 });
    await run.kill();
  });
});

describe('a group without remote workers', () => {
  test('says so, and processes nothing; metrics and readiness follow', async () => {
    const { group, run, url } = await remoteGroup(redis.url);
    const status = async () => {
      const one = cgroup(['status', ...group.flags]);
      await one.exit;
      return one.stdout();
    };
    const ready = async () =>
      (await fetch(`${url}/readyz`)).json() as Promise<{ ready: boolean; reasons: string[] }>;
    await group.publish(2);
    await until(async () => (await group.read()).waiting === 2);
    expect(await status()).toMatch(/^no worker is connected: messages wait \(cgroup worker --connect/m);
    await until(async () => (await ready()).reasons.includes('no worker is connected'));
    const worker = await RawWorker.connect(url, { onDelivery: echo });
    await group.settled(2);
    await until(async () => (await ready()).ready);
    await until(async () => /^cgroup_workers\{.*\} 1$/m.test(await (await fetch(`${url}/metrics`)).text()));
    await until(async () => !(await status()).includes('no worker'));
    await worker.close();
    await until(async () => (await ready()).reasons.includes('no worker is connected'));
    await run.kill();
  });

  test('needs http', async () => {
    const group = await groupOn(redis.url);
    const run: CliRun = cgroup(['start', ...group.flags, '-p', 'remote']);
    expect(await run.exit).toEqual({ code: 2, signal: null });
    expect(run.stderr()).toContain('processor remote needs http, where the workers connect: --http 9464');
    const only = await group.start(['-p', 'remote', '--bridge', 'only']);
    await only.kill();
  });

  test('answers a WebSocket with 404 if its processor is another', async () => {
    const group = await groupOn(redis.url);
    const run = await group.start(['--http', '0']);
    await expect(RawWorker.open(await addressOf(run))).rejects.toThrow('404');
    await run.kill();
  });
});

function fail(): never {
  throw new Error('missing');
}
