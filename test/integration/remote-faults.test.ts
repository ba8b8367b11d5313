import type { Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { TestGroup } from '../helpers/group.js';
import { echo, RawWorker, remoteGroup } from '../helpers/raw-worker.js';
import { withRedis } from '../helpers/redis.js';
import { logOf } from '../helpers/running.js';
import { until } from '../helpers/until.js';

const redis = withRedis();
/** A worker is dead after a second of silence. */
const IMPATIENT = ['--heartbeat', '250ms', '--claim-after', '1s'];
const MB = 2 ** 20;

/** Publishes messages, and waits until a worker that does right has processed everything. */
async function goesOn(group: TestGroup, url: string, relayed: number): Promise<void> {
  await RawWorker.connect(url, { name: 'right', concurrency: 5, onDelivery: echo });
  await group.publish(3);
  await group.settled(relayed + 3);
  expect(new Set((await group.outputs()).map(({ messageId }) => messageId)).size).toBe(relayed + 3);
}

describe('a worker that does wrong', () => {
  test('answers twice, late, and what it was never given: it is told, and nothing is doubled', async () => {
    const { group, run, url } = await remoteGroup(redis.url, ['--timeout', '500ms', '--backoff', '10ms']);
    const worker = await RawWorker.connect(url);
    await group.publish(1);
    const [first] = await worker.has(1);
    // Never answers in time.
    await until(() => worker.notifications('cancel').length === 1);
    expect(worker.notifications('cancel')[0]?.params).toEqual({
      delivery_id: first?.deliveryId,
      reason: 'no answer of the worker within 500 ms',
    });
    const [, second] = await worker.has(2);
    expect(second).toMatchObject({ attempt: 2, inboxId: first?.inboxId });
    worker.answer(String(first?.deliveryId), { late: true });
    worker.answer(String(second?.deliveryId), { message_id: 'right' });
    worker.answer(String(second?.deliveryId), { twice: true });
    worker.answer('nonsense/1', { unknown: true });
    worker.fail(`${String(second?.deliveryId).split('/')[0]}/999`, 'unknown');
    await until(() => worker.errors.length === 2);
    expect(worker.errors.map(({ id, error }) => [id, error?.code])).toEqual([
      [null, -32_001],
      [null, -32_001],
    ]);
    const late = worker.notifications('cancel').slice(1);
    expect(late.map(({ params }) => params?.delivery_id)).toEqual([first?.deliveryId, second?.deliveryId]);
    expect(late.every(({ params }) => String(params?.reason).startsWith('late'))).toBe(true);
    const { counters } = await group.settled(1);
    expect(counters).toMatchObject({ processed: 1, failed: 1 });
    expect((await group.outputs()).map(({ data }) => data)).toEqual([{ message_id: 'right' }]);
    await run.kill();
  });

  test('sends rubbish, half a message, binary frames: each gets an error, 100 in a row end it', async () => {
    const { group, run, url } = await remoteGroup(redis.url);
    const worker = await RawWorker.connect(url, { name: 'bad', concurrency: 2 });
    await group.publish(2);
    await worker.has(2);
    worker.socket.send('rubbish');
    worker.socket.send('{"jsonrpc":"2.0","id":"x","resu');
    worker.socket.send('[]');
    worker.socket.send('null');
    worker.socket.send(Buffer.from([0, 1, 2]));
    worker.send({ id: 7, method: 'eval', params: {} });
    worker.send({ id: 8, method: 'extend', params: { delivery_id: 5 } });
    worker.send({ id: { a: 1 }, result: 1 });
    await until(() => worker.errors.length === 8);
    expect(worker.errors.map(({ id, error }) => [id, error?.code])).toEqual([
      [null, -32_700],
      [null, -32_700],
      [null, -32_600],
      [null, -32_600],
      [null, -32_600],
      [7, -32_601],
      [8, -32_602],
      [null, -32_600],
    ]);
    expect(logOf(run, 40)[0]?.msg).toMatch(
      /^worker bad at 127\.0\.0\.1:\d+ sent a wrong message: .*not JSON/,
    );
    for (let i = 0; i < 100; i++) worker.socket.send('rubbish');
    await until(() => worker.closed);
    expect(worker.closed?.code).toBe(1008);
    await goesOn(group, url, 2);
    await run.kill();
  });

  test('sends a frame that is no UTF-8, or 100 MB: it is cut off, and its messages go to others', async () => {
    const { group, run, url } = await remoteGroup(redis.url, ['--backoff', '10ms', '--claim-after', '30s']);
    const garbled = await RawWorker.connect(url, { name: 'garbled' });
    await group.publish(2);
    await garbled.has(1);
    garbled.socket.send(Buffer.from([0xff, 0xfe]), { binary: false });
    await until(() => garbled.closed);
    expect(garbled.closed?.code).toBe(1007);
    const huge = await RawWorker.connect(url, { name: 'huge' });
    await huge.has(1);
    huge.socket.send('x'.repeat(100 * MB));
    await until(() => huge.closed, { timeout: 20_000 });
    expect([1006, 1009]).toContain(huge.closed?.code);
    await run.line(/"msg":"worker huge at .* was lost: Max payload size exceeded"/);
    await goesOn(group, url, 2);
    await run.kill();
  });

  test('sends a broken frame and reads no further: the group stops as soon as without it', async () => {
    const { run, url } = await remoteGroup(redis.url);
    const worker = await RawWorker.connect(url, { name: 'broken' });
    const raw = socketOf(worker);
    // A frame with reserved bits.
    raw.write(Buffer.from([0xf1, 0x80, 1, 2, 3, 4]));
    raw.pause();
    await run.line(/worker broken at .* was lost: Invalid WebSocket frame/);
    const began = performance.now();
    await run.kill();
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  test('sends megabytes before its hello: it is cut off', async () => {
    const { run, url } = await remoteGroup(redis.url);
    const worker = await RawWorker.open(url);
    // The head of a frame of 60 MB, of which only a part comes.
    const raw = socketOf(worker);
    raw.write(Buffer.from([0x81, 0xff, 0, 0, 0, 0, 3, 0x93, 0x87, 0, 1, 2, 3, 4]));
    raw.write(Buffer.alloc(5 * MB));
    await until(() => worker.closed);
    await run.line(/was lost: more than 4 MB came before its hello/);
    await run.kill();
  });

  test('floods the log and the connection: others are not delayed, and the log is bounded', async () => {
    const { group, run, url } = await remoteGroup(redis.url, IMPATIENT);
    const flood = await RawWorker.connect(url, { name: 'flood', onDelivery: echo });
    const line = JSON.stringify({ jsonrpc: '2.0', method: 'log', params: { level: 'info', msg: 'flood' } });
    const late = JSON.stringify({ jsonrpc: '2.0', id: 'nonsense/1', result: 1 });
    let flooding = true;
    const more = () => {
      if (!flooding) return;
      if (flood.socket.bufferedAmount < MB)
        for (let i = 0; i < 500; i++) flood.socket.send(i % 2 === 0 ? line : late);
      setTimeout(more, 5);
    };
    more();
    await run.line(/flood at .* logs too much: [\d,]+ lines were dropped/);
    await goesOn(group, url, 0);
    flooding = false;
    const lines = logOf(run).filter(({ msg }) => msg === 'flood');
    expect(lines.length).toBeGreaterThan(0);
    expect(logOf(run, 40).some(({ msg }) => msg.includes('heartbeats fail'))).toBe(false);
    flood.kill();
    await run.kill();
  });
});

describe('a worker that is silent', () => {
  test('stops reading, with half a message sent: others have its messages after the lease', async () => {
    const { group, run, url } = await remoteGroup(redis.url, [...IMPATIENT, '--backoff', '10ms']);
    const stopped = await RawWorker.connect(url, { name: 'stopped', concurrency: 2 });
    await group.publish(2);
    await stopped.has(2);
    const raw = socketOf(stopped);
    // The head of a text frame of 1,000 bytes with its mask, and a few of them.
    raw.write(Buffer.from([0x81, 0xfe, 0x03, 0xe8, 1, 2, 3, 4, 0x7a]));
    raw.pause();
    const other = await RawWorker.connect(url, { name: 'other', concurrency: 2, onDelivery: echo });
    await other.has(2);
    await group.settled(2);
    await run.line(/"msg":"worker stopped at .* was lost: it was silent for 1000 ms"/);
    raw.resume();
    await until(() => stopped.closed);
    // It wants to go on: none of what it holds counts.
    const holds = stopped.deliveries.map(({ deliveryId }) => deliveryId);
    const back = await RawWorker.connect(url, { name: 'stopped', holds });
    expect(back.hello?.result?.resumed).toEqual([]);
    expect(back.consumerId).not.toBe(stopped.consumerId);
    back.answer(String(holds[0]), { late: true });
    await until(() => back.notifications('cancel').length === 1);
    expect(await group.outputs()).toHaveLength(2);
    await run.kill();
  });

  test('only says pings: an idle connection carries something each heartbeat, in both directions', async () => {
    const { group, run, url } = await remoteGroup(redis.url, IMPATIENT);
    const worker = await RawWorker.connect(url, { onDelivery: echo });
    let pings = 0;
    worker.socket.on('ping', () => {
      pings++;
    });
    await until(() => pings >= 8, { what: 'pings for longer than the lease' });
    expect(worker.closed).toBeUndefined();
    await group.publish(1);
    await group.settled(1);
    await run.kill();
  });

  test('reads nothing of large messages: what waits for it is bounded', async () => {
    const { group, run, url } = await remoteGroup(redis.url);
    const worker = await RawWorker.connect(url, { name: 'slow', concurrency: 1_000 });
    socketOf(worker).pause();
    // Signs of life.
    const alive = setInterval(() => worker.socket.ping(), 200);
    onTestFinished(() => clearInterval(alive));
    const text = 'x'.repeat(MB);
    for (let i = 0; i < 40; i++)
      await group.raw.publish(group.space.channel, JSON.stringify({ message_id: `large${i}`, text }));
    const other = await RawWorker.connect(url, { name: 'other', concurrency: 10, onDelivery: echo });
    await other.has(3);
    socketOf(worker).resume();
    await until(() => worker.deliveries.length > 0);
    for (const delivery of worker.deliveries) echo(delivery, worker);
    worker.socket.on('message', () => {
      const last = worker.deliveries.at(-1);
      if (last) echo(last, worker);
    });
    await group.settled(40, 20_000);
    await run.kill();
  });
});

test('a hundred workers come at once, work, and leave', async () => {
  const { group, run, url } = await remoteGroup(redis.url);
  const workers = await Promise.all(
    Array.from({ length: 100 }, (_, i) =>
      RawWorker.connect(url, { name: `w${i % 7}`, concurrency: 10, onDelivery: echo }),
    ),
  );
  await until(async () => (await group.listed()).length === 100);
  await group.publish(5_000);
  await group.settled(5_000, 30_000);
  expect(new Set((await group.outputs()).map(({ messageId }) => messageId)).size).toBe(5_000);
  await Promise.all(workers.map((worker) => worker.close()));
  await until(async () => (await group.listed()).length === 0, { what: 'all to leave the list' });
  await run.kill();
});

/** The socket below a WebSocket. */
function socketOf({ socket }: RawWorker): Socket {
  return (socket as unknown as { _socket: Socket })._socket;
}
