import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { ConsumerGroup } from '../../src/index.js';
import { cgroup } from '../helpers/cli.js';
import { groupOn, type TestGroup } from '../helpers/group.js';
import { addressOf } from '../helpers/http.js';
import { withRedis } from '../helpers/redis.js';
import { entriesOf, logOf } from '../helpers/running.js';
import { answerJson, freePort, listenerOf, type ServiceRequest, serviceOn } from '../helpers/service.js';
import { until } from '../helpers/until.js';

const redis = withRedis();
const MB = 2 ** 20;

/** What the service does with a message, by its property `do`. */
const does: Record<string, (request: ServiceRequest) => void> = {
  object: (request) => answerJson(request, { ...request.message, seen: true }),
  text: (request) => answerJson(request, 'done'),
  exact: ({ response }) => response.end('{"big": 12345678901234567891, "price": 1.10}'),
  created: ({ response }) => response.writeHead(201).end('[]'),
  unchanged: ({ response }) => response.writeHead(204).end(),
  early: ({ response }) => {
    response.writeEarlyHints({ link: '</a>; rel=preload' });
    response.end('1');
  },
  slowly: ({ response }) => {
    response.write('{"a"');
    setImmediate(() => response.end(':1}'));
  },
  secondTime: (request) => {
    if (request.attempt === 1) request.response.writeHead(500).end();
    else answerJson(request, request.attempt);
  },

  notFound: ({ response }) => response.writeHead(404).end('no such order'),
  invalid: ({ response }) => response.writeHead(422).end('{"detail":"no count"}'),
  hangingRefusal: ({ response }) => response.writeHead(400).write('because'),
  endlessRefusal: ({ response }) => {
    response.writeHead(403);
    for (let count = 0; count < 8; count++) response.write('x'.repeat(MB));
  },

  broken: ({ response }) => response.writeHead(500).end('out of luck'),
  tooMany: ({ response }) => response.writeHead(429, { 'retry-after': '0' }).end(),
  empty: ({ response }) => response.writeHead(202).end(),
  page: ({ response }) => response.setHeader('content-type', 'text/html').end('<html>'),
  loop: ({ response }) => response.writeHead(307, { location: '/process' }).end(),
  reset: ({ raw }) => raw.socket.destroy(),
  half: ({ response }) => {
    response.setHeader('content-length', 100).write('{"a":1');
    setImmediate(() => response.socket?.destroy());
  },
  huge: ({ response }) => response.setHeader('content-length', 65 * MB).write('['),
  hugeInChunks: ({ response }) => {
    const more = () => {
      while (!response.destroyed && response.write('x'.repeat(MB)));
    };
    response.on('drain', more);
    more();
  },
  never: () => {},
  neverEnds: ({ response }) => response.write('{"a":'),
};

const results: [does: string, data: string][] = [
  ['object', '{"message_id":"object","do":"object","seen":true}'],
  ['text', '"done"'],
  ['exact', '{"big": 12345678901234567891, "price": 1.10}'],
  ['created', '[]'],
  ['unchanged', '{"message_id":"unchanged", "do":"unchanged", "big":12345678901234567891}'],
  ['early', '1'],
  ['slowly', '{"a":1}'],
  ['secondTime', '2'],
];
const refused: [does: string, error: string | RegExp][] = [
  ['notFound', 'the service answered 404: no such order'],
  ['invalid', 'the service answered 422: {"detail":"no count"}'],
  ['hangingRefusal', 'the service answered 400: because'],
  ['endlessRefusal', /^the service answered 403: x{1000}$/],
];
const failures: [does: string, error: string | RegExp][] = [
  ['broken', 'the service answered 500: out of luck'],
  ['tooMany', 'the service answered 429'],
  ['empty', /^the service answered 202 without a body: answer with JSON, or with 204/],
  ['page', /^the service answered 200 with a body that is no JSON: /],
  ['loop', 'the service answered 307, which points to /process: redirects are not followed, so use that URL'],
  ['reset', /^the service closed the connection without an answer: look for an exception in its log$/],
  ['half', /^the connection to the service broke within the answer: /],
  ['huge', 'the answer of the service is larger than 64 MB'],
];
const late: [does: string, error: string | RegExp][] = [
  ['never', 'no answer of the service within 700 ms'],
  ['neverEnds', 'no end of the answer of the service within 700 ms'],
];

