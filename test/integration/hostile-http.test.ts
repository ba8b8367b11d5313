import { connect, type Socket } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { groupOn } from '../helpers/group.js';
import { addressOf, SERVING } from '../helpers/http.js';
import { withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const redis = withRedis();
const TOKEN = 'correct-horse-battery';
const KNOWN = `Authorization: Bearer ${TOKEN}`;
const basic = (text: string) => `Authorization: Basic ${Buffer.from(text).toString('base64')}`;

/** A request, by default with the right Host and token. */
function request(line: string, headers: readonly string[] = [KNOWN], host = 'Host: localhost'): string {
  return [`${line} HTTP/1.1`, ...(host ? [host] : []), ...headers, '', ''].join('\r\n');
}

/** What is sent, and the status code of the answer; 0 if the connection may just end. */
type Hostile = readonly [name: string, code: number, text: string | Buffer];

const big = 'x'.repeat(100_000);
const HOSTILE: readonly Hostile[] = [
  // Paths
  ['climbs up', 404, request('GET /../../../../etc/passwd')],
  ['climbs up, encoded', 404, request('GET /%2e%2e/%2e%2e/etc/passwd')],
  ['climbs up, encoded twice', 404, request('GET /%252e%252e%252fetc/passwd')],
  ['climbs up with backslashes', 404, request('GET /..\\..\\package.json')],
  ['asks for a source', 404, request('GET /server.js')],
  ['asks for a file beside the page', 404, request('GET /page/index.html')],
  ['asks for the settings', 404, request('GET /consumer-group.config.json')],
  ['asks for the environment', 404, request('GET /.env')],
  ['asks for a module', 404, request('GET /node_modules/fastify/package.json')],
  ['is no percent encoding', 400, request('GET /%')],
  ['is no UTF-8', 400, request('GET /%ff%fe')],
  ['holds a null byte', 404, request('GET /%00')],
  ['breaks the line', 404, request('GET /%0d%0aSet-Cookie:%20a=b')],
  ['names a prototype', 404, request('GET /__proto__')],
  ['names a constructor', 404, request('GET /constructor')],
  ['is an absolute address', 400, request('GET http://evil.example/')],
  ['is a name to connect to', 0, request('CONNECT evil.example:443')],
  ['is long', 404, request(`GET /${'a'.repeat(6_000)}`)],
  ['is too long', 431, request(`GET /${big}`)],
  ['is a script', 404, request('GET /<script>alert(1)</script>')],
  ['has two slashes', 404, request('GET //evil.example/')],
  ['wants a query that is none', 400, request('GET /api/dead?before=*')],
  ['wants an id that has no room in 64 bits', 400, request('GET /api/dead?before=18446744073709551616-0')],
  ['wants an id that no entry has', 400, request('GET /api/dead?before=0-0')],
  ['wants a query twice', 400, request('GET /api/dead?before=1-1&before=2-2')],
  ['wants another key', 200, request('GET /api/dead?key=secret')],
  // Methods
  ['posts', 405, request('POST /api/status', [KNOWN, 'Content-Length: 0'])],
  ['puts', 405, request('PUT /', [KNOWN, 'Content-Length: 0'])],
  ['deletes', 405, request('DELETE /api/dead')],
  ['patches', 405, request('PATCH /metrics', [KNOWN, 'Content-Length: 0'])],
  [
    'asks for options, as another origin would',
    405,
    request('OPTIONS /api/status', ['Origin: http://evil.example']),
  ],
  ['traces', 405, request('TRACE /')],
  ['has an unusual method', 405, request('PROPFIND /')],
  ['has a method that is none', 400, request('HACK /')],
  // Headers
  ['has no Host', 400, request('GET /', [KNOWN], '')],
  // The token is enough: a foreign page does not have it.
  ['has another Host: DNS rebinding', 401, request('GET /api/status', [], 'Host: evil.example')],
  ['has the name of a service as Host', 200, request('GET /metrics', [KNOWN], 'Host: cgroup.jobs.svc:9464')],
  ['has two Hosts', 400, request('GET /', [KNOWN], 'Host: localhost\r\nHost: evil.example')],
  ['has a huge header', 431, request('GET /', [KNOWN, `X-Big: ${big}`])],
  [
    'has many headers',
    431,
    request('GET /', [KNOWN, ...Array.from({ length: 5_000 }, (_, i) => `X-${i}: 1`)]),
  ],
  ['folds a header', 400, request('GET /', [KNOWN, 'X-A: 1\r\n and more'])],
  ['has a header that is none', 400, request('GET /', ['no colon'])],
  ['upgrades', 0, request('GET /api/events', [KNOWN, 'Connection: Upgrade', 'Upgrade: websocket'])],
  // Pages of other sites
  ['comes from another site', 403, request('GET /api/status', [KNOWN, 'Sec-Fetch-Site: cross-site'])],
  ['comes from a sibling of this site', 403, request('GET /healthz', [KNOWN, 'Sec-Fetch-Site: same-site'])],
  [
    'would be a frame of another site',
    403,
    request('GET /', [
      KNOWN,
      'Sec-Fetch-Site: cross-site',
      'Sec-Fetch-Mode: navigate',
      'Sec-Fetch-Dest: iframe',
    ]),
  ],
  [
    'follows a link of another site',
    200,
    request('GET /', [
      KNOWN,
      'Sec-Fetch-Site: cross-site',
      'Sec-Fetch-Mode: navigate',
      'Sec-Fetch-Dest: document',
    ]),
  ],
  ['comes from the page itself', 200, request('GET /api/status', [KNOWN, 'Sec-Fetch-Site: same-origin'])],
  ['is typed by the user', 200, request('GET /', [KNOWN, 'Sec-Fetch-Site: none'])],
  // Bodies
  ['brings a huge body', 413, request('GET /', [KNOWN, 'Content-Length: 1000000000']) + big],
  [
    'brings an endless body',
    413,
    `${request('GET /', [KNOWN, 'Transfer-Encoding: chunked'])}fffff\r\n${big}`,
  ],
  [
    'smuggles',
    400,
    `${request('GET /', [KNOWN, 'Content-Length: 4', 'Transfer-Encoding: chunked'])}0\r\n\r\n`,
  ],
  ['lies about its length', 400, request('GET /', [KNOWN, 'Content-Length: -1'])],
  ['says nothing that is HTTP', 400, Buffer.from('16030100a5010000a1030355', 'hex')],
  ['speaks Redis', 400, '*1\r\n$4\r\nINFO\r\n'],
  // Tokens
  ['has no token', 401, request('GET /api/status', [])],
  ['has a wrong token', 401, request('GET /api/status', ['Authorization: Bearer correct-horse-batterz'])],
  ['has an empty token', 401, request('GET /api/status', ['Authorization: Bearer '])],
  [
    'has the beginning of the token',
    401,
    request('GET /metrics', [`Authorization: Bearer ${TOKEN.slice(0, -1)}`]),
  ],
  ['has the token as user', 401, request('GET /', [basic(`${TOKEN}:`)])],
  ['has the token in the address', 401, request(`GET /?token=${TOKEN}`, [])],
  ['has the token in a cookie', 401, request('GET /', [`Cookie: token=${TOKEN}`])],
];

/** For a server without a token. */
const WITHOUT_TOKEN: readonly Hostile[] = [
  ['has another Host: DNS rebinding', 421, request('GET /api/status', [], 'Host: evil.example')],
  ['has another Host, and asks little', 421, request('GET /readyz', [], 'Host: evil.example')],
  ['has a Host that begins like ours', 421, request('GET /', [], 'Host: localhost.evil.example')],
  ['has an empty Host', 421, request('GET /', [], 'Host: ')],
  ['has no Host', 400, request('GET /', [], '')],
  ['has two Hosts', 400, request('GET /', [], 'Host: localhost\r\nHost: evil.example')],
  ['is an absolute address', 400, request('GET http://evil.example/', [])],
];

/** No answer may hold these: secrets, paths of the server, and what was sent. */
const SECRETS = [TOKEN, 'node_modules', '/src/', '/dist/', '    at ', 'root:', 'fastify', 'evil', '<script>'];

function open(address: string): Socket {
  const { hostname, port } = new URL(address);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => {}); // the server may close it at any time
  socket.resume();
  onTestFinished(() => void socket.destroy());
  return socket;
}

