import { describe, expect, it, onTestFinished } from 'vitest';
import { listenTo } from '../../src/core/subscriber.js';
import { silentLogger } from '../../src/log/logger.js';
import { LedgerRecorder } from '../../src/publish/ledger-recorder.js';
import { Connection } from '../../src/redis/protocol/connection.js';
import { withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const redis = withRedis();

async function connect(): Promise<Connection> {
  const connection = new Connection(redis.url, 'test', silentLogger);
  onTestFinished(() => connection.close());
  await connection.connect();
  return connection;
}

describe('a subscription to a channel', () => {
  it('receives the published bytes in order, and those of no other channel', async () => {
    const [publisher, subscriber] = [await connect(), await connect()];
    const received: Buffer[] = [];
    await listenTo(
      subscriber,
      'messages',
      (message) => received.push(message),
      () => {},
    );
    const messages = [Buffer.from([0, 1, 254, 255]), Buffer.from('é\n'), Buffer.alloc(0)];
    await publisher.call('PUBLISH', 'others', 'not for us');
    for (const message of messages) expect(await publisher.call('PUBLISH', 'messages', message)).toBe(1);
    await until(() => received.length >= messages.length);
    expect(received).toEqual(messages);
  });

  it('feeds a recorder, which knows which of our own messages are still to come', async () => {
    const [publisher, subscriber] = [await connect(), await connect()];
    const ledger: string[] = [];
    const recorder = new LedgerRecorder((id) => ledger.push(id));
    await listenTo(
      subscriber,
      'ours',
      (message) => recorder.receive(message),
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

  it('receives messages longer than a chunk of the socket, and ends when all are received', async () => {
    const [publisher, subscriber] = [await connect(), await connect()];
    const received: string[] = [];
    await listenTo(
      subscriber,
      'long',
      (message) => received.push(String(message)),
      () => {},
    );
    const messages = [1, 70_000, 3_000_000, 10, 200_000].map((length, i) => String(i).repeat(length));
    const published = Promise.all(messages.map((message) => publisher.call('PUBLISH', 'long', message)));
    await published;
    await subscriber.unsubscribe();
    expect(received.length).toBe(messages.length);
    expect(received.every((message, i) => message === messages[i])).toBe(true);
  });
});
