import { createServer, type Server } from 'node:http';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Context } from '../../../src/processor/context.js';
import type { RemoteWorkerOptions } from '../../../src/worker/options.js';
import { RemoteWorker } from '../../../src/worker/remote-worker.js';
import { FakeGroup } from '../../helpers/fake-group.js';
import { freePort } from '../../helpers/http.js';
import { until } from '../../helpers/until.js';

/** A worker that ends with the test, and its log. */
function makeWorker(options: RemoteWorkerOptions) {
  const lines: { level: string; text: string }[] = [];
  const line = (level: string) => (_fields: object, text: string) => void lines.push({ level, text });
  const logger = {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    child: () => logger,
  };
  const worker = new RemoteWorker({ name: 'w', logger, ...options });
  onTestFinished(() => worker.stop());
  const says = (pattern: RegExp, level = 'warn') =>
    until(() => lines.find((one) => one.level === level && pattern.test(one.text)), {
      what: `${pattern} in the log`,
    });
  return { worker, lines, says };
}

/** A processor whose attempts end when the test says so. */
function slowProcessor() {
  const running = new Map<string, { end: (result: unknown) => void; context: Context }>();
  const processor = (message: { message_id: string | number }, context: Context) =>
    new Promise((end) => running.set(String(message.message_id), { end, context }));
  const attempt = (id: string) => until(() => running.get(id), { what: `an attempt of ${id}` });
  return { processor, running, attempt };
}

describe('a worker', () => {
  it('says hello with its name, concurrency and token, and answers deliveries', async () => {
    const group = await FakeGroup.open();
    const { worker } = makeWorker({
      connect: group.url,
      token: 'a token of many letters'.replaceAll(' ', '-'),
      concurrency: 7,
      processor: (message, { consumerId, attempt, inboxId }) => ({
        ...message,
        consumerId,
        attempt,
        inboxId,
      }),
    });
    const connected = new Promise((done) => worker.once('connected', done));
    await worker.start();
    const connection = await group.connection();
    expect(connection.hello).toMatchObject({ name: 'w', concurrency: 7, protocol: 1, holds: [] });
    expect(connection.request.headers.authorization).toBe('Bearer a-token-of-many-letters');
    expect(await connected).toEqual({
      url: group.url,
      group: 'cgroup',
      channel: 'messages:published',
      consumerId: 'fake-1',
    });
    connection.give('p/1', { message_id: 'm', n: 1 }, { attempt: 3 });
    await until(() => 'p/1' in connection.answers);
    expect(connection.answers['p/1']).toEqual({
      message_id: 'm',
      n: 1,
      consumerId: 'fake-1',
      attempt: 3,
      inboxId: 'p/1-0',
    });
  });

  it('tells of failed attempts and of messages that are given up', async () => {
    const group = await FakeGroup.open();
    const { worker } = makeWorker({
      connect: group.url,
      processor: ({ message_id }, { deadLetter }) => {
        if (message_id === 'bad') deadLetter('never');
        throw new Error('not now');
      },
    });
    await worker.start();
    const connection = await group.connection();
    connection.give('p/1', { message_id: 'bad' });
    connection.give('p/2', { message_id: 'good' });
    connection.give('p/3', { no: 'id' });
    await until(() => Object.keys(connection.answers).length === 3);
    expect(connection.answers).toEqual({
      'p/1': { error: 'never', dead: true, retryAfter: undefined },
      'p/2': { error: 'not now', dead: false, retryAfter: undefined },
      'p/3': { error: 'the message has no message_id', dead: true, retryAfter: undefined },
    });
  });

  it('aborts an attempt that the group cancels, and does not answer it', async () => {
    const group = await FakeGroup.open();
    const slow = slowProcessor();
    const { worker } = makeWorker({ connect: group.url, processor: slow.processor, concurrency: 2 });
    await worker.start();
    const connection = await group.connection();
    connection.give('p/1', { message_id: 'a' });
    connection.give('p/2', { message_id: 'b' });
    const [a, b] = [await slow.attempt('a'), await slow.attempt('b')];
    connection.cancel('p/1', 'no answer within 5 ms');
    await until(() => a.context.signal.aborted);
    expect(a.context.signal.reason.message).toBe('no answer within 5 ms');
    a.end('late');
    b.end('done');
    await until(() => 'p/2' in connection.answers);
    expect(connection.answers).toEqual({ 'p/2': 'done' });
  });

  it('answers what it does not understand with an error, and goes on', async () => {
    const group = await FakeGroup.open();
    const { worker, says } = makeWorker({ connect: group.url, processor: () => 1 });
    await worker.start();
    const connection = await group.connection();
    for (const text of ['{', '[]', '{"jsonrpc":"2.0","id":4,"method":"dance"}']) connection.ws.send(text);
    connection.ws.send('{"jsonrpc":"2.0","method":"process","params":{}}');
    connection.give('p/1', { message_id: 'm' });
    await until(() => 'p/1' in connection.answers);
    const errors = connection.received.filter(({ kind }) => kind === 'invalid' || kind === 'failure');
    expect(errors).toMatchObject([
      { kind: 'invalid', error: expect.stringContaining('not JSON') },
      { kind: 'invalid', error: expect.stringContaining('batches') },
      { kind: 'failure', deliveryId: '4', error: expect.stringContaining('no method "dance"') },
    ]);
    await says(/does not understand/);
  });

  it('keeps working for each of several processes', async () => {
    const groups = [await FakeGroup.open(), await FakeGroup.open()];
    const { worker } = makeWorker({ connect: groups.map(({ url }) => url), processor: () => 1 });
    await worker.start();
    for (const group of groups) {
      const connection = await group.connection();
      connection.give('p/1', { message_id: 'm' });
      await until(() => 'p/1' in connection.answers);
    }
  });
});

