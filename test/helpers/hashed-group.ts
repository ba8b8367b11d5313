import { onTestFinished } from 'vitest';
import type { DeadLetter, Entry, Halt, Result } from '../../src/core/consumer-store.js';
import { OrderWindow } from '../../src/core/order-window.js';
import { silentLogger } from '../../src/log/logger.js';
import { buryRefused } from '../../src/record/bury-refused.js';
import { RedisConsumerStore } from '../../src/redis/consumer-store.js';
import { hashesOf } from '../../src/redis/keys.js';
import { OrderedCommits } from '../../src/redis/ordered-commits.js';
import { Connection } from '../../src/redis/protocol/connection.js';
import type { Namespace } from './redis.js';
import { GROUP, openStores } from './stores.js';

export interface HashedGroupOptions {
  readonly order?: 'none' | 'total' | 'key';
  readonly list?: boolean;
  readonly halt?: boolean;
  /** As another user of Redis. */
  readonly as?: string;
}

/** A group with `record: redis`, and what consumer `a` does in it. */
export async function hashedGroup(
  space: Namespace,
  { order = 'none', list = false, halt = false, as = space.redis }: HashedGroupOptions = {},
) {
  const stores = await openStores(space, { outputType: list ? 'list' : 'stream', order });
  const { raw, keys } = stores;
  const connection = new Connection(as, 'hashed', silentLogger);
  onTestFinished(() => connection.close());
  await connection.connect();
  const hashes = hashesOf(keys);
  const buried: DeadLetter[] = [];
  const halted: Halt[] = [];
  const ordered = new OrderedCommits(connection, keys, {
    ...{ order, list, timed: true, hashed: true, group: GROUP, maxLength: 0 },
    window: new OrderWindow(Number.POSITIVE_INFINITY, () => {}),
    onRefused: (results, errors) => {
      const burying = {
        ...{ store, deadMaxLen: 0 },
        onBuried: (letters: readonly DeadLetter[]) => void buried.push(...letters),
        onHalted: (halts: readonly Halt[]) => void halted.push(...halts),
      };
      return buryRefused(burying, results, errors);
    },
  });
  const store: RedisConsumerStore = new RedisConsumerStore(connection, keys, GROUP, undefined, {
    ordered,
    burying: { order, halt, hashes },
  });
  const messageIdOf = ({ message }: Entry) => String(JSON.parse(String(message)).message_id);
  const resultOf = (entry: Entry, more: Partial<Result> = {}): Result => ({
    ...{ entryId: entry.id, inboxId: entry.identity ?? entry.id, consumerId: 'a' },
    ...{ messageId: messageIdOf(entry), data: String(entry.message) },
    ...{ attempts: 2, startedAt: 5, finishedAt: 7, key: entry.key },
    ...more,
  });
  const letterOf = (entry: Entry, more: Partial<DeadLetter> = {}): DeadLetter => ({
    ...{ entryId: entry.id, inboxId: entry.identity ?? entry.id, consumerId: 'a', message: entry.message },
    ...{ reason: 'failed', error: 'broken', attempts: 5, failed: true, startedAt: 5, finishedAt: 7 },
    ...more,
  });
  return {
    ...stores,
    store,
    ordered,
    hashes,
    /** The dead letters of refused results, and those of them that stop an order. */
    buried,
    halted,
    resultOf,
    letterOf,
    /** Relays messages with these ids, and has consumer `a` read them. */
    take: async (...ids: unknown[]): Promise<Entry[]> => {
      await stores.relay(...ids.map((id) => JSON.stringify({ message_id: id, of: `message ${id}` })));
      return stores.read('a');
    },
    commit: (entries: readonly Entry[], more: Partial<Result> = {}) =>
      store.commit(
        entries.map((entry) => resultOf(entry, more)),
        0,
      ),
    bury: (entries: readonly Entry[], more: Partial<DeadLetter> = {}) =>
      store.bury(
        entries.map((entry) => letterOf(entry, more)),
        0,
      ),
    hash: (messageId: string) => raw.hgetall(`${hashes}${messageId}`),
    /** The message ids of all hashes. */
    hashed: async () =>
      (await raw.keys('*'))
        .filter((key) => key.startsWith(hashes))
        .map((key) => key.slice(hashes.length))
        .sort(),
    /** The inbox ids in the output. */
    out: async () =>
      list
        ? (await raw.lrange(keys.output, 0, -1)).map((line) => String(JSON.parse(line).inbox_id))
        : (await stores.fields(keys.output)).map(({ inbox_id }) => String(inbox_id)),
  };
}
