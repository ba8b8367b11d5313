import { onTestFinished } from 'vitest';
import type { Position } from '../../src/core/position.js';
import { silentLogger } from '../../src/log/logger.js';
import { RedisBridgeStore } from '../../src/redis/bridge-store.js';
import { RedisConsumerStore, RedisInboxReader } from '../../src/redis/consumer-store.js';
import { RedisKeyStore } from '../../src/redis/key-store.js';
import { OrderedCommits } from '../../src/redis/ordered-commits.js';
import { Connection } from '../../src/redis/protocol/connection.js';
import { packed } from './packed.js';
import type { Namespace } from './redis.js';
import { GROUP, openStores } from './stores.js';

/** The stores of a group with order `key`, where the key is `k`. */
export async function keyedGroup(space: Namespace, { run = 250, list = false } = {}) {
  const stores = await openStores(space);
  const { raw, keys } = stores;
  const connection = new Connection(space.redis, 'keyed', silentLogger);
  const reading = new Connection(space.redis, 'reading', silentLogger);
  const close = () => {
    connection.close();
    reading.close();
  };
  onTestFinished(close);
  await Promise.all([connection.connect(), reading.connect()]);
  const most = { run };
  const sink = { list, order: 'key', timed: true } as const;
  const ordered = new OrderedCommits(connection, keys, {
    ...sink,
    group: GROUP,
    maxLength: 0,
    run: () => most.run,
  });
  const bridgeStore = new RedisBridgeStore(connection, keys, 'k');
  const { token } = (await bridgeStore.take('keyed', 0, 0)) as { token: number };
  let position: Position | undefined;
  return {
    ...stores,
    space,
    connection,
    close,
    /** Most messages of a run. */
    most,
    ordered,
    consumerStore: new RedisConsumerStore(connection, keys, GROUP, undefined, {
      ordered,
      burying: { order: 'key', halt: false },
    }),
    keyStore: new RedisKeyStore(connection, keys, GROUP, () => most.run),
    relay: async (messages: readonly object[]) => {
      const to = { epoch: 1, offset: (position?.offset ?? 0) + messages.length };
      const texts = messages.map((message) => JSON.stringify(message));
      const request = { caller: 'keyed', token, from: position, to, messages: packed(texts), packSize: 1 };
      const reply = await bridgeStore.relay(request);
      if (reply.kind === 'written') position = to;
      return reply;
    },
    readUnits: (consumerId: string, count = 1_000) =>
      new RedisInboxReader(reading, connection, keys, GROUP, consumerId, 'small').read(count, undefined),
    /** The keys and messages of held, in their order. */
    held: async () =>
      (await raw.zrangebylex(keys.held, '-', '+')).map((member) => {
        const [key = '', number = '', past = '', ...message] = member.split('\0');
        return { key, number, past, message: message.join('\0') };
      }),
  };
}

export type KeyedGroup = Awaited<ReturnType<typeof keyedGroup>>;