const flagsFor = (url: string, ...more: string[]) => ['-p', url, '--backoff', '100ms', ...more];

async function publish({ raw, space }: TestGroup, ...texts: string[]): Promise<void> {
  for (const text of texts) await raw.publish(space.channel, text);
}

async function fieldsOf(group: TestGroup, stream: string): Promise<Record<string, string>[]> {
  const entries = await entriesOf(group.raw, stream);
  return entries.map((entry) =>
    Object.fromEntries(Object.entries(entry).map(([name, value]) => [name, `${value}`])),
  );
}

test('each answer has its outcome', async () => {
  const service = await serviceOn((request) => does[String(request.message.do)]?.(request));
  const group = await groupOn(redis.url);
  const run = await group.start(
    flagsFor(service.url, '-n', '2', '--concurrency', '4', '--max-attempts', '2', '--timeout', '700ms'),
  );
  const all = [...results, ...refused, ...failures, ...late].map(([name]) => name);
  await publish(
    group,
    ...all.map((name) =>
      name === 'unchanged' ? String(results[4]?.[1]) : JSON.stringify({ message_id: name, do: name }),
    ),
    'no json',
  );
  await group.settled(all.length + 1, 25_000);
  const output = new Map(
    (await fieldsOf(group, group.space.output)).map((one) => [one.message_id, one.data]),
  );
  expect(Object.fromEntries(output)).toEqual(Object.fromEntries(results));
  const dead = new Map(
    (await fieldsOf(group, group.keys.dead)).map((one) => [
      one.reason === 'invalid-json' ? 'no json' : String(JSON.parse(String(one.message)).message_id),
      one,
    ]),
  );
  expect([...dead.keys()].sort()).toEqual(
    [...refused, ...failures, ...late]
      .map(([name]) => name)
      .concat('no json')
      .sort(),
  );
  const matching = (error: string | RegExp) =>
    typeof error === 'string' ? error : expect.stringMatching(error);
  for (const [name, error] of refused)
    expect(dead.get(name), name).toMatchObject({ reason: 'failed', attempts: '1', error: matching(error) });
  for (const [name, error] of failures)
    expect(dead.get(name), name).toMatchObject({ reason: 'failed', attempts: '2', error: matching(error) });
  for (const [name, error] of late)
    expect(dead.get(name), name).toMatchObject({ reason: 'timeout', attempts: '2', error: matching(error) });
  // One request per attempt, whatever happened to it.
  const attempts = service.requests.map(({ inboxId, attempt }) => `${inboxId} ${attempt}`);
  expect(new Set(attempts).size).toBe(attempts.length);
  const invalid = ['text', 'loop', 'reset', 'half'].map((name) =>
    service.requests.filter(({ message }) => message.do === name).map(({ attempt }) => attempt),
  );
  expect(invalid).toEqual([[1], [1, 2], [1, 2], [1, 2]]);
  expect((await run.kill()).code).toBe(0);
});

test('an answer that never ends is refused once it is too large', async () => {
  const service = await serviceOn((request) => does.hugeInChunks?.(request));
  const group = await groupOn(redis.url);
  const run = await group.start(flagsFor(service.url, '-n', '1', '--max-attempts', '1'));
  await group.publish(1);
  await group.settled(1, 25_000);
  expect(await fieldsOf(group, group.keys.dead)).toMatchObject([
    { error: 'the answer of the service is larger than 64 MB' },
  ]);
  expect((await run.kill()).code).toBe(0);
});

test('the service gets the message as it was published, with headers of CloudEvents', async () => {
  const service = await serviceOn((request) => does.secondTime?.(request));
  const group = await groupOn(redis.url, { ...redis.namespace(), channel: 'Aufträge "1" 100%' });
  const url = service.url.replace('//', '//me:s%C3%A9cret-word@');
  const run = await group.start(flagsFor(`${url}?v=2`, '-n', '1', '--timeout', '5s', '--log-level', 'debug'));
  const text = '{ "message_id": 12345678901234567891,\n "name": "Zoë 🎉" }';
  await publish(group, text);
  await group.settled(1);
  const [first, second] = service.requests;
  expect(first).toMatchObject({ text, attempt: 1, raw: { method: 'POST', url: '/process?v=2' } });
  const [{ inboxId = '' } = {}] = await group.outputs();
  expect(first?.headers).toEqual({
    host: `127.0.0.1:${service.port}`,
    connection: 'keep-alive',
    authorization: `Basic ${Buffer.from('me:sécret-word').toString('base64')}`,
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(text)),
    'ce-id': inboxId,
    'ce-source': 'Auftr%C3%A4ge%20%221%22%20100%25',
    'ce-specversion': '1.0',
    'ce-type': 'cgroup.message',
    'cgroup-attempt': '1',
    'cgroup-deadline-ms': '5000',
  });
  expect(second).toMatchObject({ text, attempt: 2, inboxId });
  expect((await run.kill()).code).toBe(0);
  expect(run.stderr()).not.toMatch(/cret-word|c2VjcmV0|bWU6c/);
});

