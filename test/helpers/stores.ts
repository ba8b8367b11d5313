import { Redis } from 'ioredis';
import { onTestFinished } from 'vitest';
import type { Entry } from '../../src/core/consumer-store.js';
import type { OutputKind } from '../../src/core/output.js';
import type { Position } from '../../src/core/position.js';
import { sourceOf } from '../../src/core/source.js';
import { silentLogger } from '../../src/log/logger.js';
import { RedisBridgeStore } from '../../src/redis/bridge-store.js';
import { RedisConsumerStore, RedisInboxReader } from '../../src/redis/consumer-store.js';
import { RedisControlStore } from '../../src/redis/control-store.js';
import { Inspector } from '../../src/redis/inspect.js';
import { type Keys, keysOf } from '../../src/redis/keys.js';
import { Connection } from '../../src/redis/protocol/connection.js';
import { RedisRegistry } from '../../src/redis/registry.js';
import { packed } from './packed.js';
import type { Namespace } from './redis.js';

/** The group that these stores work on. */
export const GROUP = 'cgroup';

/** The stores of one group, and a plain client to check them with. */
export interface Stores {
  readonly raw: Redis;
  readonly keys: Keys;
  readonly consumerStore: RedisConsumerStore;
  readonly bridgeStore: RedisBridgeStore;
  readonly registry: RedisRegistry;
  readonly control: RedisControlStore;
  /** The registry of another process of this group. */
  registryOf(id: string, host: string): RedisRegistry;
  readonly inspector: Inspector;
  /** Relays messages as the leading bridge does; returns their inbox ids. */
  relay(...messages: string[]): Promise<string[]>;
  /** Forgets what the leading bridge knew: the database was flushed. */
  startOver(): void;
  /** The new entries that a consumer gets. */
  read(consumerId: string, count?: number): Promise<Entry[]>;
  /** The pending entries with consumer and number of deliveries, in the order of their ids. */
  pending(): Promise<{ id: string; consumer: string; deliveries: number }[]>;
  /** The fields of all entries of a stream. */
  fields(stream: string): Promise<Record<string, string>[]>;
  /** All that Redis holds under the group's keys, in bytes: equal only if nothing was changed. */
  everything(): Promise<(Buffer | null)[]>;
}

/** Stores on a prepared group; they are closed when the test has ended. */
export async function openStores(space: Namespace, output?: OutputKind): Promise<Stores> {
  const raw = new Redis(space.redis);
  const connection = new Connection(space.redis, 'test', silentLogger);
  const reader = new Connection(space.redis, 'reader', silentLogger);
  onTestFinished(() => {
    raw.disconnect();
    connection.close();
    reader.close();
  });
  await Promise.all([connection.connect(), reader.connect()]);
  const keys = keysOf(space);
  const consumerStore = new RedisConsumerStore(connection, keys, GROUP, sourceOf(space), { output });
  const bridgeStore = new RedisBridgeStore(connection, keys);
  await consumerStore.prepare();

  let lead: { token: number; position: Position | undefined } | undefined;
  const relay = async (...messages: string[]): Promise<string[]> => {
    if (!lead) {
      const { token, beat } = await raw.hgetall(keys.bridge);
      const taken = await bridgeStore.take('bridge', Number(token ?? 0), Number(beat ?? 0));
      if (!taken.taken) throw new Error('the lead cannot be taken');
      lead = taken;
    }
    const { token, position: from } = lead;
    const to = { epoch: 1, offset: (from?.offset ?? 0) + messages.length };
    const last = (await raw.xrevrange(keys.inbox, '+', '-', 'COUNT', 1))[0]?.[0];
    const reply = await bridgeStore.relay({
      caller: 'bridge',
      token,
      from,
      to,
      messages: packed(messages),
      packSize: 1,
    });
    if (reply.kind !== 'written') throw new Error(`not relayed: ${reply.kind}`);
    lead = { token, position: to };
    return (await raw.xrange(keys.inbox, last ? `(${last}` : '-', '+')).map(([id]) => id);
  };

  return {
    raw,
    keys,
    consumerStore,
    bridgeStore,
    control: new RedisControlStore(connection, keys),
    registryOf: (id, host) => new RedisRegistry(connection, keys, { id, host, pid: 1, output: space.output }),
    registry: new RedisRegistry(connection, keys, {
      id: 'process',
      host: 'here',
      pid: 1,
      output: space.output,
    }),
    inspector: new Inspector(connection, keys, GROUP),
    relay,
    startOver: () => {
      lead = undefined;
    },
    read: async (consumerId, count = 10_000) => {
      const reads = new RedisInboxReader(reader, connection, keys, GROUP, consumerId);
      return [...(await reads.read(count, undefined)).entries];
    },
    pending: async () => {
      const reply = await raw.xpending(keys.inbox, GROUP, '-', '+', 10_000);
      return (reply as [string, string, number, number][]).map(([id, consumer, , deliveries]) => ({
        id,
        consumer,
        deliveries,
      }));
    },
    fields: async (stream) =>
      (await raw.xrange(stream, '-', '+')).map(([, flat]) =>
        Object.fromEntries(flat.flatMap((name, i) => (i % 2 === 0 ? [[name, String(flat[i + 1])]] : []))),
      ),
    everything: () => Promise.all(Object.values(keys).map((key) => raw.dumpBuffer(key))),
  };
}
