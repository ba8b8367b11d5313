import { Consumer, type ConsumerOptions } from '../consumer/consumer.js';
import type { ConsumerExecutor } from '../core/executor.js';
import { sinkOf } from '../core/sink.js';
import { type PacksRead, RedisInboxReader } from '../redis/consumer-store.js';
import type { Settings } from '../settings/settings.js';
import type { PooledConsumer } from './consumer-pool.js';
import type { Dependencies, Resolved } from './parts.js';

/** What consumers of a process differ in. */
interface OwnOptions {
  readonly id: string;
  readonly concurrency: number;
  readonly makeExecutor: () => Promise<ConsumerExecutor>;
  /** Frees what the executor has. */
  readonly close?: () => void;
}

export async function makeConsumer(
  { settings, connections, reports, stats, log }: Dependencies,
  { main, keys, tracing }: Resolved,
  shared: Pick<
    ConsumerOptions,
    'store' | 'committer' | 'readLimiter' | 'onMeasured' | 'timed' | 'onlyRuns' | 'window'
  >,
  { id, concurrency, makeExecutor, close }: OwnOptions,
): Promise<PooledConsumer> {
  const { batch, maxAttempts, backoff, group } = settings;
  const connection = await connections.open('consumer');
  const closeBoth = () => {
    connections.release(connection);
    close?.();
  };
  try {
    const own = await makeExecutor();
    const consumer = new Consumer({
      id,
      reader: new RedisInboxReader(connection, main, keys, group, id, packsFor(settings)),
      ...shared,
      executor: tracing?.executor(own, id) ?? own,
      concurrency,
      batch,
      policy: { maxAttempts, backoff },
      log: log.child({ consumer: id }),
      onFailure: (failure) => reports.failure(failure),
      onAttempt: stats && ((ms) => stats.attempted(ms)),
    });
    return { consumer, close: closeBoth };
  } catch (error) {
    closeBoth();
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
