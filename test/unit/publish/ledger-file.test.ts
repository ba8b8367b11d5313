import { EventEmitter } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import RedisMock from 'ioredis-mock';
import { afterAll, describe, expect, it } from 'vitest';
import { canBeListed, LedgerFile, readLedger } from '../../../src/publish/ledger-file.js';
import { Recorder } from '../../../src/publish/ledger-recorder.js';
import { ChannelReader, type Subscribable } from '../../../src/redis/publishing.js';
import { until } from '../../helpers/until.js';

const folder = mkdtempSync(join(tmpdir(), 'cgroup-ledger-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const newPath = () => join(folder, `${++files}.txt`);

async function idsIn(text: string): Promise<string[]> {
  const path = newPath();
  writeFileSync(path, text);
  const ids: string[] = [];
  await readLedger(path, (id) => ids.push(id));
  return ids;
}

describe('a ledger file', () => {
  it('is one id a line and nothing else', async () => {
    const file = await LedgerFile.open(newPath());
    for (const id of ['b', 'a', 'b']) file.add(id);
    await file.close();
    expect(readFileSync(file.path, 'utf8')).toBe('b\na\nb\n');
    expect(file.ids).toBe(3);
  });

  it('replaces one that was there', async () => {
    const path = newPath();
    writeFileSync(path, 'old\n'.repeat(100));
    const file = await LedgerFile.open(path);
    await file.close();
    expect(readFileSync(path, 'utf8')).toBe('');
  });

  it('gives back the ids that it was given, however long it is', async () => {
    const ids = fc.string({ unit: 'grapheme', minLength: 1 }).filter(canBeListed);
    await fc.assert(
      fc.asyncProperty(fc.array(ids), fc.constantFrom(1, 3_000), async (list, times) => {
        const file = await LedgerFile.open(newPath());
        const all = Array.from({ length: times }, () => list).flat();
        for (const id of all) file.add(id);
        await file.close();
        const read: string[] = [];
        await readLedger(file.path, (id) => read.push(id));
        expect(read).toEqual(all);
      }),
      { numRuns: 30 },
    );
  });

  it.each([
    ['', []],
    ['a', ['a']],
    ['a\nb\n', ['a', 'b']],
    ['a\r\nb\r\n', ['a', 'b']],
    ['\n\na\n \n\r\nb\n\n', ['a', 'b']],
    [' a b ', [' a b ']],
  ])('%j holds %j', async (text, ids) => {
    expect(await idsIn(text)).toEqual(ids);
  });

  it.each([
    ['x', true],
    [' x ', true],
    ['', false],
    ['  ', false],
    ['a\nb', false],
    ['a\r', false],
  ])('can hold %j: %j', (id, can) => {
    expect(canBeListed(id)).toBe(can);
  });

  it('that is not there, or a folder, is told with its path', async () => {
    const path = join(folder, 'nowhere', 'ids.txt');
    const message = expect.stringContaining(path) as string;
    await expect(readLedger(path, () => {})).rejects.toMatchObject({ code: 'NOT_FOUND', message });
    await expect(readLedger(folder, () => {})).rejects.toMatchObject({ code: 'NOT_FOUND' });
    await expect(LedgerFile.open(path)).rejects.toMatchObject({ code: 'NOT_FOUND', message });
  });

  it.runIf(process.platform === 'linux')('on a full disk is told', async () => {
    const file = await LedgerFile.open('/dev/full');
    file.add('a');
    await expect(file.close()).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('ENOSPC') as string,
    });
  });
});

const message = (id: unknown) => Buffer.from(JSON.stringify({ message_id: id }));

