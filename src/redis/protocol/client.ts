import { CgroupError } from '../../core/errors.js';
import type { HostPort } from '../../core/redis-address.js';
import type { Logger } from '../../log/logger.js';
import { connectorFor, DISCONNECT_TIMEOUT } from './connector.js';
import { failureOf, refusedAs } from './failure.js';
import { addHandshake, ioredisOptions } from './handshake.js';
import { Redis } from './ioredis.js';
import type { RedisPlace } from './place.js';

/** ms without a reply and without bytes, after which a connection counts as dead. */
export const REPLY_TIMEOUT = 5_000;

export interface MakeClientOptions {
  /** Shown by CLIENT LIST. */
  readonly name: string;
  /** Finds the server, anew for each connection. */
  readonly find: () => Promise<HostPort>;
  /** The server that was found last. */
  readonly at: () => HostPort | undefined;
  /** Called with what INFO says; what it throws refuses the connection. */
  readonly onFacts: (facts: ReadonlyMap<string, string>) => void;
  readonly log: Logger;
}

/** A client of ioredis for one connection, set so that it neither loses nor repeats a command. It is not connected yet. */
export function makeClient(
  { address, tls }: RedisPlace,
  { name, find, at, onFacts, log }: MakeClientOptions,
): Redis {
  const redis = new Redis({
    ...ioredisOptions(address),
    Connector: connectorFor({ find, tls, family: address.family }),
    lazyConnect: true,
    disableClientInfo: true,
    connectTimeout: REPLY_TIMEOUT,
    disconnectTimeout: DISCONNECT_TIMEOUT,
    autoResendUnfulfilledCommands: false,
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => Math.min(50 * 2 ** Math.min(attempt, 5), 1_000),
  });
  addHandshake(redis, { address: () => ({ ...address, ...at() }), name, log, onFacts });
  return redis;
}

/**
 * Calls back when a client is ready, when its socket is closed, and, after that, when it was ready before: `ready` and `lost` in
 * turn.
 */
export function onChange(
  redis: Redis,
  { ready, closed, lost }: Readonly<Record<'ready' | 'closed' | 'lost', () => void>>,
): void {
  let isReady = false;
  redis.on('ready', () => {
    if (isReady) return;
    isReady = true;
    ready();
  });
  redis.on('close', () => {
    closed();
    if (!isReady) return;
    isReady = false;
    lost();
  });
}

export interface ConnectOptions {
  /** ms after which it gives up. */
  readonly timeout?: number;
  /** Whether it gives up at once if nothing listens there. */
  readonly failsIfRefused?: boolean;
  /** Whether it goes on in the background if Redis is away: it is not ready then. */
  readonly goesOn?: boolean;
}

export interface Waiting {
  /** ms */
  readonly timeout: number;
  readonly onTimeout: () => CgroupError;
  /** What to fail with at once, if this error of the network is the last word. */
  readonly final: (error: unknown) => CgroupError | undefined;
  /** Which Redis, for messages. */
  readonly from: () => string;
}

/**
 * Connects, and tries again until it works.
 *
 * @param quit aborted when the connection is closed meanwhile
 * @throws {CgroupError} after the timeout; at once if the handshake fails for good, or a password or a right is missing; STATE if
 *   it is closed meanwhile
 */
export async function untilReady(
  redis: Redis,
  quit: AbortSignal,
  { timeout, onTimeout, final, from }: Waiting,
): Promise<void> {
  const done = new AbortController();
  try {
    await new Promise<void>((resolve, reject) => {
      const { signal } = done;
      const timer = setTimeout(() => reject(onTimeout()), timeout);
      signal.addEventListener('abort', () => clearTimeout(timer));
      quit.addEventListener('abort', () => reject(new CgroupError('STATE', 'closed while it connected')), {
        signal,
      });
      const onError = (error: unknown) => {
        const last = final(error);
        if (last) return reject(last);
        const failure = failureOf(error, from());
        if (failure === error || refusedAs(failure, 'NOAUTH', 'WRONGPASS', 'NOPERM')) reject(failure);
      };
      redis.on('error', onError).once('ready', resolve);
      signal.addEventListener('abort', () => redis.off('error', onError).off('ready', resolve));
      // The promise of ioredis rejects at the first failure, but ioredis goes on trying: the events count.
      redis.connect().catch(() => {});
    });
  } finally {
    done.abort();
  }
}

/** Ends a connection as ioredis ends one that it closes: what waits rejects, and so does what comes later. */
export function endOf(redis: Redis): void {
  const inner = redis as unknown as { setStatus(status: 'end'): void; flushQueue(error: Error): void };
  inner.setStatus('end');
  inner.flushQueue(new Error('Connection is closed.'));
}
