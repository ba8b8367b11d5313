import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { cgroup } from '../helpers/cli.js';
import { groupOn } from '../helpers/group.js';
import { addressOf, freePort, SERVING } from '../helpers/http.js';
import { makeGroup } from '../helpers/library.js';
import { freshRedis, withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const redis = withRedis();
const ROOT = fileURLToPath(new URL('../..', import.meta.url));

async function json(url: string, init?: RequestInit) {
  const response = await fetch(url, init);
  return { code: response.status, body: (await response.json()) as Record<string, unknown> };
}

/** Reads the events of a stream until `end` is called. */
async function events(url: string) {
  const controller = new AbortController();
  const response = await fetch(url, { signal: controller.signal });
  const seen: { name: string; data: Record<string, unknown>; at: number }[] = [];
  let ended = false;
  let text = '';
  const reading = (async () => {
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString();
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        const [, name, data] = /^event: (\w+)\ndata: (.*)$/.exec(text.slice(0, end)) ?? [];
        text = text.slice(end + 2);
        if (name) seen.push({ name, data: JSON.parse(String(data)), at: performance.now() });
      }
    }
  })()
    .catch(() => {})
    .finally(() => {
      ended = true;
    });
  const end = async () => {
    controller.abort();
    await reading;
  };
  return { response, seen, hasEnded: () => ended, end };
}

