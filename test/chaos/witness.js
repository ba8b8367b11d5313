import { Redis } from 'ioredis';
import { CHANNEL } from './keys.js';
import { numberIn } from './messages.js';

/** Bytes read of a message: its id is near the front. */
const HEAD = 200;

/** The test's own subscriber, without a proxy: it sees the true order of the channel. */
export class Witness {
  /** Numbers of the messages, in the order of the channel. @type {number[]} */
  order = [];
  #redis;

  static async start(port) {
    const witness = new Witness();
    const redis = new Redis({ port, connectionName: 'chaos:witness', retryStrategy: () => 50 });
    witness.#redis = redis;
    redis.on('error', () => {}); // it connects again and has missed messages, which the checker allows for
    redis.on('messageBuffer', (_, message) => {
      const n = numberIn(message.toString('latin1', 0, HEAD));
      if (n !== undefined) witness.order.push(n);
    });
    await redis.subscribe(CHANNEL);
    return witness;
  }

  stop() {
    this.#redis.disconnect();
  }
}
