import { Consumer, type ConsumerOptions } from '../consumer/consumer.js';
import { LaneConsumers } from '../consumer/lane-consumers.js';
import { SharedPlaces } from '../consumer/shared-places.js';
import { allEnded } from '../core/all-ended.js';
import type { ConsumerExecutor } from '../core/executor.js';
import { sinkOf } from '../core/sink.js';
import { type PacksRead, RedisInboxReader } from '../redis/consumer-store.js';
import type { Connection } from '../redis/protocol/connection.js';
import type { Settings } from '../settings/settings.js';
import type { Tracing } from '../tracing/tracing.js';
import type { PooledConsumer } from './consumer-pool.js';
import type { Dependencies, Lane } from './parts.js';

/** What consumers of a process differ in. */
interface OwnOptions {
  readonly id: string;
  readonly concurrency: number;
  readonly makeExecutor: () => Promise<ConsumerExecutor>;
  /** Frees what the executor has. */
  readonly close?: () => void;
}

/** What a consumer needs of the group. */
interface ConsumerDependencies extends Pick<Dependencies, 'settings' | 'reports' | 'stats' | 'log'> {
  readonly connections: Pick<Dependencies['connections'], 'open' | 'release'>;
}

/** What a consumer needs of a lane. */
type ConsumedLane = Pick<Lane, 'place' | 'readLimiter' | 'store' | 'committer'>;

/** Makes a consumer in each lane, under the same id; with several lanes they share the places of the executor. */
export async function makeConsumer(
  { settings, connections, reports, stats, log }: ConsumerDependencies,
  tracing: Tracing | undefined,
  lanes: readonly ConsumedLane[],
  shared: Pick<ConsumerOptions, 'onMeasured' | 'timed' | 'onlyRuns' | 'window'>,
  { id, concurrency, makeExecutor, close }: OwnOptions,
): Promise<PooledConsumer> {
  const { batch, maxAttempts, backoff, group } = settings;
  const opened: Connection[] = [];
  const closeAll = () => {
    for (const connection of opened) connections.release(connection);
    close?.();
  };
  try {
    const made = await makeExecutor();
    const executor = tracing?.executor(made, id) ?? made;
    const places = lanes.length > 1 ? new SharedPlaces(executor) : undefined;
    const ofLane = async ({ place, readLimiter, store, committer }: ConsumedLane, number: number) => {
      const { connection: main, keys } = place;
      const lane = lanes.length > 1 ? number : undefined;
      const connection = await connections.open('consumer', keys.output);
      opened.push(connection);
      return new Consumer({
        id,
        reader: new RedisInboxReader(connection, main, keys, group, id, packsFor(settings)),
        ...{ readLimiter, store, committer },
        ...shared,
        executor,
        places,
        concurrency,
        batch,
        policy: { maxAttempts, backoff },
        log: log.child({ consumer: id, ...(lane !== undefined && { lane }) }),
        onFailure: (failure) => reports.failure(failure, lane),
        onAttempt: stats && ((ms) => stats.attempted(ms)),
      });
    };
    // Not before all have ended: a connection that opens after the others were released would stay open.
    const [first, ...others] = await allEnded(lanes.map(ofLane));
    if (!first) throw new RangeError('a group has one lane or more');
    return { consumer: others.length === 0 ? first : new LaneConsumers([first, ...others]), close: closeAll };
  } catch (error) {
    closeAll();
    throw error;
  }
}

/**
 * In total order, with a record, and into a list, each message is an entry of its own; waiting packs of another time are
 * unpacked.
 */
function packsFor(settings: Settings): PacksRead {
  const sink = sinkOf(settings);
  if (settings.order === 'key' && settings.record === undefined) return 'small';
  return sink ? 'none' : 'large';
}
