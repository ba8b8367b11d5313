import { Redis } from 'ioredis';
import { expect, onTestFinished, test } from 'vitest';
import { ConsumerGroup } from '../../src/group/consumer-group.js';
import { type Logger, silentLogger } from '../../src/log/logger.js';
import { GroupClient } from '../../src/observe/client.js';
import { withCluster } from '../helpers/cluster.js';
import { namespaceOn } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const cluster = withCluster({ replicas: 0 });

test('the log names the lane of what stops a key, as dead letters have it, also after a start', async () => {
  const space = { ...namespaceOn(cluster().urls[0] as string), lanes: 3 };
  const client = await GroupClient.connect(space);
  const raw = new Redis(space.redis);
  onTestFinished(async () => {
    raw.disconnect();
    await client.close();
  });
  const told: { deadId?: string; text?: string; lane?: number }[] = [];
  const logger = loggerInto(told);
  const start = async () => {
    const group = new ConsumerGroup({
      ...space,
      ...{ size: 1, maxAttempts: 1, order: 'key', orderKey: 'key', onDead: 'halt', logger },
      processor: () => {
        throw new Error('broken');
      },
    });
    onTestFinished(() => group.stop());
    await group.start();
    return group;
  };
  const group = await start();
  for (let i = 0; i < 20; i++)
    await raw.publish(space.channel, JSON.stringify({ message_id: `m${i}`, key: `k${i}` }));
  await until(async () => (await client.status()).deadLetters === 20);
  await group.stop();
  const letters = await client.deadLetters.select();
  const halts = () => told.flatMap(({ deadId, text }) => (deadId ? [{ deadId, text }] : []));
  for (const { deadId, text } of halts()) {
    expect(letters).toContain(deadId);
    expect(text).toContain(`cgroup dead retry ${deadId};`);
  }
  // One line for all of a second.
  const before = halts().length;
  expect(before).toBeGreaterThan(0);
  expect(told.some(({ lane }) => lane !== undefined)).toBe(true);
  const again = await start();
  await again.stop();
  expect(halts().length).toBe(before + 1);
  const last = halts().at(-1)?.deadId as string;
  expect(letters).toContain(last);
  expect(await client.deadLetters.skip([last])).toEqual([last]);
}, 60_000);

/** Notes the fields and the text of each line. */
function loggerInto(lines: object[]): Logger {
  const childOf = (outer: object): Logger => {
    const note = (fields: object, text: string) => void lines.push({ ...outer, ...fields, text });
    return {
      ...silentLogger,
      ...{ info: note, warn: note, error: note },
      child: (fields) => childOf({ ...outer, ...fields }),
    };
  };
  return childOf({});
}
