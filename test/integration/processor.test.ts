import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { keysOf } from '../../src/redis/keys.js';
import type { CliExit, CliRun } from '../helpers/cli.js';
import { type Namespace, withRedis } from '../helpers/redis.js';
import { countersOf, entriesOf, logOf, settled, startGroup } from '../helpers/running.js';
import { until } from '../helpers/until.js';

const redis = withRedis();
const cwd = mkdtempSync(join(tmpdir(), 'cgroup-processor-'));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

/** Good and bad processors; the message says which one runs. */
const HANDLERS = `
import { setTimeout as sleep } from 'node:timers/promises';

const calls = [];
const circle = {};
circle.itself = circle;
const refuse = () => { throw new Error('do not look'); };
const refusing = new Proxy(new Error(), { get: refuse, getPrototypeOf: refuse, has: refuse, ownKeys: refuse });
const does = {
  add: (message) => ({ ...message, seen: true }),
  later: async (message) => (await sleep(5), 'done'),
  nothing: () => null,
  context: (_, { consumerId, inboxId, attempt, signal }) => ({
    consumerId, inboxId, attempt, signal: signal instanceof AbortSignal && !signal.aborted,
  }),
  log: (_, { log }) => { log.warn({ extra: 7 }, 'said by the processor'); return 1; },
  change: (message) => { message.message_id = 'another'; return message; },
  calls: () => calls,

  throws: () => { throw new RangeError('out of luck'); },
  rejects: async () => { throw new Error('out of luck'); },
  throwsUndefined: () => { throw undefined; },
  rejectsNull: () => Promise.reject(null),
  throwsText: () => { throw 'just text'; },
  throwsOddMessage: () => { throw Object.assign(new Error('x'), { message: { not: 'a text' } }); },
  throwsUnshowable: () => { throw Object.create(null); },
  throwsRefusing: () => { throw refusing; },
  rejectsRefusing: () => Promise.reject(refusing),
  aMap: () => ({ found: new Map([[1, 2]]) }),
  anError: async () => new Error('not thrown'),
  aPromise: (message) => [{ message, order: Promise.resolve(1) }],
  bigInt: () => ({ count: 1n }),
  circular: () => circle,
  undefined: () => {},
  aFunction: async () => () => 1,
  toJson: () => ({ toJSON() { throw new Error('not this one'); } }),
  deep: () => { let value = {}; for (let i = 0; i < 20_000; i++) value = { value }; return value; },
  hostileThen: () => ({ get then() { throw new Error('no then'); } }),
  throwingThen: () => ({ then() { throw new Error('no then'); } }),
  never: (_, { signal }) => new Promise(() => signal.addEventListener('abort', () => {
    calls.push({ aborted: signal.reason.name });
  })),
  tooLate: async () => (await sleep(1_200), 'too late'),
  secondTime: (_, { attempt }) => { if (attempt === 1) throw new Error('not yet'); return { attempt }; },
  deadLetter: (_, context) => context.deadLetter('not wanted'),
  deadLetterLater: async (_, context) => { await sleep(5); context.deadLetter('not wanted'); },
  deadLetterCaught: (_, context) => { try { context.deadLetter('not wanted'); } catch { return 'fine'; } },
  strayRejection: () => { Promise.reject(new Error('a forgotten promise')); return 1; },
  strayTimer: () => { setTimeout(() => { throw new Error('a forgotten timer'); }); return 1; },
};

export default (message, context) => {
  calls.push({ do: message.do, attempt: context.attempt, inboxId: context.inboxId, at: Date.now() });
  return does[message.do](message, context);
};
`;

/** These become results. */
const results: [does: string, data: unknown][] = [
  ['add', { message_id: 'add', do: 'add', seen: true }],
  ['later', 'done'],
  ['nothing', null],
  ['change', { message_id: 'another', do: 'change' }],
  ['log', 1],
  ['secondTime', { attempt: 2 }],
  ['strayRejection', 1],
  ['strayTimer', 1],
];

