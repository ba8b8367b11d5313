import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { withRedis } from '../helpers/redis.js';
import { entriesOf, settled, startGroup } from '../helpers/running.js';
import { until } from '../helpers/until.js';

const redis = withRedis();
const cwd = mkdtempSync(join(tmpdir(), 'cgroup-shutdown-'));
afterAll(() => rmSync(cwd, { recursive: true, force: true }));

describe('when the group stops, a processor', () => {
  const SLOW = `
    export default ({ wait }, { attempt, log, signal }) => new Promise((resolve) => {
      log.info({}, 'begun');
      const timer = setTimeout(() => resolve({ attempt }), wait);
      signal.addEventListener('abort', () => {
        clearTimeout(timer);
        log.info({}, 'aborted: ' + signal.reason.name);
      });
    });`;

  async function begin(wait: number) {
    writeFileSync(join(cwd, 'slow.mjs'), SLOW);
    const space = redis.namespace();
    const client = new Redis(space.redis);
    onTestFinished(() => client.disconnect());
    const flags = ['-n', '1', '-p', 'slow.mjs', '--shutdown-timeout', '2s'];
    const start = () => startGroup(space, flags, { cwd });
    const first = await start();
    await client.publish(space.channel, JSON.stringify({ message_id: 'slow', wait }));
    await first.line(/"begun"/);
    const dataOf = async () => (await entriesOf(client, space.output)).map(({ data }) => String(data));
    return { space, client, start, first, dataOf };
  }

  test('may finish what it has begun', async () => {
    const { first, dataOf } = await begin(800);
    expect(await first.kill()).toEqual({ code: 0, signal: null });
    expect(await dataOf()).toEqual(['{"attempt":1}']);
  });

  test('that takes too long: its signal is aborted, and another consumer gets the message', async () => {
    const { space, client, start, first, dataOf } = await begin(3_500);
    expect(await first.kill()).toEqual({ code: 0, signal: null });
    expect(first.stderr()).toContain('aborted: AbortError');
    expect(first.stderr()).toContain('handed back 1 message that was not begun');
    expect(await dataOf()).toEqual([]);
    const second = await start();
    await until(() => settled(client, space, 1), { what: 'the message to be processed by the other' });
    await second.kill();
    // The message is not to blame: the attempt does not count.
    expect(await dataOf()).toEqual(['{"attempt":1}']);
  });
});
