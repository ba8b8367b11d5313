import { describe, expect, test } from 'vitest';
import { groupOn } from '../helpers/group.js';
import { addressOf, SERVING } from '../helpers/http.js';
import { echo, RawWorker } from '../helpers/raw-worker.js';
import { withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const redis = withRedis();
const REMOTE = ['-p', 'remote', ...SERVING];

describe('a remote worker', () => {
  test('is a consumer that comes and goes', async () => {
    const group = await groupOn(redis.url);
    const run = await group.start(REMOTE);
    const url = await addressOf(run);
    const ids = await group.publish(20);
    const worker = await RawWorker.connect(url, { name: 'py.1', concurrency: 4, onDelivery: echo });
    expect(worker.hello?.result).toMatchObject({
      group: 'cgroup',
      heartbeat: 1_000,
      lease: 3_000,
      concurrency: 4,
    });
    expect(worker.consumerId).toMatch(/-py\.1-1$/);
    await group.settled(20);
    const outputs = await group.outputs();
    expect(outputs.map(({ messageId }) => messageId).sort()).toEqual([...ids].sort());
    expect(outputs.every(({ consumerId }) => consumerId === worker.consumerId)).toBe(true);
    expect(await group.listed()).toEqual([worker.consumerId]);
    await worker.close();
    await until(async () => (await group.listed()).length === 0, { what: 'the id to leave the list' });
    await run.kill();
  });
});
