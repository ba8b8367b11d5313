import { request } from 'node:http';
import { describe, expect, test } from 'vitest';
import { GroupClient } from '../../src/observe/client.js';
import { groupOn } from '../helpers/group.js';
import { addressOf, SERVING } from '../helpers/http.js';
import { withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const redis = withRedis();
const TOKEN = 'correct-horse-battery';
const ACTIONS = ['retry', 'skip', 'purge', 'pause', 'resume', 'scale', 'drain', 'undrain'] as const;

interface Answer {
  readonly code: number;
  readonly body: Record<string, unknown>;
}

interface Sent {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | undefined>>;
  readonly body?: string | Buffer | object;
}

/** What a client of the page sends for an action; the test changes it. */
async function act(address: string, action: string, sent: Sent = {}): Promise<Answer> {
  const { method = 'POST', body = {} } = sent;
  const given = typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body);
  const headers = Object.fromEntries(
    Object.entries({
      authorization: `Bearer ${TOKEN}`,
      'content-type': 'application/json',
      'x-cgroup-action': action,
      'content-length': String(Buffer.byteLength(given)),
      ...sent.headers,
    }).filter(([, value]) => value !== undefined),
  ) as Record<string, string>;
  return new Promise((done) => {
    const asked = request(`${address}/api/actions/${action}`, { method, headers }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (more) => {
        text += String(more);
      });
      response.once('close', () => {
        const isJson = text.startsWith('{');
        done({ code: response.statusCode ?? 0, body: isJson ? JSON.parse(text) : { text } });
      });
    });
    // The server may close the connection before it has read the body.
    asked.once('error', () => done({ code: 0, body: {} }));
    asked.end(method === 'GET' ? undefined : given);
  });
}

/** A body that each action takes. */
function bodyOf(action: string, revision = 0): object {
  if (['retry', 'skip', 'purge'].includes(action)) return { filter: {}, dryRun: true };
  if (action === 'scale') return { size: 3, revision };
  if (action.endsWith('drain')) return { name: 'nowhere', revision };
  return { revision };
}

const big = Buffer.alloc(10_000_000, 'x');

/** What must be refused for every action: the code of the answer, 0 also for a connection that was closed. */
const HOSTILE: readonly (readonly [name: string, codes: readonly number[], sent: Sent])[] = [
  ['no token', [401], { headers: { authorization: undefined } }],
  ['a wrong token', [401], { headers: { authorization: 'Bearer correct-horse-batterz' } }],
  ['an empty token', [401], { headers: { authorization: 'Bearer ' } }],
  ['the token in a cookie', [401], { headers: { authorization: undefined, cookie: `token=${TOKEN}` } }],
  ['a page of another site', [403], { headers: { 'sec-fetch-site': 'cross-site' } }],
  ['a page of a sibling of this site', [403], { headers: { 'sec-fetch-site': 'same-site' } }],
  [
    'a form of another site',
    [403],
    {
      headers: {
        'sec-fetch-site': 'cross-site',
        'sec-fetch-mode': 'navigate',
        'sec-fetch-dest': 'document',
        'content-type': 'application/x-www-form-urlencoded',
        'x-cgroup-action': undefined,
      },
    },
  ],
  ['another origin', [403], { headers: { origin: 'http://evil.example' } }],
  ['an origin that is hidden', [403], { headers: { origin: 'null' } }],
  ['another port of this machine', [403], { headers: { origin: 'http://127.0.0.1:1' } }],
  ['no header of ours', [403], { headers: { 'x-cgroup-action': undefined } }],
  ['the header of another action', [400], { headers: { 'x-cgroup-action': 'nothing' } }],
  ['a form', [415], { headers: { 'content-type': 'application/x-www-form-urlencoded' } }],
  ['plain text', [415], { headers: { 'content-type': 'text/plain' } }],
  ['two content types', [415], { headers: { 'content-type': 'application/json, text/plain' } }],
  ['no content type', [415], { headers: { 'content-type': undefined } }],
  ['a GET', [405], { method: 'GET', headers: { 'content-length': undefined } }],
  ['a PUT', [405], { method: 'PUT' }],
  [
    'OPTIONS, as a browser asks for another origin',
    [403, 405],
    { method: 'OPTIONS', headers: { origin: 'http://evil.example' } },
  ],
  ['10 MB', [413, 0], { body: big }],
  [
    '10 MB in chunks',
    [413, 0],
    { body: big, headers: { 'content-length': undefined, 'transfer-encoding': 'chunked' } },
  ],
  ['nothing', [400], { body: '' }],
  ['no JSON', [400], { body: '{' }],
  ['an array', [400], { body: [] }],
  ['null', [400], { body: 'null' }],
  ['a number', [400], { body: '1e999' }],
  ['an unknown field', [400], { body: { sudo: true } }],
  ['a prototype', [400], { body: '{"__proto__":{"dryRun":true}}' }],
  ['a huge number', [400], { body: { revision: 1e308, size: 1e308, ids: [1e308] } }],
  ['a number as text', [400], { body: { revision: '0', size: '3', ids: '1-1' } }],
  ['a name that is too long', [400], { body: { revision: 0, by: 'x'.repeat(101) } }],
  ['bytes that are no UTF-8', [400], { body: Buffer.from([0x7b, 0xff, 0xfe, 0x7d]) }],
  ['deep nesting', [400], { body: `${'['.repeat(30_000)}${']'.repeat(30_000)}` }],
];