/** These become dead letters after three attempts. */
const failures: [does: string, error: string | RegExp][] = [
  ['throws', 'RangeError: out of luck'],
  ['rejects', 'out of luck'],
  ['throwsUndefined', 'undefined'],
  ['rejectsNull', 'null'],
  ['throwsText', 'just text'],
  ['throwsOddMessage', '[object Object]'],
  ['throwsUnshowable', 'a value that cannot be shown'],
  ['throwsRefusing', 'a value that cannot be shown'],
  ['rejectsRefusing', 'a value that cannot be shown'],
  ['aMap', /^TypeError: "found" of the result is of type Map, of which JSON keeps nothing/],
  ['anError', 'TypeError: the result is an error: throw it, and the attempt has failed'],
  ['aPromise', 'TypeError: "order" of the result is a promise: await it'],
  ['bigInt', /^TypeError: .*BigInt/],
  ['circular', /^TypeError: .*circular/],
  [
    'undefined',
    /^TypeError: the processor returned undefined, which has no JSON: return the result, or null$/,
  ],
  ['aFunction', /^TypeError: the processor returned a function, which has no JSON/],
  ['toJson', 'not this one'],
  ['deep', /^RangeError: /],
  ['hostileThen', 'no then'],
  ['throwingThen', 'no then'],
  ['noSuchThing', /^TypeError: .*is not a function$/],
];
const timeouts = ['never', 'tooLate'];
const givenUp = ['deadLetter', 'deadLetterLater', 'deadLetterCaught'];

interface Call {
  do?: string;
  attempt: number;
  inboxId: string;
  at: number;
  aborted?: string;
}

let group: CliRun;
let exit: CliExit;
let output: Map<string, Record<string, string>>;
let dead: Map<string, Record<string, string>>;
let calls: Call[];
let counters: Awaited<ReturnType<typeof countersOf>>;
let consumers: string[];

function text(entry: Record<string, Buffer>): Record<string, string> {
  return Object.fromEntries(Object.entries(entry).map(([name, value]) => [name, String(value)]));
}

async function publish(client: Redis, { channel }: Namespace, ...things: string[]): Promise<void> {
  for (const what of things) await client.publish(channel, JSON.stringify({ message_id: what, do: what }));
}

beforeAll(async () => {
  writeFileSync(join(cwd, 'handlers.mjs'), HANDLERS);
  const space = redis.namespace();
  const keys = keysOf(space);
  const client = new Redis(space.redis);
  const flags = ['-n', '2', '-p', './handlers.mjs', '--concurrency', '10', '--max-attempts', '3'];
  group = await startGroup(space, [...flags, '--backoff', '100ms', '--timeout', '700ms'], { cwd });
  consumers = await client.lrange(space.consumerList, 0, -1);
  const things = [...results, ...failures].map(([what]) => what).concat(timeouts, givenUp, 'context');
  await publish(client, space, ...things);
  await until(() => settled(client, space, things.length), { what: 'all to be settled' });
  await publish(client, space, 'calls');
  await until(() => settled(client, space, things.length + 1), { what: 'the list of calls' });
  exit = await group.kill();
  counters = await countersOf(client, space);
  const of = async (stream: string) => (await entriesOf(client, stream)).map(text);
  output = new Map((await of(keys.output)).map((entry) => [entry.message_id ?? '', entry]));
  dead = new Map(
    (await of(keys.dead)).map((letter) => [(JSON.parse(letter.message ?? '') as { do: string }).do, letter]),
  );
  calls = JSON.parse(output.get('calls')?.data ?? '') as Call[];
  client.disconnect();
});

/** The calls of the processor for one message, in their order. */
const callsOf = (what: string) => calls.filter((call) => call.do === what);