/** Sends raw bytes, and returns all that comes back until shortly after the headers, or the end of the connection. */
async function send(address: string, text: string | Buffer): Promise<string> {
  const socket = open(address);
  let answer = '';
  socket.setEncoding('latin1').on('data', (more) => {
    answer += String(more);
  });
  socket.write(text);
  const closed = new Promise<void>((done) => socket.once('close', () => done()));
  const answered = until(() => answer.includes('\r\n\r\n'), { timeout: 8_000 }).then(
    () => new Promise((done) => setTimeout(done, 50)),
    () => {},
  );
  await Promise.race([closed, answered]);
  socket.destroy();
  return answer;
}

/** All that is wrong with the answers to the requests. */
async function wrongAnswers(address: string, requests: readonly Hostile[]): Promise<string[]> {
  const wrong: string[] = [];
  for (const [name, code, text] of requests) {
    const answer = await send(address, text);
    const got = Number(/^HTTP\/1\.1 (\d+)/.exec(answer)?.[1] ?? 0);
    if (code === 0 ? got === 200 && !answer.includes('event-stream') : got !== code)
      wrong.push(`${name}: ${got || 'no answer'} for ${code}`);
    for (const secret of SECRETS)
      if (answer.toLowerCase().includes(secret.toLowerCase())) wrong.push(`${name}: answers with ${secret}`);
    if (/^(access-control-|set-cookie|server|x-powered-by)/im.test(answer)) wrong.push(`${name}: ${answer}`);
    if ((await fetch(`${address}/healthz`)).status !== 200)
      wrong.push(`${name}: it does not work after that`);
  }
  return wrong;
}

