import { Redis } from 'ioredis';
import { CHANNEL, OUTPUT } from '../names.js';

/**
 * The loop of the tutorials: a subscriber adds each message to a stream; each consumer reads ten, and writes and
 * acknowledges them one by one. Nothing is removed from the stream, and no consumer takes over the messages of a dead one.
 *
 * ioredis sends all commands of one turn of the event loop together, so the loop does not wait for each XADD.
 */
const STREAM = 'tutorial:stream';
const GROUP = 'tutorial';
const CONSUMERS = 4;
const COUNT = 10;

export async function start({ port }) {
  const connect = () => new Redis({ port, host: '127.0.0.1' });
  const [subscriber, adder] = [connect(), connect()];
  const readers = Array.from({ length: CONSUMERS }, connect);
  await adder.xgroup('CREATE', STREAM, GROUP, '0', 'MKSTREAM');
  await subscriber.subscribe(CHANNEL);
  subscriber.on('message', (_channel, message) => void adder.xadd(STREAM, '*', 'message', message));

  let stopping = false;
  const loops = readers.map(async (redis, i) => {
    const consumer = `tutorial-${i + 1}`;
    while (!stopping) {
      const from = ['STREAMS', STREAM, '>'];
      const reply = await redis.xreadgroup('GROUP', GROUP, consumer, 'COUNT', COUNT, 'BLOCK', 100, ...from);
      for (const [id, [, message]] of reply?.[0][1] ?? []) {
        const result = work(JSON.parse(message));
        const fields = [
          'message_id',
          result.message_id,
          'consumer_id',
          consumer,
          'data',
          JSON.stringify(result),
        ];
        await redis.xadd(OUTPUT, '*', ...fields);
        await redis.xack(STREAM, GROUP, id);
      }
    }
  });

  return async () => {
    stopping = true;
    await Promise.all(loops);
    for (const redis of [subscriber, adder, ...readers]) redis.disconnect();
  };
}

function work(message) {
  return { ...message, random: Math.random() };
}
