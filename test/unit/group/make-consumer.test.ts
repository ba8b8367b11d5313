import { expect, it } from 'vitest';
import { Committer } from '../../../src/consumer/committer.js';
import { ReadLimiter } from '../../../src/consumer/read-limiter.js';
import type { ConsumerExecutor } from '../../../src/core/executor.js';
import { Reports } from '../../../src/group/events.js';
import { makeConsumer } from '../../../src/group/make-consumer.js';
import { silentLogger } from '../../../src/log/logger.js';
import { laneKeys } from '../../../src/redis/keys.js';
import type { Connection } from '../../../src/redis/protocol/connection.js';
import { Connections } from '../../../src/redis/protocol/connections.js';
import { parseSettings } from '../../../src/settings/parse.js';
import { fakeStore } from '../../helpers/fake-store.js';

it('keeps no connection open if one lane refuses it, also where another opens later', async () => {
  const settings = parseSettings({ lanes: 3 });
  const all = new Connections(() => settings, silentLogger);
  const open = new Set<Connection>();
  const opening: (() => void)[] = [];
  const connections = {
    open: async (role: string, key?: string) => {
      if (key === laneKeys(settings, 1).output) throw new Error('too many clients');
      const connection = all.make(role, key);
      open.add(connection);
      await new Promise<void>((resolve) => opening.push(resolve));
      return connection;
    },
    release: (connection: Connection) => {
      open.delete(connection);
      all.release(connection);
    },
  };
  const lanes = [0, 1, 2].map((lane) => {
    const keys = laneKeys(settings, lane);
    const store = fakeStore({});
    const readLimiter = new ReadLimiter(1);
    const callbacks = { onSettled() {}, onBuried() {}, onResults: undefined };
    const limits = { outputMaxLen: 0, deadMaxLen: 0 };
    return {
      place: { connection: all.make('test', keys.output), keys },
      ...{ readLimiter, store },
      committer: new Committer({ store, readLimiter, log: silentLogger, ...limits, ...callbacks }),
    };
  });
  const executor: ConsumerExecutor = {
    depth: 1,
    closed: false,
    execute: () => ({ interrupt() {} }),
    quiet() {},
    resume() {},
  };
  const reports = new Reports(silentLogger, undefined, () => {});
  const dependencies = { settings, connections, reports, stats: undefined, log: silentLogger };
  let closed = 0;
  const made = makeConsumer(
    dependencies,
    undefined,
    lanes,
    { onMeasured() {}, timed: false, onlyRuns: false, window: undefined },
    { id: 'c', concurrency: 1, makeExecutor: async () => executor, close: () => closed++ },
  );
  const refused = expect(made).rejects.toThrow('too many clients');
  await new Promise(setImmediate);
  expect(open.size).toBe(2);
  for (const opened of opening) opened();
  await refused;
  expect([open.size, closed]).toEqual([0, 1]);
  all.close();
});
