import { onTestFinished } from 'vitest';
import type { DeadLetter, Entry } from '../../src/core/consumer-store.js';
import type { Position } from '../../src/core/position.js';
import { silentLogger } from '../../src/log/logger.js';
import { RedisBridgeStore } from '../../src/redis/bridge-store.js';
import { RedisConsumerStore, RedisInboxReader } from '../../src/redis/consumer-store.js';
import { type Keys, keysOf, laneKeys } from '../../src/redis/keys.js';
import type { Connection } from '../../src/redis/protocol/connection.js';
import { Connections } from '../../src/redis/protocol/connections.js';
import { packed } from './packed.js';
import { type Namespace, namespaceOn } from './redis.js';
import { GROUP } from './stores.js';

/** One lane of a group, to write into by hand. */
export interface TestLane {
  readonly connection: Connection;
  readonly keys: Keys;
  /** Relays messages with these ids; returns the entries, which a consumer holds from now on. */
  relay(...messageIds: string[]): Promise<Entry[]>;
  commit(...entries: Entry[]): Promise<void>;
  bury(entries: readonly Entry[], error?: string, reason?: DeadLetter['reason']): Promise<void>;
}

/** A group with several lanes on a Cluster, prepared as its processes prepare it. */
export async function groupWithLanes(url: string, lanes: number) {
  const space: Namespace & { readonly lanes: number } = { ...namespaceOn(url), lanes };
  const connections = new Connections(() => space, silentLogger);
  onTestFinished(() => connections.close());
  const source = { kind: 'channel', name: space.channel } as const;
  const keys = keysOf(space);
  const base = await connections.open('test');
  await new RedisConsumerStore(base, keys, GROUP, source).prepare();
  await base.call('HSET', keys.bridge, 'lanes', lanes);
  const each = await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      const own = laneKeys(space, lane);
      const [connection, reader] = await Promise.all([
        connections.open('test', own.output),
        connections.open('reader', own.output),
      ]);
      return laneOn(connection, reader, own);
    }),
  );
  return { space, keys, base, lanes: each, connections };
}

async function laneOn(connection: Connection, reader: Connection, keys: Keys): Promise<TestLane> {
  const store = new RedisConsumerStore(connection, keys, GROUP, undefined);
  await store.prepare();
  const bridge = new RedisBridgeStore(connection, keys);
  const taken = await bridge.take('bridge', 0, 0);
  if (!taken.taken) throw new Error('the lane cannot be taken');
  const { token } = taken;
  let from: Position | undefined = taken.position;
  const consumerId = `consumer-${keys.output.slice(-2, -1)}`;
  const held = (entry: Entry) => ({ entryId: entry.id, inboxId: entry.id, consumerId });
  return {
    connection,
    keys,
    relay: async (...messageIds) => {
      const to = { epoch: 1, offset: (from?.offset ?? 0) + messageIds.length };
      const messages = packed(messageIds.map((id) => JSON.stringify({ message_id: id })));
      const reply = await bridge.relay({ caller: 'bridge', token, from, to, messages, packSize: 1 });
      if (reply.kind !== 'written') throw new Error(`not relayed: ${reply.kind}`);
      from = to;
      const reads = new RedisInboxReader(reader, connection, keys, GROUP, consumerId);
      return [...(await reads.read(messageIds.length, undefined)).entries];
    },
    commit: async (...entries) => {
      const results = entries.map((entry) => ({
        ...held(entry),
        messageId: String(JSON.parse(String(entry.message)).message_id),
        data: String(entry.message),
      }));
      await store.commit(results, 0);
    },
    bury: async (entries, error = 'it failed', reason = 'failed') => {
      const letters = entries.map((entry) => ({
        ...held(entry),
        message: entry.message,
        ...{ reason, error, attempts: 1, failed: true },
      }));
      await store.bury(letters, 0);
    },
  };
}
