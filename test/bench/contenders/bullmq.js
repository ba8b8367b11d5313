import { Queue, Worker } from 'bullmq';
import { Redis } from 'ioredis';
import { CHANNEL, OUTPUT } from '../names.js';
import { Batcher } from './batcher.js';

/**
 * BullMQ as its documentation advises for throughput: jobs added in bulk (guide/queues/adding-bulks), a concurrency that suits
 * processors that wait for Redis (guide/workers/concurrency), and jobs that are removed when they are done
 * (guide/queues/auto-removal-of-jobs).
 */
const QUEUE = 'bench';
const BULK = 500;
const CONCURRENCY = 300;

export async function start({ port }) {
  const connection = { port, host: '127.0.0.1', maxRetriesPerRequest: null };
  const queue = new Queue(QUEUE, {
    connection,
    defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
  });
  const output = new Redis({ port, host: '127.0.0.1', enableAutoPipelining: true });
  const worker = new Worker(
    QUEUE,
    async (job) => {
      const result = { ...job.data, random: Math.random() };
      const fields = [
        'message_id',
        result.message_id,
        'consumer_id',
        worker.id,
        'data',
        JSON.stringify(result),
      ];
      await output.xadd(OUTPUT, '*', ...fields);
    },
    { connection, concurrency: CONCURRENCY },
  );
  await Promise.all([queue.waitUntilReady(), worker.waitUntilReady()]);

  const batcher = new Batcher(BULK, (messages) =>
    queue.addBulk(messages.map((message) => ({ name: 'message', data: JSON.parse(message) }))),
  );
  const subscriber = new Redis({ port, host: '127.0.0.1' });
  await subscriber.subscribe(CHANNEL);
  subscriber.on('message', (_channel, message) => batcher.add(message));

  return async () => {
    subscriber.disconnect();
    await worker.close();
    await queue.close();
    output.disconnect();
  };
}