function expectDead(what: string, reason: string, error: string | RegExp, attempts: number): void {
  const { stack = 'handlers.mjs', ...letter } = dead.get(what) ?? {};
  expect(Object.keys(letter)).toEqual(['message', 'reason', 'error', 'attempts', 'consumer_id', 'inbox_id']);
  expect(stack).toContain('handlers.mjs');
  expect(letter).toMatchObject({
    message: JSON.stringify({ message_id: what, do: what }),
    reason,
    attempts: String(attempts),
    inbox_id: callsOf(what)[0]?.inboxId,
  });
  if (typeof error === 'string') expect(letter.error).toBe(error);
  else expect(letter.error).toMatch(error);
  expect(consumers).toContain(letter.consumer_id);
  expect(output.has(what)).toBe(false);
  expect(callsOf(what).map(({ attempt }) => attempt)).toEqual(
    Array.from({ length: attempts }, (_, i) => i + 1),
  );
}

describe('a processor', () => {
  test.each(results)('%s: its result lands in data', (what, data) => {
    // Under the published id, even if the processor changed it.
    const entry = output.get(what) ?? {};
    expect(Object.keys(entry)).toEqual(['message_id', 'consumer_id', 'inbox_id', 'data']);
    expect(JSON.parse(entry.data ?? '')).toEqual(data);
    expect(entry.inbox_id).toBe(callsOf(what)[0]?.inboxId);
    expect(consumers).toContain(entry.consumer_id);
    expect(dead.has(what)).toBe(false);
  });

  test('gets the consumer, the inbox id and the attempt in its context', () => {
    const { consumer_id, inbox_id, data } = output.get('context') ?? {};
    const context = { consumerId: consumer_id, inboxId: inbox_id, attempt: 1, signal: true };
    expect(JSON.parse(data ?? '')).toEqual(context);
  });

  test('has a logger whose lines name the message', () => {
    const { consumer_id, inbox_id } = output.get('log') ?? {};
    const line = logOf(group).find(({ msg }) => msg === 'said by the processor');
    expect(line).toMatchObject({
      level: 40,
      extra: 7,
      consumer: consumer_id,
      inboxId: inbox_id,
      attempt: 1,
    });
  });

  test.each(failures)('%s: is tried again, then it is a dead letter', (what, error) => {
    expectDead(what, 'failed', error, 3);
    const [first = Infinity, second = Infinity, third = Infinity] = callsOf(what).map(({ at }) => at);
    // 100 ms, then 200 ms; jitter takes up to half away, and two clocks round.
    expect(second - first).toBeGreaterThanOrEqual(48);
    expect(third - second).toBeGreaterThanOrEqual(98);
  });

  test.each(timeouts)('%s: fails at the timeout', (what) => {
    expectDead(what, 'timeout', 'no result within 700 ms', 3);
  });

  test('sees its signal aborted at the timeout', () => {
    expect(calls.filter(({ aborted }) => aborted)).toEqual(Array(3).fill({ aborted: 'TimeoutError' }));
  });

  test.each(givenUp)('%s: gives up at once', (what) => {
    expectDead(what, 'failed', 'not wanted', 1);
  });

  test.each(['a forgotten promise', 'a forgotten timer'])(
    'that lets %s fail: the error is logged, and it goes on',
    (what) => {
      const text = `an error outside of any attempt, probably of the processor: ${what}`;
      expect(logOf(group, 50).map(({ msg }) => msg)).toContain(text);
      expect(exit).toEqual({ code: 0, signal: null });
    },
  );

  test('is counted: attempts, retries and outcomes', () => {
    const lost = failures.length + timeouts.length;
    expect(counters).toEqual({
      relayed: results.length + lost + givenUp.length + 2,
      processed: results.length + 2,
      dead: lost + givenUp.length,
      failed: 3 * lost + givenUp.length + 1,
      retried: 2 * lost + 1,
    });
  });
});

test('a CommonJS module works, named by an environment variable', async () => {
  writeFileSync(join(cwd, 'old.cjs'), 'module.exports = (message) => message.message_id.toUpperCase();');
  const space = redis.namespace();
  const client = new Redis(space.redis);
  onTestFinished(() => client.disconnect());
  const old = await startGroup(space, [], { cwd, env: { CGROUP_PROCESSOR: 'old.cjs' } });
  await publish(client, space, 'text');
  await until(() => settled(client, space, 1));
  await old.kill();
  expect((await entriesOf(client, space.output)).map(({ data }) => String(data))).toEqual(['"TEXT"']);
});