describe('hostile requests', () => {
  test(`${HOSTILE.length} of them are refused, reveal nothing, and leave the server working`, {
    timeout: 90_000,
  }, async () => {
    expect(HOSTILE.length).toBeGreaterThanOrEqual(50);
    const group = await groupOn(redis.url);
    const run = await group.start(['--size', '1', ...SERVING], { env: { CGROUP_HTTP_TOKEN: TOKEN } });
    const address = await addressOf(run);
    expect(await wrongAnswers(address, HOSTILE)).toEqual([]);
    // Nothing of them is in the log either, and the group goes on.
    expect(run.stderr()).not.toMatch(/evil|passwd|"level":(50|60)/);
    expect(run.stderr()).not.toContain(TOKEN);
    await group.publish(10);
    await group.settled(10);
    await run.kill();
  });

  test('that name another host are refused without a token too', async () => {
    const group = await groupOn(redis.url);
    const run = await group.start(['--size', '1', ...SERVING]);
    expect(await wrongAnswers(await addressOf(run), WITHOUT_TOKEN)).toEqual([]);
    await run.kill();
  });

  test('slow and many clients are disconnected, and others are served meanwhile', {
    timeout: 60_000,
  }, async () => {
    const group = await groupOn(redis.url);
    const run = await group.start(['--size', '1', ...SERVING]);
    const address = await addressOf(run);
    let closed = 0;
    /** A client that sends a byte now and then, and never ends its request. */
    const slow = (text: string) => {
      const socket = open(address);
      socket.once('close', () => closed++);
      let at = 0;
      const timer = setInterval(() => socket.write(text[at++ % text.length] ?? ''), 300);
      socket.once('close', () => clearInterval(timer));
    };
    for (let i = 0; i < 50; i++)
      slow('GET / HTTP/1.1\r\nHost: localhost\r\nX-A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa');
    // Clients that send nothing, and clients that send requests and never read.
    for (let i = 0; i < 50; i++) open(address).once('close', () => closed++);
    for (let i = 0; i < 20; i++) {
      const deaf = open(address);
      deaf.pause();
      deaf.write('GET /uplot.js HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(20));
    }
    for (let i = 0; i < 20; i++) expect((await fetch(`${address}/api/status`)).status).toBe(200);
    await until(() => closed >= 100, { timeout: 30_000, what: 'the slow and the silent to be disconnected' });

    // More connections than allowed: the oldest idle ones make room, and closed ones do too.
    const many = Array.from({ length: 700 }, () => open(address));
    await until(() => many.filter(({ destroyed }) => destroyed).length >= 150, {
      what: 'some to be dropped',
    });
    for (const socket of many) socket.destroy();
    await until(async () => (await fetch(`${address}/healthz`)).status === 200, { what: 'an answer again' });
    expect((await fetch(`${address}/readyz`)).status).toBe(200);
    await run.kill();
  });
});

test('refuses an event stream behind another answer: it would not notice that the client is gone', async () => {
  const group = await groupOn(redis.url);
  const run = await group.start(['--size', '1', ...SERVING]);
  const { port } = new URL(await addressOf(run));
  const socket = connect(Number(port), '127.0.0.1');
  onTestFinished(() => void socket.destroy());
  let heard = '';
  socket.on('data', (bytes) => {
    heard += String(bytes);
  });
  socket.write(request('GET /healthz') + request('GET /api/events'));
  await until(() => heard.includes('HTTP/1.1 400'), { what: 'a refusal' });
  expect(heard.startsWith('HTTP/1.1 200')).toBe(true);
  expect(heard).toContain('an event stream needs a connection of its own');
  await run.kill();
});

describe('clients without the token', () => {
  /** A group with a token that serves HTTP, and a second process that sees whether the first one is alive. */
  async function attacked() {
    const group = await groupOn(redis.url);
    const run = await group.start(['--size', '2', ...SERVING], { env: { CGROUP_HTTP_TOKEN: TOKEN } });
    const witness = await group.start(['--size', '1']);
    const address = await addressOf(run);
    const probe = async (path: string) =>
      (await fetch(address + path, { headers: { connection: 'close' } })).status;
    return { group, run, witness, address, probe };
  }

  test('that hold all connections leave one for each probe, and cut no stream', {
    timeout: 60_000,
  }, async () => {
    const { run, witness, address, probe } = await attacked();
    const stream = await fetch(`${address}/api/events`, { headers: { authorization: `Bearer ${TOKEN}` } });
    const events = stream.body?.getReader();
    let held = 0;
    let on = true;
    /** Asks once, keeps the connection, and comes back when it is dropped. */
    const hold = () => {
      if (!on) return;
      const socket = open(address);
      socket.once('connect', () => held++);
      socket.write(request('GET /healthz', []));
      socket.once('close', () => {
        held--;
        setTimeout(hold, 500);
      });
    };
    for (let i = 0; i < 600; i++) hold();
    await until(() => held >= 500, { what: 'nearly all connections to be taken' });
    const answers = [];
    for (let i = 0; i < 20; i++) answers.push(await probe('/healthz'), await probe('/readyz'));
    on = false;
    expect(answers).toEqual(answers.map(() => 200));
    for (let i = 0; i < 3; i++) expect((await events?.read())?.done).toBe(false);
    await events?.cancel();
    await Promise.all([run.kill(), witness.kill()]);
  });

  test('that send thousands of requests at once are cut off, and stop no heartbeat', {
    timeout: 60_000,
  }, async () => {
    const { group, run, witness, address, probe } = await attacked();
    let closed = 0;
    const deaf = Array.from({ length: 300 }, () => open(address));
    for (const socket of deaf) {
      socket.pause();
      socket.once('close', () => closed++);
      socket.write(request('GET /healthz', []).repeat(2_000));
    }
    expect(await probe('/healthz')).toBe(200);
    // A client that reads nothing does not notice that its connection is closed.
    for (const socket of deaf) socket.resume();
    await until(() => closed === 300, { timeout: 20_000, what: 'all of them to be cut off' });
    expect(await probe('/readyz')).toBe(200);
    expect(await group.listed()).toHaveLength(3);
    expect(witness.stderr()).not.toContain('ended without leaving');
    await Promise.all([run.kill(), witness.kill()]);
  });

  test('that send more than four requests in one write get a refusal and no other answer', async () => {
    const { run, witness, address } = await attacked();
    for (const [count, codes] of [
      [4, [200, 200, 200, 200]],
      [5, [400]],
      [40, [400]],
    ] as const) {
      const socket = open(address);
      let heard = '';
      socket.on('data', (bytes) => {
        heard += String(bytes);
      });
      socket.write(request('GET /healthz', []).repeat(count));
      const found = () => [...heard.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, code]) => Number(code));
      await until(() => found().length === codes.length, { what: `${codes.length} answers` });
      expect(found()).toEqual(codes);
    }
    await Promise.all([run.kill(), witness.kill()]);
  });

  test('that leave more than four answers unread are cut off', async () => {
    const { run, witness, address } = await attacked();
    const socket = open(address);
    let isClosed = false;
    socket.once('close', () => {
      isClosed = true;
    });
    socket.pause();
    // One write for each, so that each comes in a chunk of its own.
    const timer = setInterval(() => {
      if (!socket.destroyed) socket.write(request(`GET /${'x'.repeat(6_000)}`, []));
    }, 1);
    socket.once('close', () => clearInterval(timer));
    await until(() => isClosed, { what: 'the connection to be closed' });
    await Promise.all([run.kill(), witness.kill()]);
  });
});
