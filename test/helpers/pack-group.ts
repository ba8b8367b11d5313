import { onTestFinished } from 'vitest';
import type { Position } from '../../src/core/position.js';
import { silentLogger } from '../../src/log/logger.js';
import { RedisInboxReader } from '../../src/redis/consumer-store.js';
import { Connection } from '../../src/redis/protocol/connection.js';
import { packed } from './packed.js';
import type { Namespace } from './redis.js';
import { GROUP, openStores } from './stores.js';

/** The stores of a group whose bridge relays packs. */
export async function packGroup(space: Namespace) {
  const stores = await openStores(space);
  const { bridgeStore, raw, keys } = stores;
  const own = new Connection(space.redis, 'reader', silentLogger);
  const other = new Connection(space.redis, 'other', silentLogger);
  onTestFinished(() => {
    own.close();
    other.close();
  });
  await Promise.all([own.connect(), other.connect()]);
  const { token } = (await bridgeStore.take('bridge', 0, 0)) as { token: number };
  let position: Position | undefined;
  let made = 0;
  return {
    ...stores,
    other,
    /** Relays packs of so many messages; returns their ids. */
    relayPacks: async (count: number, size = 3) => {
      const messages = Array.from({ length: count * size }, () => `{"message_id":${++made}}`);
      const to = { epoch: 1, offset: (position?.offset ?? 0) + messages.length };
      const request = { caller: 'bridge', token, from: position, to, messages: packed(messages) };
      await bridgeStore.relay({ ...request, packSize: size });
      position = to;
      return (await raw.xrange(keys.packs, '-', '+')).slice(-count).map(([id]) => id);
    },
    readAll: (consumer = 'a') =>
      new RedisInboxReader(own, own, keys, GROUP, consumer).read(10_000, undefined),
  };
}