test('no secret of the URL is shown: not in settings, not in errors, not in the log', async () => {
  const port = await freePort();
  const url = `http://me:secret-word@127.0.0.1:${port}/x?token=secret-word`;
  for (const format of [[], ['--json']]) {
    const shown = cgroup(['start', '-p', url, '--print-config', ...format]);
    expect((await shown.exit).code).toBe(0);
    expect(shown.stdout()).toContain(`http://me:***@127.0.0.1:${port}/x?token=***`);
    expect(shown.stdout()).not.toContain('secret-word');
  }
  const wrong = cgroup(['start', '-p', 'http://me:secret-word@']);
  expect((await wrong.exit).code).toBe(2);
  expect(wrong.stderr()).toMatch(/--processor: must be a whole URL, such as http:\/\/127\.0\.0\.1:8080\//);
  expect(wrong.stderr()).not.toContain('secret-word');
  const group = await groupOn(redis.url);
  const run = await group.start(['-p', url, '--log-level', 'debug']);
  await group.publish(1);
  await run.line(/the service http:\/\/127\.0\.0\.1:\d+\/x is away, and its messages are handed back/);
  expect((await run.kill()).code).toBe(0);
  expect(run.stderr()).not.toContain('secret-word');
});

test('while the service is away, no attempt is counted; it is logged once when that begins, and when it is over', async () => {
  const port = await freePort();
  const group = await groupOn(redis.url);
  const flags = flagsFor(`http://127.0.0.1:${port}/`, '-n', '3', '--concurrency', '5', '--max-attempts', '1');
  const run = await group.start(flags);
  const away = /is away, and its messages are handed back, trying again: connect ECONNREFUSED/;
  await group.publish(100);
  await run.line(away);
  // Handed back, not held: another process could take them.
  await until(async () => (await group.read()).pending === 0);
  await group.publish(100);
  const service = await serviceOn((request) => answerJson(request, request.attempt), { port });
  const reading = await group.settled(200, 20_000);
  expect(reading.counters).toMatchObject({ processed: 200, failed: 0, retried: 0, dead: 0 });
  expect((await group.outputs()).map(({ data }) => data)).toEqual(Array(200).fill(1));
  expect(service.requests).toHaveLength(200);
  expect((await run.kill()).code).toBe(0);
  const told = logOf(run, 40).filter(({ msg }) => away.test(msg));
  expect(told).toHaveLength(1);
  expect(logOf(run).filter(({ msg }) => /^the service \S+ is back after \d+\.\d s$/.test(msg))).toHaveLength(
    1,
  );
});

test('a process whose service is away is not ready; status and doctor say why', async () => {
  const port = await freePort();
  const group = await groupOn(redis.url);
  const run = await group.start(flagsFor(`http://127.0.0.1:${port}/`, '--http', '0'));
  const url = await addressOf(run);
  const reason = 'its processor cannot be started or reached: its log says why';
  const reasons = async () =>
    ((await (await fetch(`${url}/readyz`)).json()) as { reasons: string[] }).reasons;
  const textOf = async (command: string) => {
    const one = cgroup([command, ...group.flags]);
    await one.exit;
    return one.stdout();
  };
  expect(await textOf('status')).not.toContain('cannot be started');
  await group.publish(3);
  await until(async () => (await reasons()).includes(reason));
  await until(async () => (await textOf('status')).includes('the processor cannot be started or reached: '));
  expect(await textOf('doctor')).toMatch(/the processor of \S+ cannot be started or reached/);

  await serviceOn((request) => answerJson(request, 1), { port });
  await group.settled(3, 20_000);
  await until(async () => !(await reasons()).includes(reason));
  await until(async () => !(await textOf('status')).includes('cannot be started'));
  await run.kill();
});

test('a process stays not ready while one message probes whether its service is back', async () => {
  const service = await serviceOn(({ response }) => {
    // The sixth request is the probe: it is open until the service answers it.
    if (service.requests.length <= 5) response.writeHead(503).end();
  });
  const group = await groupOn(redis.url);
  const run = await group.start(flagsFor(service.url, '--http', '0', '--max-attempts', '9'));
  const url = await addressOf(run);
  await group.publish(1);
  await until(() => service.requests.length === 6);
  const probed = await fetch(`${url}/readyz`);
  expect([probed.status, await probed.text()]).toEqual([
    503,
    expect.stringContaining('its processor cannot'),
  ]);
  const probe = service.requests[5] as ServiceRequest;
  answerJson(probe, 1);
  await until(async () => (await fetch(`${url}/readyz`)).status === 200);
  await run.kill();
});

test('messages of a service that is away for one process are done by another', async () => {
  const service = await serviceOn((request) => does.object?.(request));
  const group = await groupOn(redis.url);
  const lost = await group.start(flagsFor(`http://127.0.0.1:${await freePort()}/`, '--max-attempts', '1'));
  await group.publish(50);
  await lost.line(/is away/);
  const run = await group.start(flagsFor(service.url, '--max-attempts', '1'));
  expect((await group.settled(50)).counters).toMatchObject({ processed: 50, failed: 0, dead: 0 });
  for (const one of [lost, run]) expect((await one.kill()).code).toBe(0);
});

test('a gateway without its service costs few attempts, not one of each message', async () => {
  let up = false;
  const service = await serviceOn((request) => {
    if (up) answerJson(request, request.attempt);
    else request.response.writeHead(503).end();
  });
  const group = await groupOn(redis.url);
  const run = await group.start(flagsFor(service.url, '-n', '4'));
  await group.publish(300);
  await run.line(
    /the service \S+ fails, and its messages are handed back, trying again: the service answered 503/,
  );
  await until(() => service.requests.length >= 7, { what: 'two probes' });
  // Five in a row, up to three beside them, and the probes.
  expect(service.requests.length).toBeLessThanOrEqual(5 + 3 + 3);
  up = true;
  const { counters } = await group.settled(300, 20_000);
  expect(counters).toMatchObject({ processed: 300, dead: 0 });
  expect(counters.failed).toBeLessThanOrEqual(5 + 3 + 4);
  expect((await run.kill()).code).toBe(0);
});

test('a service that closes its connections without a word gets each attempt at most once', async () => {
  const service = await serviceOn((request) => {
    const { socket } = request.response;
    // The next request may be on its way.
    request.response.on('finish', () => socket?.end());
    answerJson(request, request.attempt);
  });
  const group = await groupOn(redis.url);
  const run = await group.start(flagsFor(service.url, '-n', '2', '--concurrency', '3'));
  await group.publish(400);
  const { counters } = await group.settled(400, 20_000);
  expect(counters).toMatchObject({ processed: 400, dead: 0 });
  const attempts = service.requests.map(({ inboxId, attempt }) => `${inboxId} ${attempt}`);
  expect(new Set(attempts).size).toBe(attempts.length);
  expect(counters.failed).toBeLessThan(40);
  expect((await run.kill()).code).toBe(0);
});

test('a service that closes the connection without an answer is not called away: the log says where to look', async () => {
  const service = await serviceOn(({ response }) => void response.socket?.end());
  const group = await groupOn(redis.url);
  const run = await group.start(flagsFor(service.url, '--max-attempts', '1'));
  await group.publish(8);
  const why = 'the service closed the connection without an answer: look for an exception in its log';
  await run.line(/the service \S+ fails, and its messages are handed back/);
  expect(run.stderr()).toContain(`trying again: ${why}`);
  expect(run.stderr()).not.toContain('is away');
  await run.kill();
});

test('there are as many connections as attempts at a time', async () => {
  const service = await serviceOn((request) => answerJson(request, 1));
  let connections = 0;
  service.server.on('connection', () => connections++);
  const group = await groupOn(redis.url);
  const run = await group.start(flagsFor(service.url, '-n', '2', '--concurrency', '5'));
  await group.publish(2_000);
  expect((await group.settled(2_000)).counters.failed).toBe(0);
  expect(connections).toBe(10);
  expect((await run.kill()).code).toBe(0);
});

test('Retry-After is the wait until the next attempt', async () => {
  const times: number[] = [];
  const service = await serviceOn((request) => {
    times.push(Date.now());
    if (request.attempt === 1) request.response.writeHead(429, { 'retry-after': '1' }).end();
    else answerJson(request, 1);
  });
  const group = await groupOn(redis.url);
  const run = await group.start(['-p', service.url, '--backoff', '30s']);
  await group.publish(1);
  await group.settled(1);
  const [first = 0, second = 0] = times;
  expect(second - first).toBeGreaterThanOrEqual(990);
  expect((await run.kill()).code).toBe(0);
});

test('a stop aborts a request that hangs, and hands its message back', async () => {
  let hang = true;
  const closed: number[] = [];
  const service = await serviceOn((request) => {
    if (!hang) return answerJson(request, request.attempt);
    request.response.on('close', () => closed.push(request.attempt));
  });
  const group = await groupOn(redis.url);
  const first = await group.start(flagsFor(service.url, '-n', '1', '--shutdown-timeout', '1s'));
  await group.publish(1);
  await until(() => service.requests.length === 1);
  expect((await first.kill()).code).toBe(0);
  await until(() => closed.length === 1);
  hang = false;
  const second = await group.start(flagsFor(service.url, '-n', '1', '--max-attempts', '1'));
  expect((await group.settled(1)).counters).toMatchObject({ processed: 1, failed: 0 });
  expect((await second.kill()).code).toBe(0);
});

test('a certificate is trusted with NODE_EXTRA_CA_CERTS; without it no attempt is counted, and the log says what to set', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'cgroup-service-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const files = ['-nodes', '-days', '2', '-keyout', key, '-out', cert];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', ...subject, ...files], { stdio: 'ignore' });
  const listener = listenerOf([], (request) => answerJson(request, 'over TLS'));
  const server = createSecureServer({ cert: readFileSync(cert), key: readFileSync(key) }, listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const group = await groupOn(redis.url);
  const flags = ['-p', `https://localhost:${(server.address() as AddressInfo).port}/`, '--max-attempts', '1'];
  const lost = await group.start(flags);
  await group.publish(3);
  await lost.line(
    /is away.*self-signed certificate: if this certificate is right, set the variable NODE_EXTRA/,
  );
  expect((await lost.kill()).code).toBe(0);
  const run = await group.start(flags, { env: { NODE_EXTRA_CA_CERTS: cert } });
  expect((await group.settled(3)).counters).toMatchObject({ processed: 3, failed: 0, dead: 0 });
  expect((await run.kill()).code).toBe(0);
});

