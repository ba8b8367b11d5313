import { once } from 'node:events';
import { ConsumerGroup } from 'cgroup';
import handle from './handler.mjs';

const stopRequested = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);

// Stops the group when the program leaves this scope, also if start() throws.
await using group = new ConsumerGroup({
  redis: process.env.REDIS_URL ?? 'redis://127.0.0.1:6379',
  processor: handle,
  size: 2,
  timeout: '10s',
});
await group.start();
console.log('ready');
await stopRequested;
