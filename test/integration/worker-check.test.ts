import { execFile } from 'node:child_process';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { checkWorker } from '../../src/conformance/check.js';
import type { CheckOptions } from '../../src/conformance/options.js';
import type { ConformanceReport } from '../../src/conformance/report.js';
import { cgroup } from '../helpers/cli.js';
import { until } from '../helpers/until.js';

const LINES = fileURLToPath(new URL('workers/lines.mjs', import.meta.url));

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

const check = (target: string, more: Partial<CheckOptions> = {}) =>
  checkWorker({ target, message: undefined, failing: undefined, within: 4_000, ...more });
const program = (fault: string) => check(`exec:node '${LINES}' '${fault}'`, { failing: '{"fail":true}' });

/** `check: what` of each finding that is wrong. */
function wrongOf({ findings, ok }: ConformanceReport): string[] {
  const wrong = findings.filter(({ status }) => status === 'wrong');
  expect(ok).toBe(wrong.length === 0);
  for (const { why, advice } of wrong) expect(`${why} ${advice}`).toMatch(/\w{3}.* .*\w{3}/);
  return wrong.map((finding) => `${finding.check}: ${finding.what}`);
}

describe('a program that is right passes', () => {
  test.each(['good', 'hello', 'null', 'complains'])('%s', async (fault) => {
    expect(wrongOf(await program(fault))).toEqual([]);
  });

  test('one that fails each message must get one that it can process', async () => {
    const target = `exec:node '${LINES}' fails`;
    const { findings, ok } = await check(target);
    expect(findings[0]).toMatchObject({
      status: 'wrong',
      what: 'it answers with an error: no such order',
      advice: 'give a message that it can process: --message JSON',
    });
    expect(ok).toBe(false);
    expect(wrongOf(await check(target, { message: '{"order":1}' }))).toEqual([
      'a message: it answers with an error: no such order',
    ]);
  });

  test('rounded numbers are a note', async () => {
    const { findings } = await program('good');
    expect(findings.find((one) => one.check === 'many digits')).toMatchObject({
      status: 'note',
      what: expect.stringContaining('comes back as 12345678901234567000'),
    });
  });
});

describe('a program that is wrong is found', () => {
  test.each([
    ['prints', [/^only the protocol: this is not JSON: .*; it was: worker is ready/]],
    ['silent', [/^a message: a message: no answer came within 4000 ms$/]],
    ['exits', [/^a message: a message: the program ended with exit code 3$/]],
    ['twice', [/^one answer each: two answers to the delivery check\/\d+ \(\d+ times\)$/]],
    ['late twice', [/^one answer each: two answers to the delivery/]],
    ['wrong id', [/^a message: /, /^ids: an answer with the id "check\/\d+0", which was never given$/]],
    ['number id', [/^a message: /, /^ids: an answer with the id "\d+", which was never given$/]],
    ['wrong hello', [/^other messages: hello: "params.concurrency" must be at least 1, got 0; it was: /]],
    [
      'credit',
      [/^many at once: of 5 deliveries at once only 1 have an answer: no answer came within 4000 ms$/],
    ],
    [
      'latin1',
      [
        /^any text: letters of other languages come back changed$/,
        /^a large message: a message of 1 MB comes back changed$/,
      ],
    ],
    ['no buffer', [/^a large message: /, /^a line in parts: /]],
    ['short lines', [/^a large message: a message of 1 MB comes back changed$/]],
    ['strict', [/^unknown members: .* exit code 1; the last line of its stderr: Node/]],
    ['breaks at cancel', [/^cancel: after a cancelled delivery: /, /^cancel of another: /]],
    [
      'dies of lines',
      [/^a line without JSON: after lines that are no messages: the program ended with exit code 1/],
    ],
    ['crashes', [/^unknown notification: after an unknown notification: /, /^unknown request: /]],
    ['takes all requests', [/^unknown request: it answers an unknown request with a result$/]],
    ['stops at quiet', [/^quiet: after "quiet": no answer/]],
    ['stays', [/^end of stdin: it still runs 5000 ms after its stdin has ended$/]],
  ])('%s', async (fault, expected) => {
    const found = wrongOf(await program(fault));
    expect(found, found.join('\n')).toHaveLength(expected.length);
    for (const [i, pattern] of expected.entries()) expect(found[i]).toMatch(pattern);
  });
});

