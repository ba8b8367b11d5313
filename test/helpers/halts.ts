import { onTestFinished } from 'vitest';
import type { Entry, Result } from '../../src/core/consumer-store.js';
import { OrderWindow } from '../../src/core/order-window.js';
import { silentLogger } from '../../src/log/logger.js';
import { RedisConsumerStore } from '../../src/redis/consumer-store.js';
import { OrderedCommits } from '../../src/redis/ordered-commits.js';
import { Connection } from '../../src/redis/protocol/connection.js';
import type { Namespace } from './redis.js';
import { GROUP, openStores } from './stores.js';

const NO_WINDOW = new OrderWindow(Number.POSITIVE_INFINITY, () => {});

/** A group with an order whose dead letters halt it, and what consumers do in it. */
export async function haltingGroup(
  space: Namespace,
  order: 'total' | 'key',
  { halt = true, as = space.redis }: { halt?: boolean; as?: string } = {},
) {
  const stores = await openStores(space);
  const { raw, keys, read, inspector } = stores;
  const storeAs = async (url: string, halts = halt) => {
    const connection = new Connection(url, 'halting', silentLogger);
    onTestFinished(() => connection.close());
    await connection.connect();
    const options = {
      list: false,
      order,
      timed: true,
      group: GROUP,
      maxLength: 0,
      run: () => 1,
      window: NO_WINDOW,
    };
    const ordered = new OrderedCommits(connection, keys, options);
    const burying = { order, halt: halts };
    return {
      store: new RedisConsumerStore(connection, keys, GROUP, undefined, { ordered, burying }),
      letOut: () => ordered.letOut(),
    };
  };
  const { store, letOut } = await storeAs(as);

  const resultOf = ({ id, identity = id, key, message }: Entry): Result => ({
    entryId: id,
    inboxId: identity,
    consumerId: 'a',
    messageId: String(message),
    data: '{}',
    attempts: 1,
    startedAt: 1,
    finishedAt: 2,
    key,
  });
  const letterOf = ({ id, identity = id, key, message }: Entry) => ({
    entryId: id,
    inboxId: identity,
    consumerId: 'a',
    message,
    reason: 'failed' as const,
    error: 'broken',
    attempts: 5,
    failed: true,
    key,
  });
  return {
    ...stores,
    store,
    /** The store of another user, or of a process with another `onDead`. */
    storeAs: async (url: string, halts = halt) => (await storeAs(url, halts)).store,
    /** As the processes of the group do from time to time. */
    letOut,
    letterOf,
    /** Relays messages without keys; returns the entries that a consumer then holds. */
    hold: async (...messages: string[]): Promise<Entry[]> => {
      await stores.relay(...messages);
      return read('a');
    },
    /** As the relay does in order by key: the first message of a key goes to the inbox, the others are held. */
    relayWithKey: async (key: string, ...messages: string[]): Promise<void> => {
      for (const message of messages) {
        const number = await raw.hincrby(keys.counters, 'relayed', 1);
        if (await raw.hexists(keys.busy, key)) {
          const member = `${key}\0${String(number).padStart(16, '0')}\0\0${message}`;
          await raw.zadd(keys.held, 0, member);
        } else {
          const id = await raw.xadd(keys.inbox, '*', 'message', message, 'key', key);
          await raw.hset(keys.busy, key, String(id));
        }
      }
    },
    /** What consumers get next, the entries that are due included. */
    next: async (): Promise<Entry[]> => {
      const due = (await store.due('a', 100, 60_000)).entries;
      return [...due, ...(await read('a'))];
    },
    commit: (...entries: Entry[]) => store.commit(entries.map(resultOf), 0),
    /** Returns the ids of the dead letters. */
    bury: async (...entries: Entry[]): Promise<string[]> => {
      const before = (await raw.xrange(keys.dead, '-', '+')).map(([id]) => id);
      await store.bury(entries.map(letterOf), 0);
      return (await raw.xrange(keys.dead, '-', '+')).map(([id]) => id).filter((id) => !before.includes(id));
    },
    /** The messages of the output, in its order. */
    output: async (): Promise<string[]> =>
      (await stores.fields(keys.output)).map(({ message_id }) => String(message_id)),
    halted: () => inspector.halts.all(),
  };
}

export type HaltingGroup = Awaited<ReturnType<typeof haltingGroup>>;
