import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import { ConsumerGroup, type GroupOptions } from '../../src/index.js';
import type { Namespace } from './redis.js';

/** A group in this process, and a client to publish and read. Both end with the test. */
export function makeGroup(space: Namespace, options: GroupOptions = {}) {
  const group = new ConsumerGroup({ size: 2, ...space, ...options });
  onTestFinished(() => group.stop());
  const raw = new Redis(space.redis, { lazyConnect: true }); // some tests have no Redis
  onTestFinished(() => raw.disconnect());
  const listed = () => raw.lrange(space.consumerList, 0, -1);
  const publish = async (...messages: unknown[]) => {
    for (const message of messages)
      await raw.publish(space.channel, typeof message === 'string' ? message : JSON.stringify(message));
  };
  const results = async () =>
    (await raw.xrange(space.output, '-', '+')).map(([, flat]) => JSON.parse(String(flat[7])) as unknown);
  return { group, space, raw, listed, publish, results };
}
