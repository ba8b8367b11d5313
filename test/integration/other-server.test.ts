import { expect, it, onTestFinished } from 'vitest';
import { silentLogger } from '../../src/log/logger.js';
import { keysOf } from '../../src/redis/keys.js';
import { Connection } from '../../src/redis/protocol/connection.js';
import { take } from '../../src/redis/scripts/bridge.js';
import { freshRedis, namespaceOn } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

it('a script that is meant for one server runs there or nowhere, and waits for no connection', async () => {
  const redis = await freshRedis();
  const connection = new Connection(redis.url, 'test', silentLogger);
  onTestFinished(() => connection.close());
  await connection.connect();
  const { server = '' } = connection;
  const keys = keysOf(namespaceOn(redis.url));
  const options = { caller: 'me', token: 0, beat: 0 };
  const bound = (on: string) => connection.run(take, keys, options, on);

  // Redis does not know the script yet: it is sent twice.
  expect(await bound(server)).toMatchObject({ taken: true, token: 1 });
  await expect(bound('0'.repeat(40))).rejects.toMatchObject({ code: 'OTHER_SERVER' });
  expect(() => connection.mustBeOn('0'.repeat(40))).toThrow(/another server/);

  await redis.kill();
  await until(() => !connection.isReady);
  await expect(bound(server)).rejects.toMatchObject({ code: 'REDIS_UNREACHABLE' });
  await redis.restart();
  await until(() => connection.isReady);
  expect(connection.server).not.toBe(server);
  await expect(bound(server)).rejects.toMatchObject({ code: 'OTHER_SERVER' });
  await connection.call('SCRIPT', 'FLUSH');
  expect(await bound(connection.server ?? '')).toMatchObject({ taken: expect.any(Boolean) });
});