async function acting(more: readonly string[] = []) {
  const group = await groupOn(redis.url);
  const run = await group.start(['--http-actions', ...more, ...SERVING], {
    env: { CGROUP_HTTP_TOKEN: TOKEN },
  });
  const client = await GroupClient.connect(group.space);
  return { group, run, client, address: await addressOf(run) };
}

describe('actions', () => {
  test.each(ACTIONS)(
    `%s: ${HOSTILE.length} hostile requests are refused and change nothing`,
    {
      timeout: 60_000,
    },
    async (action) => {
      const { run, client, address } = await acting(['--managed']);
      const before = await client.control();
      const wrong: string[] = [];
      for (const [name, codes, sent] of HOSTILE) {
        const { code, body } = await act(address, action, { body: bodyOf(action), ...sent });
        if (!codes.includes(code)) wrong.push(`${name}: ${code} ${JSON.stringify(body)}`);
        if (JSON.stringify(body).includes(TOKEN)) wrong.push(`${name}: tells the token`);
      }
      expect(wrong).toEqual([]);
      expect(await client.control()).toEqual(before);
      expect((await fetch(`${address}/healthz`)).status).toBe(200);
      expect(run.stderr()).not.toMatch(/"level":(50|60)/);
      client.close();
      await run.kill();
    },
  );

  test('are no others, and no path is read in two ways', async () => {
    const { run, client, address } = await acting();
    const codes = await Promise.all(
      [
        'flushall',
        'constructor',
        '__proto__',
        'retry/',
        'retry?x=1',
        'RETRY',
        '../actions/pause',
        '%70ause',
      ].map(async (name) => (await act(address, name, { headers: { 'x-cgroup-action': 'pause' } })).code),
    );
    expect(codes.every((code) => code >= 400 && code < 500)).toBe(true);
    expect((await client.control()).paused).toBe(false);
    client.close();
    await run.kill();
  });

  test('are off unless they are set, and say what to set', async () => {
    const group = await groupOn(redis.url);
    const run = await group.start(['--size', '1', ...SERVING], { env: { CGROUP_HTTP_TOKEN: TOKEN } });
    const address = await addressOf(run);
    for (const action of ACTIONS)
      expect(await act(address, action, { body: bodyOf(action) })).toMatchObject({
        code: 403,
        body: { error: expect.stringContaining('--http-actions') },
      });
    await run.kill();
  });

  test('pause, resume, scale, drain: each once, with its author; a second time it is stale', {
    timeout: 60_000,
  }, async () => {
    const { group, run, client, address } = await acting(['--managed', '--host', 'web1']);
    const step = async (action: string, more: object) => {
      const { revision } = await client.control();
      const body = { revision, by: 'ann', why: 'test', ...more };
      expect(await act(address, action, { body })).toMatchObject({
        code: 200,
        body: { control: { revision: revision + 1 } },
      });
      expect(await act(address, action, { body }), 'sent twice').toMatchObject({
        code: 409,
        body: { code: 'STALE' },
      });
      return client.control();
    };
    expect(await step('pause', {})).toMatchObject({ paused: true });
    expect(await step('resume', {})).toMatchObject({ paused: false });
    expect(await step('scale', { size: 4 })).toMatchObject({ size: 4 });
    expect(await step('scale', { autoscale: { max: 9, drainWithin: '90s' } })).toMatchObject({
      autoscale: { min: 1, max: 9, drainWithin: 90_000 },
    });
    expect(await step('scale', { autoscale: { drainWithin: 5_000 } })).toMatchObject({
      autoscale: { min: 1, max: 9, drainWithin: 5_000 },
    });
    expect(await step('drain', { name: 'web1' })).toMatchObject({ drained: ['web1'] });
    expect(await step('undrain', { name: 'web1' })).toMatchObject({ drained: [] });
    const { revision } = await client.control();
    expect(await act(address, 'drain', { body: { revision, name: 'web9' } })).toMatchObject({ code: 404 });
    expect(await act(address, 'scale', { body: { revision, size: 10_001 } })).toMatchObject({ code: 400 });
    const events = await client.events();
    expect(events).toHaveLength(7);
    expect(events[0]).toMatchObject({ who: 'page at web1 by ann (127.0.0.1)', why: 'test', what: 'paused' });
    expect(run.stderr()).toContain('"pause by page at web1 by ann (127.0.0.1)"');
    const shown = (await (
      await fetch(`${address}/api/status`, { headers: { authorization: `Bearer ${TOKEN}` } })
    ).json()) as { events: object[] };
    expect(shown.events[0]).toMatchObject({ kind: 'control', what: 'undrained web1' });
    expect(group.flags.length).toBeGreaterThan(0);
    client.close();
    await run.kill();
  });

  test('say of a body that is no JSON, or not sent as JSON, what it must be', async () => {
    const { run, client, address } = await acting(['--size', '1']);
    const like = 'a JSON object such as {"revision": 4, "size": 20}';
    const refused = async (sent: Sent) => {
      const { code, body } = await act(address, 'scale', sent);
      return [code, body.error];
    };
    expect(await refused({ body: '{"size": 3,}' })).toEqual([
      400,
      `the body is no valid JSON: it must be ${like}`,
    ]);
    expect(await refused({ body: '' })).toEqual([400, `the body is empty: it must be ${like}`]);
    expect(await refused({ body: '[3]' })).toEqual([400, `the body must be ${like}`]);
    expect(await refused({ headers: { 'content-type': 'text/plain' } })).toEqual([
      415,
      `send the header content-type: application/json, and as the body ${like}`,
    ]);
    client.close();
    await run.kill();
  });

  test('retry and purge those that a dry run counted, by a filter and by id; a second time nothing', {
    timeout: 60_000,
  }, async () => {
    const { group, run, client, address } = await acting(['--size', '1', '--max-attempts', '1']);
    const publishBad = async (count: number) => {
      for (let i = 0; i < count; i++) await group.raw.publish(group.space.channel, `no json ${i}`);
      const all = (await client.status()).deadLetters + count;
      await until(
        async () =>
          (await client.status()).deadLetters >= all - count && (await client.status()).backlog === 0,
      );
    };
    await publishBad(5);
    await until(async () => (await client.status()).deadLetters === 5);
    const filter = { reason: 'invalid-json' };
    const dry = await act(address, 'purge', { body: { filter, dryRun: true } });
    expect(dry).toEqual({
      code: 200,
      body: { count: 5, through: expect.any(String), halted: 0, more: false },
    });
    expect(
      await act(address, 'purge', { body: { filter: { reason: 'failed' }, dryRun: true } }),
    ).toMatchObject({ body: { count: 0 } });
    expect(await act(address, 'purge', { body: { filter } }), 'without through').toMatchObject({ code: 400 });
    // One dies after the user was asked.
    await group.raw.publish(group.space.channel, 'no json either');
    await until(async () => (await client.status()).deadLetters === 6);
    const [one] = await client.deadLetters.select();
    const by = { authorization: `Basic ${Buffer.from(`bob:${TOKEN}`).toString('base64')}` };
    expect(await act(address, 'purge', { headers: by, body: { ids: [one] } })).toEqual({
      code: 200,
      body: { done: 1, left: 0, notFound: [] },
    });
    const gone = {
      code: 404,
      body: { code: 'NOT_FOUND', error: expect.stringContaining(`${one}: there is no`) },
    };
    expect(await act(address, 'purge', { headers: by, body: { ids: [one] } })).toEqual(gone);
    const { through } = dry.body;
    expect(await act(address, 'purge', { body: { filter, through } })).toEqual({
      code: 200,
      body: { done: 4, left: 0 },
    });
    expect(await act(address, 'purge', { body: { filter, through } })).toEqual({
      code: 200,
      body: { done: 0, left: 0 },
    });
    const [last] = await client.deadLetters.select();
    expect(await act(address, 'retry', { body: { ids: [last, one] } }), 'one of two is there').toEqual({
      code: 200,
      body: { done: 1, left: 0, notFound: [one] },
    });
    await until(async () => (await client.status()).deadLetters === 1, { what: 'it to die again' });
    expect(await act(address, 'retry', { body: { ids: [last] } }), 'sent twice').toMatchObject({
      code: 404,
      body: { code: 'NOT_FOUND', error: expect.stringContaining(String(last)) },
    });
    const [stopsNothing] = await client.deadLetters.select();
    expect(await act(address, 'skip', { body: { ids: [stopsNothing] } })).toMatchObject({
      code: 404,
      body: { error: `${stopsNothing}: no such dead letter stops an order` },
    });
    expect(await act(address, 'skip', { body: { filter: {}, dryRun: true } })).toMatchObject({
      body: { count: 0 },
    });
    expect(run.stderr()).toMatch(
      /"count":1,"ids":\["\d+-\d+"\],"msg":"1 dead letter deleted by page at \S+ by bob \(127\.0\.0\.1\)"/,
    );
    client.close();
    await run.kill();
  });
});