/** Status, body, headers. */
type Answered = [status: number, body?: string | undefined, headers?: object];

/** A remote worker that is wrong in one way; returns what ends it. */
function connect(url: string, fault: string): () => void {
  const socket = new WebSocket(url, { autoPong: fault !== 'no pong' });
  const send = (message: object) => socket.send(JSON.stringify({ jsonrpc: '2.0', ...message }));
  let ended = false;
  socket.on('open', () => {
    if (fault === 'no hello') return send({ method: 'log', params: { level: 'info', msg: 'ready' } });
    const holds = fault === 'holds' ? ['elsewhere/7'] : [];
    const protocol = fault === 'version' ? 2 : 1;
    send({ id: 'h', method: 'hello', params: { name: 'w', concurrency: 4, protocol, holds } });
  });
  socket.on('error', () => {});
  let next = () => {};
  socket.on('close', () => {
    if (!ended && fault !== 'stays away') next = connect(url, fault);
  });
  socket.on('message', (data) => {
    const text = String(data);
    if (!text.startsWith('{"') || !text.endsWith('}')) return;
    const { id, method, params } = JSON.parse(text) as {
      id: unknown;
      method?: string;
      params: { message: unknown };
    };
    if (method === undefined || id === undefined) return;
    if (method !== 'process') return send({ id, error: { code: -32_601, message: 'no such method' } });
    if (fault === 'extends') send({ id: 'e', method: 'extend', params: { delivery_id: id, ms: 5_000 } });
    if (fault === 'binary') socket.send(Buffer.from([0, 1, 2]));
    send({ id, result: params.message });
  });
  return () => {
    ended = true;
    next();
    socket.terminate();
  };
}

describe('a remote worker', () => {
  test.each([
    ['good', []],
    ['extends', []],
    ['no hello', [/^hello: its first message is log$/]],
    ['version', [/^hello: hello: "params.protocol" must be 1: this side speaks no other version, got 2$/]],
    ['holds', [/^ids: "holds" names the delivery "elsewhere\/7", which was never given/]],
    ['no pong', [/^ping: no pong came within 3000 ms$/]],
    ['binary', [/^only the protocol: .*it was: \(a binary frame\)/]],
    ['stays away', [/^connects again: it did not connect again within 20 s/]],
  ])('%s', { timeout: 60_000 }, async (fault, expected) => {
    const report = await check('ws://127.0.0.1:0/workers', {
      onListening: (url) => closing.push(connect(url, fault)),
    });
    const found = wrongOf(report);
    expect(found, found.join('\n')).toHaveLength(expected.length);
    for (const [i, pattern] of expected.entries()) expect(found[i]).toMatch(pattern);
    expect(report.findings.some((one) => one.check === 'a line in parts')).toBe(false);
  });
});

