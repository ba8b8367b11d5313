import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { versionOf } from '../../config/redis-versions.mjs';
import { type LocalServer, startLocalServer } from '../../src/redis/local-server.js';

/**
 * Whether the tests run on Redis 6: it does not count what was ever added to a stream, and knows a subcommand in an ACL only
 * where a user gets it.
 */
export const isRedis6 = versionOf('redis-server')?.startsWith('Redis 6.') ?? false;

/** Whether the tests run on Redict: 7.3.6 ends by itself while a slot moves under load. */
export const isRedict = versionOf('redis-server')?.startsWith('Redict') ?? false;

/** Settings that separate a test from the others on the same server. */
export interface Namespace {
  redis: string;
  channel: string;
  output: string;
  consumerList: string;
}

export interface SharedRedis {
  /** The server of this file; available from `beforeAll` on. */
  readonly server: LocalServer;
  readonly url: string;
  /** Names that no other test uses. */
  namespace(): Namespace;
}

/**
 * One Redis for all tests of a file. Call it at the top of the file, and `namespace()` in each test.
 */
export function withRedis(args: string[] = []): SharedRedis {
  let server: LocalServer | undefined;
  beforeAll(async () => {
    server = await startLocalServer({ args });
  });
  afterAll(() => server?.stop());
  const shared = {
    get server(): LocalServer {
      if (server === undefined)
        throw new Error('the Redis of withRedis() is available only from beforeAll to afterAll');
      return server;
    },
    get url(): string {
      return shared.server.url;
    },
    namespace: () => namespaceOn(shared.server.url),
  };
  return shared;
}

/** A Redis for a single test that restarts or kills it. It is stopped when the test has ended. */
export async function freshRedis(args: string[] = []): Promise<LocalServer> {
  const server = await startLocalServer({ args });
  onTestFinished(() => server.stop());
  return server;
}

/** Names that no other test uses, on the Redis at `redis`. */
export function namespaceOn(redis: string): Namespace {
  const suffix = randomBytes(4).toString('hex');
  return {
    redis,
    channel: `messages:published:${suffix}`,
    output: `messages:processed:${suffix}`,
    consumerList: `consumer:ids:${suffix}`,
  };
}
