import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { type Published, type PublishOptions, publish } from '../../src/publish/publisher.js';
import { cgroup } from '../helpers/cli.js';
import { startProxy } from '../helpers/faultproxy.js';
import { type Namespace, withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const redis = withRedis();
const folder = mkdtempSync(join(tmpdir(), 'cgroup-publish-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const newPath = () => join(folder, `${++files}.txt`);
const idsIn = (path: string) => readFileSync(path, 'utf8').split('\n').slice(0, -1);

/** The ids of all messages of a channel, as another subscriber receives them. */
async function listen({ redis: url, channel }: Namespace): Promise<string[]> {
  const subscriber = new Redis(url);
  onTestFinished(() => subscriber.disconnect());
  const ids: string[] = [];
  subscriber.on('message', (_channel, text: string) =>
    ids.push((JSON.parse(text) as { message_id: string }).message_id),
  );
  await subscriber.subscribe(channel);
  return ids;
}

function publishTo({ redis: url, channel }: Namespace, options: Partial<PublishOptions>): Promise<Published> {
  const plan = { count: 1_000, rate: undefined, duration: undefined, batch: 100 };
  return publish({ redis: url, channel, plan, ...options });
}

describe('publish', () => {
  test('reaches every subscriber, in one order, with an id each', async () => {
    const space = redis.namespace();
    const [one, two] = [await listen(space), await listen(space)];
    const ledger = newPath();
    const plan = { count: 12_345, rate: undefined, duration: undefined, batch: 1_000 };
    const result = await publishTo(space, { plan, ledger });
    // When publish returns, the ledger holds all ids.
    expect(idsIn(ledger)).toHaveLength(12_345);
    expect(result).toMatchObject({
      published: 12_345,
      receivers: { min: 2, max: 2 },
      unheard: 0,
      ledger,
      listed: 12_345,
    });
    await until(() => one.length === 12_345 && two.length === 12_345);
    expect(one).toEqual(idsIn(ledger));
    expect(two).toEqual(one);
    expect(new Set(one).size).toBe(12_345);
  });

  test('does not count the subscriber of its ledger as a receiver', async () => {
    const result = await publishTo(redis.namespace(), { ledger: newPath() });
    expect(result).toMatchObject({ receivers: { min: 0, max: 0 }, unheard: 1_000, listed: 1_000 });
  });

  test('writes the ids of others into the ledger too', async () => {
    const space = redis.namespace();
    const ledger = newPath();
    const other = new Redis(space.redis);
    onTestFinished(() => other.disconnect());
    const plan = { count: 100, rate: 200, duration: undefined, batch: 10 };
    const result = publishTo(space, { plan, ledger });
    await until(async () => ((await other.pubsub('NUMSUB', space.channel)) as [string, number])[1] > 0);
    for (const text of ['{"message_id":"other"}', '{"message_id":17}', 'nonsense'])
      await other.publish(space.channel, text);
    expect((await result).listed).toBe(102);
    expect(idsIn(ledger)).toEqual(expect.arrayContaining(['other', '17']));
  });

  test('publishes messages of the requested size', async () => {
    const space = redis.namespace();
    const subscriber = new Redis(space.redis);
    onTestFinished(() => subscriber.disconnect());
    const sizes = new Set<number>();
    let heard = 0;
    subscriber.on('messageBuffer', (_channel, bytes: Buffer) => {
      sizes.add(bytes.length);
      heard++;
    });
    await subscriber.subscribe(space.channel);
    await publishTo(space, { bytes: 20_000 });
    await until(() => heard === 1_000);
    expect([...sizes]).toEqual([20_000]);
  });

  test('says how many were published for sure when the connection dies', async () => {
    const proxy = await startProxy(redis.server.port);
    onTestFinished(() => proxy.stop());
    const space = redis.namespace();
    const heard = await listen(space);
    let published = 0;
    const onProgress = (count: number) => {
      published = count;
      if (count >= 5_000) proxy.cut();
    };
    const plan = { count: 10_000_000, rate: undefined, duration: undefined, batch: 100 };
    const error: unknown = await publishTo({ ...space, redis: proxy.url }, { plan, onProgress }).catch(
      (e: unknown) => e,
    );
    expect(error).toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    const [, ...counts] =
      /([\d,]+) messages were published for sure, ([\d,]+) more may/.exec(String(error)) ?? [];
    const [sure, unsure] = counts.map((count) => Number(count.replaceAll(',', '')));
    expect(sure).toBe(published);
    await until(() => heard.length >= published);
    expect(heard.length).toBeLessThanOrEqual(Number(sure) + Number(unsure));
  });

  test('refuses an incomplete ledger', async () => {
    const space = redis.namespace();
    const admin = new Redis(space.redis);
    onTestFinished(() => admin.disconnect());
    let cut = false;
    const onProgress = (count: number) => {
      if (count < 100 || cut) return;
      cut = true;
      void admin.client('KILL', 'TYPE', 'pubsub');
    };
    const plan = { count: 100_000, rate: 20_000, duration: undefined, batch: 100 };
    await expect(publishTo(space, { plan, ledger: newPath(), onProgress })).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      message: expect.stringMatching(
        /the ledger is not complete.*cut off.*were published for sure/,
      ) as string,
    });
  });
});

describe('cgroup publish', () => {
  const flags = ({ redis: url, channel }: Namespace) => ['publish', '--redis', url, '--channel', channel];

  test('publishes 1000 messages by default, and prints a line', async () => {
    const space = redis.namespace();
    const heard = await listen(space);
    const run = cgroup(flags(space));
    expect(await run.exit).toMatchObject({ code: 0 });
    expect(run.stdout()).toMatch(
      /^published 1,000 messages in [\d.]+ s \([\d,]+ msg\/s\), received by 1 subscriber each\n$/,
    );
    expect(run.stderr()).toBe('');
    await until(() => heard.length === 1_000);
  });

  test('warns of messages that no subscriber receives', async () => {
    const run = cgroup([...flags(redis.namespace()), '--count', '30']);
    expect(await run.exit).toMatchObject({ code: 0 });
    expect(run.stdout()).toContain('received by no subscriber');
    expect(run.stderr()).toMatch(/no subscriber received 30 of 30 messages.*cgroup start/);
  });

  test('prints one JSON object with --json', async () => {
    const space = redis.namespace();
    const ledger = newPath();
    await listen(space);
    const run = cgroup([
      ...flags(space),
      '--json',
      '--rate',
      '1000',
      '--duration',
      '300ms',
      '--ledger',
      ledger,
    ]);
    expect(await run.exit).toMatchObject({ code: 0 });
    expect(JSON.parse(run.stdout())).toEqual({
      published: 300,
      seconds: expect.any(Number) as number,
      rate: expect.any(Number) as number,
      receivers: { min: 1, max: 1 },
      unheard: 0,
      unsure: 0,
      ledger,
      listed: 300,
    });
    expect(idsIn(ledger)).toHaveLength(300);
  });

  test('ends early at SIGINT, with its summary and a complete ledger', async () => {
    const space = redis.namespace();
    const heard = await listen(space);
    const ledger = newPath();
    const run = cgroup([...flags(space), '--rate', '1000', '--duration', '1h', '--json', '--ledger', ledger]);
    await until(() => heard.length > 100);
    expect(await run.kill('SIGINT')).toMatchObject({ code: 130 });
    const { published } = JSON.parse(run.stdout()) as Published;
    expect(published).toBeGreaterThan(100);
    await until(() => heard.length === published);
    expect(idsIn(ledger)).toEqual(heard);
  });

  test.each([
    [['--count', '0'], 2, /--count.*whole number, 1 or more/],
    [['--rate', 'fast'], 2, /--rate.*whole number/],
    [['--duration', '10'], 2, /--duration.*250ms/],
    [['--batch', '20000'], 2, /--batch.*from 1 to 10000/],
    [['--ledger', '/no/such/folder/ids.txt'], 1, /cannot write the ledger \/no\/such\/folder\/ids.txt/],
    [['--redis', 'redis://127.0.0.1:1'], 1, /cannot reach Redis at 127.0.0.1:1/],
  ])('with %j ends with %d', async (more, code, pattern) => {
    const run = cgroup([...flags(redis.namespace()), ...more]);
    expect(await run.exit).toMatchObject({ code });
    expect(run.stderr()).toMatch(pattern);
    expect(run.stdout()).toBe('');
  });
});

describe('cgroup publish of given messages', () => {
  const heard = async (space: Namespace) => {
    const subscriber = new Redis(space.redis);
    onTestFinished(() => subscriber.disconnect());
    const texts: string[] = [];
    subscriber.on('message', (_channel, text: string) => texts.push(text));
    await subscriber.subscribe(space.channel);
    return texts;
  };

  test('--message, several times', async () => {
    const space = redis.namespace();
    const texts = await heard(space);
    const two = ['{"message_id":"a","n":1}', ' {"message_id": 2} '];
    const run = cgroup([
      'publish',
      '--redis',
      space.redis,
      '--channel',
      space.channel,
      '--json',
      '--message',
      two[0] as string,
      '--message',
      two[1] as string,
    ]);
    expect(await run.exit, run.stderr()).toMatchObject({ code: 0 });
    expect(JSON.parse(run.stdout())).toMatchObject({ published: 2, receivers: { min: 1, max: 1 } });
    await until(() => texts.length === 2);
    expect(texts).toEqual(two);
  });

  test('--file: the lines of a file or of stdin, with a ledger of their ids', async () => {
    const space = redis.namespace();
    const texts = await heard(space);
    const lines = Array.from({ length: 2_500 }, (_, i) =>
      JSON.stringify({ message_id: `m${i}`, text: 'ä\u2028'.repeat(i % 40) }),
    );
    const [path, ledger] = [newPath(), newPath()];
    writeFileSync(path, `${lines.join('\n')}\n`);
    const flags = ['--redis', space.redis, '--channel', space.channel];
    const fromFile = cgroup(['publish', ...flags, '--file', path, '--ledger', ledger, '--batch', '300']);
    expect(await fromFile.exit, fromFile.stderr()).toMatchObject({ code: 0 });
    expect(fromFile.stdout()).toMatch(/^published 2,500 messages .*2,500 ids in /);
    expect(texts).toEqual(lines);
    expect(idsIn(ledger)).toEqual(lines.map((_, i) => `m${i}`));
    const fromInput = cgroup(['publish', ...flags, '--file', '-'], {
      input: '{"message_id":"x"}\n\nno JSON',
    });
    expect(await fromInput.exit, fromInput.stderr()).toMatchObject({ code: 0 });
    await until(() => texts.length === 2_502);
    expect(texts.slice(-2)).toEqual(['{"message_id":"x"}', 'no JSON']);
    expect(fromInput.stderr()).toContain('1 message is no JSON object with a message_id');
  });

  test.each([
    [['--file', '/no/such/file'], 1, /the messages cannot be read: ENOENT/],
    [['--message', '{}', '--count', '3'], 2, /--message.*--count/],
    [['--file', 'x', '--message', 'y'], 2, /--file.*--message|--message.*--file/],
    [
      ['--message', '{"n":1}', '--ledger', join(folder, 'never.txt')],
      1,
      /message 1 cannot be published: a ledger needs its message_id/,
    ],
  ])('%j is refused', async (flags, code, error) => {
    const space = redis.namespace();
    const run = cgroup(['publish', '--redis', space.redis, '--channel', space.channel, ...flags]);
    expect((await run.exit).code).toBe(code);
    expect(run.stderr()).toMatch(error);
  });
});
