import { Redis } from 'ioredis';
import { beforeAll, describe, expect, test } from 'vitest';
import { compareIds } from '../../src/core/stream-id.js';
import { keysOf } from '../../src/redis/keys.js';
import type { CliExit, CliRun } from '../helpers/cli.js';
import { withRedis } from '../helpers/redis.js';
import { countersOf, entriesOf, logOf, settled, startGroup } from '../helpers/running.js';
import { until } from '../helpers/until.js';

const redis = withRedis();

const MEGABYTE = 1_000_000;
const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`;

type Row = [name: string, payload: string | Buffer, expected: string | RegExp];

/** Payloads that are not JSON, with the error of the dead letter. */
const noJson: Row[] = [
  ['nothing', '', /^the message is empty$/],
  ['a blank', ' ', /JSON/],
  ['a word', 'hello', /JSON/],
  ['half an object', '{"message_id":"half"', /JSON/],
  ['two objects', '{"message_id":1}{"message_id":2}', /JSON/],
  ['single quotes', "{'message_id':1}", /JSON/],
  ['a number that JSON does not have', '{"message_id":NaN}', /JSON/],
  ['a byte order mark', '\ufeff{"message_id":1}', /JSON/],
  ['bytes that are no text', Buffer.from([0x00, 0xff, 0xfe, 0x80, 0x0a]), /not valid UTF-8/],
  ['bytes in a text', Buffer.from('{"message_id":"caf\xe9"}', 'latin1'), /not valid UTF-8/],
  ['half a character', Buffer.from('{"message_id":"€"}').subarray(0, 17), /not valid UTF-8/],
  ['a megabyte', 'x'.repeat(MEGABYTE), /JSON/],
];

/** JSON that is not a message, with the error of the dead letter. */
const noMessage: Row[] = [
  ['null', 'null', /^the message is null, not an object/],
  ['a number', '42', /is a number, not an object/],
  ['a text', '"message_id"', /is a string, not an object/],
  ['true', 'true', /is a boolean, not an object/],
  ['an array', '[{"message_id":1}]', /is an array, not an object/],
  ['an array of great depth', nested(100_000), /is an array, not an object/],
  ['an object without an id', '{"id":1}', /^the message has no message_id$/],
  ['an id that the prototype has', '{"__proto__":{"message_id":"inherited"}}', /has no message_id/],
  ['an id of null', '{"message_id":null}', /^message_id is null, not a string or a number$/],
  ['an id of true', '{"message_id":true}', /message_id is a boolean/],
  ['an object as id', '{"message_id":{"message_id":1}}', /message_id is an object/],
  ['an array as id', '{"message_id":[1]}', /message_id is an array/],
];

/** Unusual but valid messages, with the id in the output. */
const valid: Row[] = [
  ['an empty id', '{"message_id":""}', ''],
  ['the number 0', '{"message_id":0}', '0'],
  ['a negative number', '{"message_id":-7}', '-7'],
  ['a fraction', '{"message_id":0.10}', '0.10'],
  ['a number beyond 2^53', '{"message_id":12345678901234567891}', '12345678901234567891'],
  ['a number beyond all doubles', '{"message_id":1e400}', '1e400'],
  ['an id twice', '{"message_id":"one","message_id":"two"}', 'two'],
  ['a name twice, and a large id', '{"x":1,"x":2,"message_id":12345678901234567893}', '12345678901234567893'],
  ['a large id twice', '{"message_id":1,"message_id":12345678901234567895}', '12345678901234567895'],
  ['__proto__ as a name', '{"message_id":"p","__proto__":{"polluted":true}}', 'p'],
  ['__proto__ as the id', '{"message_id":"__proto__"}', '__proto__'],
  ['then as a name', '{"message_id":"t","then":"not a function","toJSON":1}', 't'],
  ['names of numbers', '{"1":"a","message_id":"n","0":"b"}', 'n'],
  ['line breaks and NUL in the id', '{"message_id":"a\\r\\nb\\u0000c"}', 'a\r\nb\0c'],
  ['all of Unicode', '{"message_id":"€ 🦊 \\ud83e\\udd8a"}', '€ 🦊 🦊'],
  ['blanks around', ' \r\n\t{ "message_id" : "blank" } \n', 'blank'],
  ['a megabyte of text', `{"message_id":"m","text":"${'x'.repeat(MEGABYTE)}"}`, 'm'],
  ['a megabyte of id', `{"message_id":"${'y'.repeat(MEGABYTE)}"}`, 'y'.repeat(MEGABYTE)],
  ['data nested 1,000 deep', `{"message_id":"deep","x":${nested(1_000)}}`, 'deep'],
];

const good: Row = ['good', '{"message_id":"good"}', 'good'];
const rows = [...noJson, ...noMessage, ...valid].flatMap((row) => [row, good]);

/** The output entry or dead letter of each row, in the order of `rows`. */
let fates: Record<string, Buffer>[];
let outputs: number;
let consumers: string[];
let counters: Awaited<ReturnType<typeof countersOf>>;
let group: CliRun;
let exit: CliExit;

beforeAll(async () => {
  const space = redis.namespace();
  const keys = keysOf(space);
  const client = new Redis(space.redis);
  group = await startGroup(space, ['--size', '2']);
  consumers = await client.lrange(space.consumerList, 0, -1);
  for (const [, payload] of rows) await client.publish(space.channel, payload);
  await until(() => settled(client, space, rows.length), { what: 'all to be settled' });
  exit = await group.kill();
  counters = await countersOf(client, space);
  const output = await entriesOf(client, keys.output);
  outputs = output.length;
  // There is one publisher, so the order of inbox ids is that of `rows`.
  fates = [...output, ...(await entriesOf(client, keys.dead))].sort((a, b) =>
    compareIds(String(a.inbox_id), String(b.inbox_id)),
  );
  client.disconnect();
});

/** The output entry or dead letter of the row with this payload. */
function fateOf(payload: string | Buffer): Record<string, string | Buffer> {
  const { message, ...fate } = fates[rows.findIndex((row) => row[1] === payload)] ?? {};
  const text = Object.fromEntries(Object.entries(fate).map(([name, value]) => [name, String(value)]));
  return message ? { message, ...text } : text;
}

function expectDead(payload: string | Buffer, reason: string, error: string | RegExp): void {
  const fate = fateOf(payload);
  expect(Object.keys(fate)).toEqual(['message', 'reason', 'error', 'attempts', 'consumer_id', 'inbox_id']);
  // The same bytes: a user can repair and publish the message again.
  expect(Buffer.from(payload).equals(fate.message as Buffer)).toBe(true);
  expect(fate).toMatchObject({ reason, attempts: '0' });
  expect(fate.error).toMatch(error);
  expect(String(fate.error).length).toBeLessThan(200);
  expect(consumers).toContain(fate.consumer_id);
}

describe('a message becomes a dead letter if it', () => {
  test.each(noJson)('is not JSON: %s', (_, payload, error) => expectDead(payload, 'invalid-json', error));

  test.each(noMessage)('is JSON but not a message: %s', (_, payload, error) =>
    expectDead(payload, 'no-message-id', error),
  );
});

describe('a message has a result if it', () => {
  test.each(valid)('is unusual but valid: %s', (_, payload, id) => {
    const fate = fateOf(payload);
    expect(Object.keys(fate)).toEqual(['message_id', 'consumer_id', 'inbox_id', 'data']);
    expect(fate.message_id === id).toBe(true); // not toBe(id): a failure would print megabytes
    expect(consumers).toContain(fate.consumer_id);
    const [data, random] = /^(.*),"random":([\d.e-]+)}$/s.exec(String(fate.data))?.slice(1) ?? [];
    expect(`${data}}` === JSON.stringify(JSON.parse(String(payload)))).toBe(true);
    expect(Number(random)).toBeGreaterThanOrEqual(0);
  });
});

test('each good message between them has one result', () => {
  expect(fates).toHaveLength(rows.length);
  expect(rows.every((row, i) => row !== good || String(fates[i]?.message_id) === 'good')).toBe(true);
});

test('the counters count each message', () => {
  const dead = noJson.length + noMessage.length;
  const processed = rows.length - dead;
  // The dead letters had no attempt.
  expect(counters).toEqual({ relayed: rows.length, processed, dead, failed: 0, retried: 0 });
  expect(outputs).toBe(processed);
});

test('the group keeps running, logs the dead letters in few short lines, and exits with code 0', () => {
  expect(exit).toEqual({ code: 0, signal: null });
  const lines = logOf(group).filter(({ msg }) => / new dead letters?, the last one/.test(msg));
  const sum = lines.reduce((all, line) => all + Number(line.count), 0);
  expect(sum).toBe(noJson.length + noMessage.length);
  expect(lines.length).toBeLessThan(10);
  for (const line of group.stderr().split('\n')) expect(line.length).toBeLessThan(1_000);
});
