import { describe, expect, it, onTestFinished } from 'vitest';
import { silentLogger } from '../../src/log/logger.js';
import { Recorder } from '../../src/publish/ledger-recorder.js';
import { Connection } from '../../src/redis/protocol/connection.js';
import { ChannelReader } from '../../src/redis/publishing.js';
import { withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const redis = withRedis();

async function connect(): Promise<Connection> {
  const connection = new Connection(redis.url, 'test', silentLogger);
  onTestFinished(() => connection.close());
  await connection.connect(5_000);
  return connection;
}

describe('a reader of a channel', () => {
  it('hears the bytes that were published, in order, and those of no other channel', async () => {
    const [publisher, subscriber] = [await connect(), await connect()];
    const heard: Buffer[] = [];
    const reader = new ChannelReader(subscriber, 'messages');
    await reader.subscribe(
      (message) => heard.push(message),
      () => {},
    );
    const messages = [Buffer.from([0, 1, 254, 255]), Buffer.from('é\n'), Buffer.alloc(0)];
    await publisher.call('PUBLISH', 'others', 'not for us');
    for (const message of messages) expect(await publisher.call('PUBLISH', 'messages', message)).toBe(1);
    await until(() => heard.length >= messages.length);
    expect(heard).toEqual(messages);
  });

  it('feeds a recorder, which knows which of our own messages have not come back', async () => {
    const [publisher, subscriber] = [await connect(), await connect()];
    const ledger: string[] = [];
    const recorder = new Recorder((id) => ledger.push(id));
    await new ChannelReader(subscriber, 'ours').subscribe(
      (message) => recorder.hear(message),
      () => {},
    );
    for (const id of ['a', 'b', 'c']) recorder.expect(id);
    for (const message of ['{"message_id":"a"}', '{"message_id":"foreign"}', '{"message_id":"b"}', 'none'])
      await publisher.call('PUBLISH', 'ours', Buffer.from(message));
    await recorder.until(1);
    await until(() => recorder.unlisted === 1);
    expect(ledger).toEqual(['a', 'foreign', 'b']);
    expect(recorder.awaited).toBe(1);
  });

  it('hears messages longer than what comes over the socket at once, and ends when all was heard', async () => {
    const [publisher, subscriber] = [await connect(), await connect()];
    const heard: string[] = [];
    await new ChannelReader(subscriber, 'long').subscribe(
      (message) => heard.push(String(message)),
      () => {},
    );
    const messages = [1, 70_000, 3_000_000, 10, 200_000].map((length, i) => String(i).repeat(length));
    const published = Promise.all(messages.map((message) => publisher.call('PUBLISH', 'long', message)));
    await published;
    await subscriber.unsubscribe();
    expect(heard.length).toBe(messages.length);
    expect(heard.every((message, i) => message === messages[i])).toBe(true);
  });
});
