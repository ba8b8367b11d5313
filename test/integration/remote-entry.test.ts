import { connect, type Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { echo, RawWorker, remoteGroup } from '../helpers/raw-worker.js';
import { withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const redis = withRedis();
const TOKEN = 'correct-horse-battery';

describe('a worker that is let in or not', () => {
  test('needs the token, the right path, and an origin of this server, if any', async () => {
    const { run, url } = await remoteGroup(redis.url, ['--http-token', TOKEN]);
    const refused = (options: Parameters<typeof RawWorker.open>[1]) => RawWorker.open(url, options);
    await expect(refused({})).rejects.toThrow('401');
    await expect(refused({ token: 'wrong-horse-battery' })).rejects.toThrow('401');
    await expect(refused({ token: TOKEN, headers: { origin: 'http://evil.example' } })).rejects.toThrow(
      '403',
    );
    await expect(refused({ token: TOKEN, headers: { origin: 'null' } })).rejects.toThrow('403');
    await expect(refused({ token: TOKEN, headers: { 'sec-fetch-site': 'cross-site' } })).rejects.toThrow(
      '403',
    );
    // What is no WebSocket for workers gets the usual answer.
    await expect(RawWorker.open(`${url}/none`, { token: TOKEN })).rejects.toThrow('404');
    await expect(RawWorker.open(`${url}/api/status?`, { token: TOKEN })).rejects.toThrow('200');
    await RawWorker.connect(url, { token: TOKEN });
    await RawWorker.connect(url, { token: TOKEN, headers: { origin: url } });
    const plain = await fetch(`${url}/workers`, { headers: { authorization: `Bearer ${TOKEN}` } });
    expect([plain.status, await plain.json()]).toEqual([
      426,
      { error: 'remote workers connect with a WebSocket' },
    ]);
    await run.kill();
  });

  test('is refused under a foreign host name without a token, and gets the reason', async () => {
    const { run, url } = await remoteGroup(redis.url);
    await expect(RawWorker.open(url, { headers: { host: 'evil.example' } })).rejects.toThrow('421');
    const { socket, answer } = answersOf(url);
    socket.write(upgrade({ host: 'evil.example' }));
    await until(() => socket.closed, { what: 'the connection to be closed' });
    expect(answer()).toMatch(/^HTTP\/1.1 421 Misdirected Request\r\n/);
    expect(answer()).toContain('{"error":"unknown host name');
    await run.kill();
  });

  test('leaves the usual answers to clients that offer HTTP/2 as curl and Java do', async () => {
    const { run, url } = await remoteGroup(redis.url, ['--http-token', TOKEN]);
    const get = (path: string, token = TOKEN) =>
      [
        `GET ${path} HTTP/1.1`,
        'Host: 127.0.0.1',
        `Authorization: Bearer ${token}`,
        'Connection: Upgrade, HTTP2-Settings',
        'Upgrade: h2c',
        'HTTP2-Settings: AAEAAEAAAAIAAAABAAMAAABkAAQBAAAAAAUAAEAA',
        '',
        '',
      ].join('\r\n');
    const { socket, answer } = answersOf(url);
    const answers = () => answer().match(/HTTP\/1\.1 \d+ .*/g) ?? [];
    // On one connection, one after the other: it is kept, as without an upgrade.
    for (const [at, path] of ['/metrics', '/healthz', '/metrics', '/workers', '/none'].entries()) {
      socket.write(get(path));
      await until(() => answers().length === at + 1, { what: `an answer of ${path}` });
    }
    expect(answers().map((line) => line.split(' ')[1])).toEqual(['200', '200', '200', '426', '404']);
    expect(answer()).toContain('cgroup_workers');
    // Those of one packet, too many of them, and those that may not be answered.
    const wrong = answersOf(url);
    wrong.socket.write(get('/metrics', 'wrong-horse-battery'));
    await until(() => wrong.socket.closed);
    expect(wrong.answer()).toMatch(/^HTTP\/1\.1 401 /);
    const body = answersOf(url);
    body.socket.write(
      get('/metrics').replace('GET', 'POST').replace(/\r\n$/, 'Content-Length: 3\r\n\r\nabc'),
    );
    await until(() => body.socket.closed);
    expect(body.answer()).toMatch(/^HTTP\/1\.1 405 /);
    const many = answersOf(url);
    many.socket.write(get('/metrics'));
    many.socket.write(get('/metrics').repeat(50));
    await until(() => many.socket.closed);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    await run.kill();
  });

  test('keeps its connection longer than idle ones of http, and has other limits than requests', async () => {
    const { group, run, url } = await remoteGroup(redis.url, ['--log-level', 'debug']);
    // A frame that would look like many requests.
    const worker = await RawWorker.connect(url, { onDelivery: echo });
    worker.send({
      method: 'log',
      params: { level: 'info', msg: 'x' },
      pad: '\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n',
    });
    worker.socket.send(
      `${'\n\n'.repeat(100)}{"jsonrpc":"2.0","method":"log","params":{"level":"info","msg":"breaks"}}`,
    );
    await run.line(/"msg":"breaks"/);
    // More connections than http takes: the longest idle ones are dropped.
    const sockets = Array.from({ length: 600 }, () => rawSocket(url));
    await until(() => sockets.some(({ closed }) => closed));
    await group.publish(1);
    await group.settled(1);
    expect(worker.closed).toBeUndefined();
    for (const socket of sockets) socket.destroy();
    await run.kill();
  });

  test('is refused while the group starts, and when it stops', async () => {
    const { group, run, url } = await remoteGroup(redis.url, ['--shutdown-timeout', '2s']);
    const worker = await RawWorker.connect(url);
    await group.publish(1);
    await worker.has(1);
    const stopped = run.kill();
    await until(() => worker.notifications('quiet').length > 0);
    const late = await RawWorker.connect(url).catch((error: unknown) => String(error));
    expect(late).toMatch(/503|the group stops|ECONNREFUSED/);
    await stopped;
  });
});

function rawSocket(url: string): Socket {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {});
  onTestFinished(() => {
    socket.destroy();
  });
  return socket;
}

/** A connection, and all that the server has sent on it. */
function answersOf(url: string) {
  const socket = rawSocket(url);
  let text = '';
  socket.on('data', (data) => {
    text += String(data);
  });
  return { socket, answer: () => text };
}

function upgrade({ host }: { host: string }): string {
  const headers = [
    `Host: ${host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  ];
  return ['GET /workers HTTP/1.1', ...headers, '', ''].join('\r\n');
}