describe('a process that serves', () => {
  test('serves its health, its metrics, and the same status as the command', async () => {
    const group = await groupOn(redis.url);
    const run = await group.start(['--size', '2', ...SERVING]);
    const at = await addressOf(run);
    await group.publish(20);
    await group.settled(20);
    expect(await json(`${at}/healthz`)).toEqual({ code: 200, body: { up: true } });
    await until(async () => (await json(`${at}/readyz`)).code === 200, { what: 'ready' });
    expect((await json(`${at}/readyz`)).body).toMatchObject({
      ready: true,
      reasons: [],
      verdict: { state: expect.any(String) },
    });

    const metrics = await until(async () => {
      const response = await fetch(`${at}/metrics`);
      const text = await response.text();
      return /^cgroup_processed_total\{.*\} 20$/m.test(text) ? { response, text } : undefined;
    });
    expect(metrics.response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(metrics.text).toMatch(/^cgroup_processing_seconds_count\{.*\} 20$/m);
    expect(metrics.text).toMatch(/^cgroup_publish_to_output_seconds_count\{.*\} 20$/m);
    expect(metrics.text).toMatch(/^cgroup_leading\{.*\} 1$/m);
    expect(metrics.text).toMatch(/^cgroup_connections_total\{role="consumer",.*\} 2$/m);

    const command = cgroup(['status', '--json', ...group.flags]);
    await command.exit;
    const { body } = await json(`${at}/api/status`);
    const { time: _, ...expected } = JSON.parse(command.stdout()) as Record<string, unknown>;
    const { time: __, ...got } = body;
    // What changes from moment to moment, and what only one who watches knows.
    const moving = ['verdict', 'processes', 'consumers', 'trend', 'totals', 'redis', 'server', 'events'];
    const still = (one: object) =>
      Object.fromEntries(Object.entries(one).filter(([name]) => !moving.includes(name)));
    expect(still(got)).toEqual(still(expected));
    expect(got.consumers).toEqual(
      (expected.consumers as object[]).map((one) => expect.objectContaining(one)),
    );
    expect(Object.keys(got)).toEqual(expect.arrayContaining([...Object.keys(expected), ...moving]));
    expect(await (await fetch(`${at}/metrics`, { method: 'HEAD' })).text()).toBe('');
    const events = await fetch(`${at}/api/events`, { method: 'HEAD' });
    expect(events.headers.get('content-type')).toBe('text/event-stream');
    expect(await events.text()).toBe('');
    await run.kill();
  });

  test('sends the same status to all streams, once a second, and ends them at once when it stops', async () => {
    const group = await groupOn(redis.url);
    const run = await group.start(['--size', '1', ...SERVING]);
    const at = await addressOf(run);
    const streams = await Promise.all(Array.from({ length: 5 }, () => events(`${at}/api/events`)));
    const statuses = (n: number) => (streams[n]?.seen ?? []).filter(({ name }) => name === 'status');
    await until(() => streams.every((_, n) => statuses(n).length >= 5), { what: '5 events each' });
    expect(streams[0]?.seen[0]?.name).toBe('history');
    const last = statuses(0).slice(-3);
    for (const [before, after] of [last.slice(0, 2), last.slice(1)] as (typeof last)[])
      expect((after?.at ?? 0) - (before?.at ?? 0)).toBeGreaterThan(800);
    const times = (n: number) =>
      statuses(n)
        .slice(2, 5)
        .map(({ data }) => data.time);
    for (const n of [1, 2, 3, 4]) expect(times(n)).toEqual(times(0));
    const stopping = performance.now();
    const { code } = await run.kill();
    expect(code).toBe(0);
    expect(performance.now() - stopping).toBeLessThan(4_000);
    await until(() => streams.every(({ hasEnded }) => hasEnded()), { timeout: 1_000 });
  });

  test('reads Redis once a second, for any number of scrapes, streams and readers of dead letters', async () => {
    const server = await freshRedis();
    const group = await groupOn(server.url);
    const run = await group.start(['--size', '1', ...SERVING]);
    const at = await addressOf(run);
    await until(async () => (await fetch(`${at}/readyz`)).status === 200);
    /** Calls of a command in Redis within 3 s, under `load`. */
    const calls = async (command: string, load: () => Promise<unknown>) => {
      const count = async () =>
        Number(
          new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(await group.raw.info('commandstats'))?.[1] ?? 0,
        );
      const [before, since] = [await count(), performance.now()];
      while (performance.now() - since < 3_000) await load();
      return (await count()) - before;
    };
    // Each reading calls ZCOUNT once, for what was handed back, and XREVRANGE once, for the processes that ended. The whole status calls
    // it once more, for the newest dead letter.
    const scrape = async () => (await fetch(`${at}/metrics`)).text();
    const scraped = await calls('zcount', scrape);
    expect(scraped).toBeGreaterThan(1);
    expect(scraped).toBeLessThan(5);
    expect(await calls('xrevrange', scrape)).toBeLessThan(5);
    const asked = await calls('xrevrange', () =>
      Promise.all(Array.from({ length: 100 }, async () => (await fetch(`${at}/api/dead`)).text())),
    );
    expect(asked).toBeGreaterThan(1);
    expect(asked).toBeLessThanOrEqual(2 * 5);
    const streams = await Promise.all(Array.from({ length: 20 }, () => events(`${at}/api/events`)));
    const streamed = await calls('xrevrange', async () => (await fetch(`${at}/api/status`)).text());
    expect(streamed).toBeGreaterThan(4);
    expect(streamed).toBeLessThanOrEqual(3 * 5);
    await Promise.all(streams.map((stream) => stream.end()));
    await run.kill();
  });

  test('is not ready while Redis does not answer, says why, and is ready again afterwards', async () => {
    const server = await freshRedis();
    const group = await groupOn(server.url);
    const run = await group.start(['--size', '1', ...SERVING]);
    const at = await addressOf(run);
    await until(async () => (await json(`${at}/readyz`)).code === 200);
    const stream = await events(`${at}/api/events`);
    process.kill(server.pid, 'SIGSTOP');
    try {
      const { body } = await until(
        async () => {
          const answer = await json(`${at}/readyz`);
          return answer.code === 503 ? answer : undefined;
        },
        { timeout: 15_000 },
      );
      expect(body).toMatchObject({ ready: false });
      expect(String(body.reasons)).toMatch(/heartbeat|read|connected/);
      expect((await json(`${at}/healthz`)).code).toBe(200);
      // Unknown numbers are not served.
      await until(async () => !(await (await fetch(`${at}/metrics`)).text()).includes('cgroup_backlog{'));
      const trouble = await until(() => stream.seen.find(({ name }) => name === 'trouble'), {
        what: 'an event for the trouble',
      });
      expect(trouble.data).toMatchObject({ code: 'REDIS_UNREACHABLE', verdict: {} });
      expect(await json(`${at}/api/status`)).toMatchObject({
        code: 503,
        body: { code: 'REDIS_UNREACHABLE' },
      });
    } finally {
      process.kill(server.pid, 'SIGCONT');
    }
    await until(async () => (await json(`${at}/readyz`)).code === 200, { timeout: 20_000 });
    await stream.end();
    await run.kill();
  });

  test('requires the token, except for health and readiness', async () => {
    const group = await groupOn(redis.url);
    const token = 'a-token-for-this-test';
    const run = await group.start(['--size', '1', ...SERVING], { env: { CGROUP_HTTP_TOKEN: token } });
    const at = await addressOf(run);
    expect((await json(`${at}/healthz`)).code).toBe(200);
    for (const path of ['/', '/metrics', '/api/status', '/api/events', '/api/dead', '/main.js', '/no'])
      expect((await fetch(at + path)).status, path).toBe(401);
    // A probe has no token, and gets no reasons.
    await until(async () => (await json(`${at}/readyz`)).code === 200);
    expect((await json(`${at}/readyz`)).body).toEqual({ ready: true });
    const wrong = { headers: { authorization: 'Bearer a-token-for-this-tesx' } };
    expect((await json(`${at}/readyz`, wrong)).body).toEqual({ ready: true });
    const known = { headers: { authorization: `Bearer ${token}` } };
    expect((await json(`${at}/readyz`, known)).body).toMatchObject({ ready: true, reasons: [], verdict: {} });
    const asking = await fetch(`${at}/`);
    expect(asking.headers.get('www-authenticate')).toMatch(/^Basic /);
    const basic = `Basic ${Buffer.from(`me:${token}`).toString('base64')}`;
    for (const authorization of [`Bearer ${token}`, basic])
      expect((await fetch(`${at}/`, { headers: { authorization } })).status).toBe(200);
    expect(run.stderr()).not.toContain(token);
    await run.kill();
  });

  test('counts dead letters alike in all places, and the metric does not fall when they are sent back', async () => {
    const group = await groupOn(redis.url);
    const run = await group.start(['--size', '1', ...SERVING]);
    const at = await addressOf(run);
    await group.publish(5);
    for (const text of ['no', 'json']) await group.raw.publish(group.space.channel, text);
    await group.settled(7);
    const command = async (...args: string[]) => {
      const ran = cgroup([...args, ...group.flags]);
      expect((await ran.exit).code).toBe(0);
      return ran.stdout();
    };
    /** All from one scrape: a new reading may come between two. */
    const metrics = async () => {
      const text = await (await fetch(`${at}/metrics`)).text();
      return (name: string) => Number(new RegExp(`^cgroup_${name}\\{.*\\} (\\d+)$`, 'm').exec(text)?.[1]);
    };
    const agree = async (dead: number, revived: number) => {
      const of = await until(
        async () => {
          const read = await metrics();
          return read('revived_total') === revived && read('dead_total') === dead + revived
            ? read
            : undefined;
        },
        { what: 'the metrics' },
      );
      expect(of('processed_total') + of('dead_total') - of('revived_total') + of('backlog')).toBe(
        of('relayed_total'),
      );
      expect(of('dead_letters')).toBe(dead);
      const counters = { relayed: 7, processed: 5, dead, revived };
      const expected = { counters, deadLetters: dead, backlog: 0 };
      await until(async () => (await json(`${at}/api/status`)).body.deadLetters === dead);
      expect((await json(`${at}/api/status`)).body).toMatchObject(expected);
      expect(JSON.parse(await command('status', '--json'))).toMatchObject(expected);
      expect(await command('status')).toContain(
        `dead letters kept: ${dead} (0 purged, ${revived} sent back)`,
      );
      expect(await command('top')).toMatch(new RegExp(`^dead letters \\(${dead}\\)`, 'm'));
    };
    await agree(2, 0);
    // One of them, then all. They die again, but are no new messages.
    const [letter] = JSON.parse(await command('dead', 'list', '--json')) as { id: string }[];
    await command('dead', 'retry', String(letter?.id));
    await group.settled(7);
    await agree(2, 1);
    await command('dead', 'retry', '--all');
    await group.settled(7);
    await agree(2, 3);
    await run.kill();
  });

  test('gives dead letters by pages, newest first, with long messages cut', async () => {
    const group = await groupOn(redis.url);
    const run = await group.start(['--size', '1', ...SERVING]);
    const at = await addressOf(run);
    for (let i = 0; i < 59; i++) await group.raw.publish(group.space.channel, `no json ${i}`);
    await group.raw.publish(group.space.channel, 'ü'.repeat(1_000_000));
    await group.settled(60);
    type Page = { letters: { id: string; message: string; message_bytes: number }[]; more: boolean };
    const page = async (before?: string) =>
      (await json(`${at}/api/dead${before ? `?before=${before}` : ''}`)).body as unknown as Page;
    const first = await page();
    expect(first.letters).toHaveLength(25);
    expect(first.letters[0]).toMatchObject({ reason: 'invalid-json', message_bytes: 2_000_000 });
    expect(first.letters[0]?.message).toBe('ü'.repeat(1_000));
    const second = await page(first.letters.at(-1)?.id);
    const third = await page(second.letters.at(-1)?.id);
    expect([first, second, third].map(({ more }) => more)).toEqual([true, true, false]);
    const messages = [first, second, third].flatMap(({ letters }) => letters.map(({ message }) => message));
    expect(messages.slice(1)).toEqual(Array.from({ length: 59 }, (_, i) => `no json ${58 - i}`));
    expect((await json(`${at}/api/dead?before=x`)).code).toBe(400);
    await run.kill();
  });
});

describe('a page of dead letters', () => {
  test('is never older than the status that counts another dead letter', async () => {
    const group = await groupOn(redis.url);
    const run = await group.start(['--size', '1', ...SERVING]);
    const at = await addressOf(run);
    for (let n = 1; n <= 5; n++) {
      await group.raw.publish(group.space.channel, `no json ${n}`);
      await until(async () => {
        const page = await json(`${at}/api/dead`);
        const status = await json(`${at}/api/status`);
        expect(page.code).toBe(200);
        return status.body.deadLetters === n;
      });
      const { body } = await json(`${at}/api/dead`);
      expect(body.letters).toHaveLength(n);
    }
    await run.kill();
  });
});

test('one dead letter has the stack of its error; a page of them has none', async () => {
  const group = await groupOn(redis.url);
  const folder = mkdtempSync(join(tmpdir(), 'cgroup-http-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const handler = join(folder, 'handler.mjs');
  writeFileSync(handler, "export default () => { throw new Error('no such order'); };");
  const run = await group.start(['--size', '1', '-p', handler, '--max-attempts', '1', ...SERVING]);
  const at = await addressOf(run);
  await group.publish(1);
  await group.settled(1);
  const { letters } = (await json(`${at}/api/dead`)).body as unknown as { letters: { id: string }[] };
  expect(letters).toEqual([expect.not.objectContaining({ stack: expect.anything() })]);
  const one = await json(`${at}/api/dead/one?id=${letters[0]?.id}`);
  expect(one.body.stack).toMatch(/^Error: no such order\n {4}at .*handler\.mjs:1:\d+/);
  await run.kill();
});

describe('start', () => {
  test('reports a port in use, and leaves nothing behind', async () => {
    const group = await groupOn(redis.url);
    const port = String(await freePort());
    const first = await group.start(['--size', '1', '--http', port]);
    const second = cgroup(['start', ...group.flags, '--http', port]);
    expect((await second.exit).code).toBe(1);
    expect(second.stderr()).toMatch(
      new RegExp(
        `cgroup: cannot serve http at 127.0.0.1:${port}: .*EADDRINUSE.*; give http another port, or 0`,
      ),
    );
    expect(await group.listed()).toHaveLength(1);
    await first.kill();
  });

  test('refuses to serve other machines without a token', async () => {
    const group = await groupOn(redis.url);
    const run = cgroup(['start', ...group.flags, '--http', '0.0.0.0:0']);
    expect((await run.exit).code).toBe(2);
    expect(run.stderr()).toContain('--http: beyond this machine needs httpToken');
  });

  test('answers that it is starting before Redis is there, and can be stopped then', async () => {
    const nowhere = { ...redis.namespace(), redis: 'redis://127.0.0.1:1' };
    const port = await freePort();
    const httpToken = 'a-token-for-this-test';
    const { group } = makeGroup(nowhere, { http: port, httpToken });
    const starting = group.start().catch((error: unknown) => error);
    const at = `http://127.0.0.1:${port}`;
    const known = { headers: { authorization: `Bearer ${httpToken}` } };
    const { code, body } = await until(() => json(`${at}/readyz`, known));
    expect({ code, body }).toMatchObject({ code: 503, body: { ready: false, reasons: ['it is starting'] } });
    expect(await json(`${at}/readyz`)).toEqual({ code: 503, body: { ready: false } });
    expect(await json(`${at}/api/status`, known)).toMatchObject({ code: 503, body: { code: 'STATE' } });
    await group.stop();
    await starting;
    await expect(fetch(at)).rejects.toThrow();
  });
});

describe('the library', () => {
  test('is not ready, with the one reason that it is starting, until it has started; then it is ready', async () => {
    const port = await freePort();
    const { group } = makeGroup(redis.namespace(), { http: port });
    const reasons = new Set<string>();
    let started = false;
    const starting = group.start().then(() => {
      started = true;
    });
    while (!started) {
      const answer = await json(`http://127.0.0.1:${port}/readyz`).catch(() => undefined);
      if (answer && !started) reasons.add(JSON.stringify(answer.body.reasons));
    }
    await starting;
    expect(await json(`http://127.0.0.1:${port}/readyz`)).toMatchObject({
      code: 200,
      body: { ready: true, reasons: [] },
    });
    reasons.delete('[]'); // it had just become ready
    expect([...reasons]).toEqual(['["it is starting"]']);
    await group.stop();
  });

  test('can be stopped at any moment of a start, and its port is free then', async () => {
    for (let turns = 0; turns < 60; turns += 10) {
      const port = await freePort();
      const { group, raw } = makeGroup(redis.namespace(), { http: port });
      const starting = group.start();
      for (let i = 0; i < turns; i++) await raw.ping();
      await Promise.all([group.stop(), group.stop()]);
      await starting;
      await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow();
    }
  });

  test('loads nothing of http unless http is set', async () => {
    const script = `
      import { createRequire } from 'node:module';
      const { ConsumerGroup } = await import('./dist/index.js');
      const loaded = () => Object.keys(createRequire(import.meta.url).cache).filter((file) => /node_modules.(fastify|prom-client|@fastify)./.test(file)).length;
      const quiet = new ConsumerGroup({ redis: '${redis.url}' });
      await quiet.start();
      await quiet.stop();
      const without = loaded();
      const serving = new ConsumerGroup({ redis: '${redis.url}', http: 0 });
      await serving.start();
      await serving.stop();
      console.log(JSON.stringify([without, loaded() > 0]));`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      cwd: ROOT,
    });
    expect(JSON.parse(stdout)).toEqual([0, true]);
  });
});