describe('a worker that loses its connection', () => {
  it('comes back with what it holds, and sends the answers that still count', async () => {
    const group = await FakeGroup.open({
      consumerId: () => 'fake',
      resumed: (holds) => holds.filter((id) => id !== 'p/3'),
    });
    const slow = slowProcessor();
    const { worker } = makeWorker({ connect: group.url, processor: slow.processor, concurrency: 3 });
    await worker.start();
    const first = await group.connection();
    for (const [at, id] of ['a', 'b', 'c'].entries()) first.give(`p/${at + 1}`, { message_id: id });
    const [a, b, c] = [await slow.attempt('a'), await slow.attempt('b'), await slow.attempt('c')];
    const lost = new Promise((done) => worker.once('disconnected', done));
    first.ws.terminate();
    await lost;
    a.end('a'); // while there is no connection, most likely
    const second = await group.connection(1);
    expect(second.hello?.holds).toEqual(['p/1', 'p/2', 'p/3']);
    await until(() => c.context.signal.aborted);
    b.end('b');
    await until(() => Object.keys(second.answers).length === 2);
    expect(second.answers).toEqual({ 'p/1': 'a', 'p/2': 'b' });
    second.ws.terminate();
    expect((await group.connection(2)).hello?.holds).toEqual([]);
  });

  it('drops what it holds if it is another consumer now', async () => {
    const group = await FakeGroup.open({ resumed: (holds) => [...holds] });
    const slow = slowProcessor();
    const { worker } = makeWorker({ connect: group.url, processor: slow.processor });
    await worker.start();
    const first = await group.connection();
    first.give('p/1', { message_id: 'a' });
    const { context } = await slow.attempt('a');
    first.ws.terminate();
    await until(() => context.signal.aborted);
    const second = await group.connection(1);
    second.give('p/2', { message_id: 'b' }, { consumerId: 'fake-2' });
    const b = await slow.attempt('b');
    expect(b.context.consumerId).toBe('fake-2');
    b.end('b');
  });

  it('drops what it holds at once after an orderly close', async () => {
    const group = await FakeGroup.open({ consumerId: () => 'fake' });
    const slow = slowProcessor();
    const { worker } = makeWorker({ connect: group.url, processor: slow.processor });
    await worker.start();
    const first = await group.connection();
    first.give('p/1', { message_id: 'a' });
    const { context } = await slow.attempt('a');
    first.ws.close(1001);
    await until(() => context.signal.aborted);
    expect((await group.connection(1)).hello?.holds).toEqual([]);
  });

  it('goes on for the lease of the group, and no longer', async () => {
    const group = await FakeGroup.open({ lease: 400 });
    const slow = slowProcessor();
    const { worker } = makeWorker({ connect: group.url, processor: slow.processor });
    await worker.start();
    const first = await group.connection();
    first.give('p/1', { message_id: 'a' });
    const { context } = await slow.attempt('a');
    const began = performance.now();
    await group.end();
    await until(() => context.signal.aborted);
    expect(performance.now() - began).toBeGreaterThan(390);
    expect(context.signal.reason.message).toContain('400 ms');
  });

  it('ends a connection that is silent for the lease, but not one with pings only', async () => {
    const group = await FakeGroup.open({ lease: 200 });
    const { worker, says } = makeWorker({ connect: group.url, processor: () => 1 });
    await worker.start();
    const first = await group.connection();
    const pings = setInterval(() => first.ws.ping(), 50);
    onTestFinished(() => clearInterval(pings));
    let pongs = 0;
    first.ws.on('pong', () => pongs++);
    await until(() => pongs > 12);
    expect(first.closed).toBe(undefined);
    clearInterval(pings);
    await group.connection(1);
    await says(/silent for 200 ms/);
  });

  it('tries again until the group is there, and says so once', async () => {
    const port = await freePort();
    const { worker, says, lines } = makeWorker({
      connect: `ws://127.0.0.1:${port}/workers`,
      processor: () => 1,
    });
    await worker.start();
    await says(/no connection to ws:.*ECONNREFUSED.*does cgroup start run/);
    await until(() => lines.filter(({ level }) => level === 'debug').length > 1);
    const group = await FakeGroup.open({ port });
    await group.connection();
    await says(/^over after .*there is no connection/, 'info');
    expect(lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });
});

describe('a worker that is refused', () => {
  /** A server that answers each request like this. */
  async function answering(status: number, body: string, headers = {}): Promise<string> {
    const server: Server = createServer((_, response) => response.writeHead(status, headers).end(body));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return `ws://127.0.0.1:${(server.address() as { port: number }).port}/workers`;
  }

  it.each([
    [
      401,
      '{"error":"the token is missing"}',
      /refuses.*status 401: the token is missing: set CGROUP_HTTP_TOKEN/,
    ],
    [403, 'no', /refuses.*status 403: a server or proxy/],
    [404, '{}', /refuses.*status 404: .*the path is \/workers.*-p remote/],
    [426, 'x'.repeat(100_000), /refuses.*status 426: .*the path is \/workers/],
    [302, '', /refuses.*status 302/],
    [200, 'hello', /refuses.*status 200/],
    [503, '{"error":"starting"}', /no connection.*status 503: starting/],
  ])('with status %i says what to do', async (status, body, text) => {
    const { worker, says } = makeWorker({ connect: await answering(status, body), processor: () => 1 });
    await worker.start();
    await says(text);
  });

  it('by an error to its hello says so', async () => {
    const group = await FakeGroup.open({ greets: false });
    const { worker, says } = makeWorker({ connect: group.url, processor: () => 1 });
    await worker.start();
    const { ws, received } = await group.connection();
    expect(received).toHaveLength(1);
    ws.send('{"jsonrpc":"2.0","id":"hello","error":{"code":-32602,"message":"params.protocol: wrong"}}');
    ws.close(4400, 'wrong');
    await says(/refuses this worker.*hello is refused: params.protocol: wrong/);
  });
});

describe('a worker that is stopped', () => {
  it('says quiet, finishes what it has and what is on its way, and closes in an orderly way', async () => {
    const group = await FakeGroup.open();
    const slow = slowProcessor();
    const { worker } = makeWorker({ connect: group.url, processor: slow.processor, concurrency: 2 });
    await worker.start();
    const connection = await group.connection();
    connection.give('p/1', { message_id: 'a' });
    const a = await slow.attempt('a');
    const stopped = worker.stop();
    await until(() => connection.received.at(-1)?.kind === 'quiet');
    connection.give('p/2', { message_id: 'b' });
    const b = await slow.attempt('b');
    a.end('a');
    await until(() => 'p/1' in connection.answers);
    b.end('b');
    await stopped;
    await until(() => connection.closed);
    expect(connection.closed?.code).toBe(1000);
    expect(connection.answers).toEqual({ 'p/1': 'a', 'p/2': 'b' });
    await expect(worker.start()).rejects.toMatchObject({ code: 'STATE' });
  });

  it('gives back what does not finish in time: aborted, not answered', async () => {
    const group = await FakeGroup.open();
    const slow = slowProcessor();
    const { worker } = makeWorker({
      connect: group.url,
      processor: slow.processor,
      shutdownTimeout: 300,
    });
    await worker.start();
    const connection = await group.connection();
    connection.give('p/1', { message_id: 'a' });
    const { context } = await slow.attempt('a');
    await worker.stop();
    expect(context.signal.aborted).toBe(true);
    await until(() => connection.closed?.code === 1000);
    expect(connection.answers).toEqual({});
  });

  it('does not wait for a group that is away, or does not answer', async () => {
    const silent = await FakeGroup.open({ greets: false });
    const connect = [`ws://127.0.0.1:${await freePort()}/workers`, silent.url];
    const { worker, says } = makeWorker({ connect, processor: () => 1 });
    await worker.start();
    await silent.connection();
    await says(/ECONNREFUSED/);
    await Promise.all([worker.stop(), worker.stop()]);
    await until(() => silent.connections[0]?.closed);
  });

  it('ends soon if its connection breaks while it finishes', async () => {
    const group = await FakeGroup.open();
    const slow = slowProcessor();
    const { worker } = makeWorker({ connect: group.url, processor: slow.processor });
    await worker.start();
    const connection = await group.connection();
    connection.give('p/1', { message_id: 'a' });
    const { context } = await slow.attempt('a');
    const stopped = worker.stop();
    await until(() => connection.received.at(-1)?.kind === 'quiet');
    connection.ws.terminate();
    await stopped;
    expect(context.signal.aborted).toBe(true);
  });

  it('may be stopped before it started, and while it starts', async () => {
    const { worker } = makeWorker({ connect: 'ws://127.0.0.1:1/workers', processor: () => 1 });
    await worker.stop();
    await expect(worker.start()).rejects.toMatchObject({ code: 'STATE' });
    const group = await FakeGroup.open();
    const other = makeWorker({ connect: group.url, processor: () => 1 });
    const started = other.worker.start();
    await other.worker.stop();
    await started;
    expect(group.connections).toEqual([]);
  });

  it('says why it cannot start', async () => {
    const { worker } = makeWorker({
      connect: 'ws://127.0.0.1:1/workers',
      processor: './none.mjs',
      threads: 0,
    });
    await expect(worker.start()).rejects.toMatchObject({ code: 'PROCESSOR' });
  });
});
