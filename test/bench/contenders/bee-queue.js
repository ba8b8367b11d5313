import BeeQueue from 'bee-queue';
import { Redis } from 'ioredis';
import { CHANNEL, OUTPUT } from '../names.js';
import { Batcher } from './batcher.js';

/**
 * Bee-Queue as its README advises: no events, no jobs kept in memory or, once done, in Redis ("Settings"), jobs saved
 * together (`saveAll`), one queue to add and another one to work ("Optimizing Redis Connections").
 */
const QUEUE = 'bench';
const BULK = 500;
const CONCURRENCY = 300;

export async function start({ port }) {
  const settings = {
    redis: { port, host: '127.0.0.1' },
    getEvents: false,
    sendEvents: false,
    storeJobs: false,
    removeOnSuccess: true,
  };
  const adding = new BeeQueue(QUEUE, { ...settings, isWorker: false });
  const working = new BeeQueue(QUEUE, settings);
  const output = new Redis({ port, host: '127.0.0.1', enableAutoPipelining: true });
  await Promise.all([adding.ready(), working.ready()]);
  const consumer = `bee-${process.pid}`;
  working.process(CONCURRENCY, async (job) => {
    const result = { ...job.data, random: Math.random() };
    const fields = ['message_id', result.message_id, 'consumer_id', consumer, 'data', JSON.stringify(result)];
    await output.xadd(OUTPUT, '*', ...fields);
  });

  const batcher = new Batcher(BULK, (messages) =>
    adding.saveAll(messages.map((message) => adding.createJob(JSON.parse(message)))),
  );
  const subscriber = new Redis({ port, host: '127.0.0.1' });
  await subscriber.subscribe(CHANNEL);
  subscriber.on('message', (_channel, message) => batcher.add(message));

  return async () => {
    subscriber.disconnect();
    await working.close();
    await adding.close();
    output.disconnect();
  };
}