test('the library takes a URL, or its text', async () => {
  const service = await serviceOn((request) => answerJson(request, 'done'));
  const space = redis.namespace();
  for (const processor of [new URL(service.url), service.url]) {
    const group = new ConsumerGroup({ ...space, size: 1, processor });
    expect(group.settings.processor).toBe(service.url);
    await group.start();
    const before = service.requests.length;
    await (await groupOn(redis.url, space)).publish(1);
    await until(() => service.requests.length > before);
    await group.stop();
  }
});

/** Answers whatever comes with these bytes. */
async function rawService(bytes: string): Promise<string> {
  const server = createServer((socket: Socket) => {
    socket.on('error', () => {}).once('data', () => socket.write(bytes));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

test.each([
  [
    'rubbish',
    'SSH-2.0-OpenSSH_9.2\r\n',
    /broke before the answer: Response does not match the HTTP\/1\.1 protocol/,
  ],
  [
    'endless headers',
    `HTTP/1.1 200 OK\r\n${`x-a: ${'a'.repeat(1_000)}\r\n`.repeat(100)}`,
    /Headers Overflow/,
  ],
  ['an upgrade', 'HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n', /bad upgrade/],
])('%s is a failed attempt that says so', async (_, bytes, error) => {
  const group = await groupOn(redis.url);
  const run = await group.start([...flagsFor(await rawService(bytes)), '--max-attempts', '1', '-n', '1']);
  await group.publish(1);
  await group.settled(1);
  expect(await fieldsOf(group, group.keys.dead)).toMatchObject([{ error: expect.stringMatching(error) }]);
  expect((await run.kill()).code).toBe(0);
});