describe('the recorder', () => {
  it('writes what it hears, that of others too, in order', () => {
    const ids: string[] = [];
    const recorder = new Recorder((id) => ids.push(id));
    recorder.expect('b');
    for (const id of ['c', 'b', 7, 'c']) recorder.hear(message(id));
    expect(ids).toEqual(['c', 'b', '7', 'c']);
    expect(recorder).toMatchObject({ awaited: 0, unlisted: 0 });
  });

  it('counts what has no id that could be listed', () => {
    const recorder = new Recorder(() => expect.unreachable());
    for (const bytes of [Buffer.from('{'), Buffer.from('{}'), message('a\nb'), message('')])
      recorder.hear(bytes);
    expect(recorder.unlisted).toBe(4);
  });

  it('waits until only so many are awaited', async () => {
    const recorder = new Recorder(() => {}, 60_000);
    for (const id of ['a', 'b', 'c']) recorder.expect(id);
    await recorder.until(3);
    let reached = false;
    const waiting = recorder.until(1).then(() => {
      reached = true;
    });
    recorder.hear(message('other'));
    recorder.hear(message('c'));
    await new Promise(setImmediate);
    expect(reached).toBe(false);
    recorder.hear(message('a'));
    await waiting;
    expect(recorder.awaited).toBe(1);
  });

  it('waits no longer than it hears something', async () => {
    const recorder = new Recorder(() => {}, 20);
    recorder.expect('a');
    recorder.expect('b');
    recorder.hear(message('a'));
    await expect(recorder.until(0)).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      message: expect.stringMatching(/1 published messages are missing.*heard nothing for 0.02 s/) as string,
    });
  });

  it('goes on waiting while it hears its own', async () => {
    const recorder = new Recorder(() => {}, 60);
    const ids = Array.from({ length: 20 }, (_, i) => `id${i}`);
    for (const id of ids) recorder.expect(id);
    const waiting = recorder.until(0);
    const timer = setInterval(() => recorder.hear(message(ids.shift())), 10);
    await waiting.finally(() => clearInterval(timer));
  });

  it('does not go on waiting for what it hears of others', async () => {
    const recorder = new Recorder(() => {}, 30);
    recorder.expect('a');
    const timer = setInterval(() => recorder.hear(message('other')), 5);
    await expect(recorder.until(0).finally(() => clearInterval(timer))).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
    });
  });

  it('ends at once when the subscription is gone', async () => {
    const recorder = new Recorder(() => {}, 60_000);
    recorder.expect('a');
    const waiting = recorder.until(0);
    recorder.lose();
    await expect(waiting).rejects.toMatchObject({ message: expect.stringContaining('cut off') as string });
    await expect(recorder.until(0)).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' });
    await expect(recorder.until(1)).resolves.toBeUndefined();
  });
});

describe('the subscriber of a ledger', () => {
  /** A connection of a mocked Redis. */
  function mocked() {
    const redis = new RedisMock();
    const subscribe: Subscribable['subscribe'] = async (channels) => {
      redis.on('messageBuffer', (name: Buffer, message: Buffer) =>
        channels.get(String(name))?.(message, 0, message.length),
      );
      await redis.subscribe(...channels.keys());
    };
    return Object.assign(new EventEmitter(), { subscribe }) as unknown as Subscribable & EventEmitter;
  }

  it('hears its channel only, from the moment on when it is subscribed, until it is lost', async () => {
    const connection = mocked();
    const publisher = new RedisMock();
    const heard: string[] = [];
    let lost = false;
    // Bytes, because of text the mock tells only those who listen for text.
    await publisher.publish('news', Buffer.from('before'));
    await new ChannelReader(connection, 'news').subscribe(
      (bytes) => heard.push(String(bytes)),
      () => {
        lost = true;
      },
    );
    await publisher.publish('other', Buffer.from('elsewhere'));
    for (const text of ['1', '2', '3']) await publisher.publish('news', Buffer.from(text));
    await until(() => heard.length >= 3);
    expect(heard).toEqual(['1', '2', '3']);
    expect(lost).toBe(false);
    connection.emit('lost');
    expect(lost).toBe(true);
  });
});
