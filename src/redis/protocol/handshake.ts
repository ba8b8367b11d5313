import type { Redis, RedisOptions } from 'ioredis';
import { hostAndPort, type RedisAddress } from '../../core/redis-address.js';
import type { Logger } from '../../log/logger.js';
import { isReply, RefusedError, UNKNOWN_COMMAND } from './failure.js';

type Answered = (error?: Error | null, reply?: string) => void;

/** Redis has no password, but the URL does. */
const NEEDLESS = /no password is set|without any password configured/;
/** The loggers that a needless password was written to: every connection has the same one. */
const warned = new WeakSet<Logger>();

/** What ioredis needs to enter a Redis. It never gets the URL: it would take any of its options from there. */
export function ioredisOptions({
  user,
  password,
  db,
  tls,
}: Pick<RedisAddress, 'user' | 'password' | 'db' | 'tls'>): RedisOptions {
  return {
    db,
    ...(user === '' ? {} : { username: user }),
    ...(password === '' && user === '' ? {} : { password }),
    // Only whether there is TLS: the connector knows how.
    ...(tls ? { tls: {} } : {}),
  };
}

export interface HandshakeOptions {
  /** Where the connection is now, for messages, and the database. */
  readonly address: () => RedisAddress;
  /** The name of the connection, shown by CLIENT LIST. */
  readonly name: string;
  readonly log: Logger;
  /** Called with what INFO says; what it throws refuses the connection. */
  readonly onFacts: (facts: ReadonlyMap<string, string>) => void;
}

/**
 * Looks at what Redis answers to the first commands of every connection, before any other command is sent.
 *
 * ioredis ignores a refused SELECT: commands would then run on database 0. It calls `info` to see whether Redis is ready, and
 * connects again if that fails. So the handshake stands in place of `info`: a connection that it refuses never gets ready.
 */
export function addHandshake(redis: Redis, { address, name, log, onFacts }: HandshakeOptions): void {
  const { db } = address();
  const info = redis.info.bind(redis) as () => Promise<string>;
  const shakeHands = async (): Promise<string> => {
    // In one write: after the first of several, a Redis that refuses the client may be gone, and its reason would be lost.
    const { stream } = redis;
    stream.cork();
    const asked = [redis.client('SETNAME', name), db === 0 ? undefined : redis.select(db), info()] as const;
    stream.uncork();
    const [named, selected, known] = await Promise.allSettled(asked);
    if (known.status === 'rejected' && !isHidden(known.reason)) {
      // The first reply is the true one: Redis may close the connection after it.
      const replies = [named, selected, known].map(reasonOf);
      throw replies.find((one) => isReply(one) && !isForbidden(one)) ?? known.reason;
    }
    if (selected.status === 'rejected') throw selectRefused(selected.reason, address());
    const facts = known.status === 'fulfilled' ? known.value : '';
    // Not as a refusal: commands wait for Redis, as they do while it is away.
    if (/^loading:1\r?$/m.test(facts)) throw new Error('it is loading its data');
    onFacts(factsIn(facts));
    return facts;
  };
  redis.info = ((answered: Answered) =>
    shakeHands().then((facts) => answered(null, facts), answered)) as unknown as Redis['info'];

  const auth = redis.auth.bind(redis) as (credentials: unknown, answered: Answered) => unknown;
  redis.auth = ((credentials: unknown, answered: Answered) =>
    auth(credentials, (error) => {
      if (!error || !NEEDLESS.test(error.message)) return answered(error);
      // ioredis goes on too, but writes to stderr.
      if (!warned.has(log))
        log.warn(
          {},
          `Redis at ${hostAndPort(address())} needs no password, but the URL has one: is it the right Redis?`,
        );
      warned.add(log);
      return answered(null);
    })) as Redis['auth'];
}

/** The names and values of INFO (https://redis.io/docs/latest/commands/info/). */
export function factsIn(info: string): Map<string, string> {
  const facts = new Map<string, string>();
  for (const [, name = '', value = ''] of info.matchAll(/^(\w+):(.*?)\r?$/gm)) facts.set(name, value);
  return facts;
}

/**
 * Without the right to INFO, or the command, Redis counts as ready: the first command finds out if it is not. ioredis itself
 * takes each error with the word NOPERM for this, so no other error of the handshake may hold it.
 */
function isHidden(reason: unknown): boolean {
  return isReply(reason) && (isForbidden(reason) || UNKNOWN_COMMAND.test(reason.message));
}

function isForbidden({ message }: Error): boolean {
  return message.includes('NOPERM');
}

function reasonOf(result: PromiseSettledResult<unknown>): unknown {
  return result.status === 'rejected' ? result.reason : undefined;
}

function selectRefused(reason: unknown, { host, port, db }: RedisAddress): unknown {
  if (!isReply(reason)) return reason;
  const said = reason.message.replaceAll('NOPERM ', '');
  const at = `Redis at ${hostAndPort({ host, port })}`;
  const options = { cause: reason };
  if (isForbidden(reason)) {
    const text = `${at} does not let this user into database ${db} (${said}): cgroup doctor prints the ACL line with all rights`;
    return new RefusedError('REDIS_AUTH', 'NOPERM', text, options);
  }
  const text = `${at} has no database ${db} (${said}): name another one in the URL; most have 0 to 15, a Cluster and many managed services only 0`;
  return new RefusedError('REDIS_REFUSED', 'OTHER', text, options);
}
