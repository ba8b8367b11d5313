import { EventEmitter } from 'node:events';
import RedisMock from 'ioredis-mock';
import { describe, expect, it } from 'vitest';
import { listenTo, type Subscriber } from '../../../src/core/subscriber.js';
import { until } from '../../helpers/until.js';

describe('listening to a channel', () => {
  /** A connection of a mocked Redis. */
  function mocked() {
    const redis = new RedisMock();
    const subscribe: Subscriber['subscribe'] = async (channels) => {
      redis.on('messageBuffer', (name: Buffer, message: Buffer) =>
        channels.get(String(name))?.(message, 0, message.length),
      );
      await redis.subscribe(...channels.keys());
    };
    return Object.assign(new EventEmitter(), { subscribe });
  }

  it('receives only this channel, from the subscription until the connection is lost', async () => {
    const connection = mocked();
    const publisher = new RedisMock();
    const received: string[] = [];
    let lost = false;
    // As bytes: the mock gives texts only to listeners for text.
    await publisher.publish('news', Buffer.from('before'));
    await listenTo(
      connection,
      'news',
      (bytes) => received.push(String(bytes)),
      () => {
        lost = true;
      },
    );
    await publisher.publish('other', Buffer.from('elsewhere'));
    for (const text of ['1', '2', '3']) await publisher.publish('news', Buffer.from(text));
    await until(() => received.length >= 3);
    expect(received).toEqual(['1', '2', '3']);
    expect(lost).toBe(false);
    connection.emit('lost');
    expect(lost).toBe(true);
  });
});