describe('a web service', () => {
  /** Answers with what a handler makes of the body. */
  async function serve(answer: (body: string, request: Parameters<RequestListener>[0]) => Answered) {
    const server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const [status, body, headers] = answer(String(Buffer.concat(chunks)), request);
      if (status === 0) return response.destroy();
      response.writeHead(status, { ...headers }).end(body);
    });
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    closing.push(() => {
      server.close();
      server.closeAllConnections();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/messages`;
  }

  /** What a good service does. */
  function good(body: string): Answered {
    try {
      const message = JSON.parse(body) as { fail?: boolean };
      return message.fail ? [422, 'it must fail'] : [200, JSON.stringify(message)];
    } catch {
      return [400, 'no JSON'];
    }
  }

  const failing = { failing: '{"fail":true}' };

  test('that is right passes, and gets all headers', async () => {
    const seen: Record<string, unknown>[] = [];
    const url = await serve((body, { headers }) => {
      seen.push(headers);
      return good(body);
    });
    expect(wrongOf(await check(url.replace('//', '//me:p%40ss@'), failing))).toEqual([]);
    expect(seen[0]).toMatchObject({
      'content-type': 'application/json',
      'ce-id': expect.stringMatching(/^\d+-\d+$/),
      'ce-source': 'check',
      'ce-type': 'cgroup.message',
      'ce-specversion': '1.0',
      'cgroup-attempt': '1',
      'cgroup-deadline-ms': '4000',
      authorization: `Basic ${Buffer.from('me:p@ss').toString('base64')}`,
    });
  });

  test('that answers 204 passes', async () => {
    expect(wrongOf(await check(await serve(() => [204])))).toEqual([]);
  });

  test('that answers nothing is told apart from one that is not there', async () => {
    const { findings } = await check(await serve(() => [0]));
    expect(findings[0]).toMatchObject({
      status: 'wrong',
      what: 'it closed the connection without an answer',
      advice: expect.stringContaining('log of the service'),
    });
  });

  test('that is not there is found', async () => {
    expect(wrongOf(await check('http://127.0.0.1:1/'))).toEqual([
      expect.stringMatching(/^a message: .*ECONNREFUSED/),
    ]);
  });

  test.each<[string, (body: string) => Answered, RegExp[]]>([
    ['a page', () => [200, '<html>'], [/^a message: it answers 200, but its body is no JSON/]],
    ['a wrong path', () => [404, 'no such page'], [/^a message: it answers 404: no such page$/]],
    [
      'a redirect',
      () => [307, '', { location: '/other' }],
      [/^a message: it answers 307, and points to \/other$/],
    ],
    ['a small limit', (body) => (body.length > 1e5 ? [413] : good(body)), [/^a large message: .* 413/]],
    [
      'an error at no JSON',
      (body) => (good(body)[0] === 400 ? [500, 'oops'] : good(body)),
      [/^no JSON: to a body .* 500: oops$/],
    ],
    ['a broken connection', (body) => (good(body)[0] === 400 ? [0] : good(body)), [/^no JSON: to a body/]],
    [
      'changed letters',
      (body) => [good(body)[0], good(body)[1]?.replace('你', '?')],
      [/^any text: letters of other languages come back changed$/],
    ],
    [
      'a result in place of an error',
      (body) => (good(body)[0] === 422 ? [200, '1'] : good(body)),
      [/^a failing message: the message that must fail is answered with 200$/],
    ],
  ])('with %s is found', async (_, answer, expected) => {
    const found = wrongOf(await check(await serve(answer), failing));
    expect(found, found.join('\n')).toHaveLength(expected.length);
    for (const [i, pattern] of expected.entries()) expect(found[i]).toMatch(pattern);
  });
});

describe('cgroup worker --check', () => {
  test('prints what is wrong, why and what to do; exit code 1', async () => {
    const run = cgroup(['worker', '--check', `exec:node '${LINES}' exits`]);
    expect(await run.exit).toMatchObject({ code: 1 });
    expect(run.stdout()).toMatch(
      /^wrong {2}a message +a message: the program ended with exit code 3\n +why: .*\n +do: {2}run the worker by hand/,
    );
    expect(run.stdout()).toMatch(/\n\n1 thing is wrong\.\n$/);
  });

  test('that is killed leaves no program behind', async () => {
    const run = cgroup(['worker', '--check', `exec:node '${LINES}' silent`, '--answer-within', '60s']);
    const programs = async () =>
      (await commandLines()).filter((line) => line === `node ${LINES} silent`).length;
    await until(async () => (await programs()) === 1, { what: 'the program to run' });
    await run.kill();
    await until(async () => (await programs()) === 0, { what: 'the program to end' });
  });

  test('prints one JSON object with --json; exit code 0 if nothing is wrong', async () => {
    const run = cgroup(['worker', '--json', '--check', `exec:node '${LINES}' good`]);
    expect(await run.exit).toMatchObject({ code: 0 });
    expect(JSON.parse(run.stdout())).toMatchObject({ ok: true, findings: expect.any(Array) });
  });

  test.each([
    [['--check', 'exec:no-such-program'], /there is no program no-such-program/],
    [['--check', 'exec:cat | cat'], /no shell runs the command/],
    [['--check', './handler.mjs'], /--check: \.\/handler\.mjs is no worker; write exec:COMMAND/],
    [['--check', 'exec:cat', '--message', '[]'], /--message: must be a JSON object/],
  ])('refuses %j with exit code 2', async (args, error) => {
    const run = cgroup(['worker', ...args]);
    expect(await run.exit).toMatchObject({ code: 2 });
    expect(run.stderr()).toMatch(error);
  });
});

/** The command line of each process of this machine. */
async function commandLines(): Promise<string[]> {
  const { stdout } = await promisify(execFile)('ps', ['-eo', 'args']);
  return stdout.split('\n').map((line) => line.trimEnd());
}
