import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { type LocalServer, startLocalServer } from '../../src/redis/local-server.js';

/** Settings that separate a test from the others on the same server. */
export interface Namespace {
  redis: string;
  channel: string;
  output: string;
  consumerList: string;
}

export interface SharedRedis {
  /** The server of this file; only from `beforeAll` to `afterAll`. */
  readonly server: LocalServer;
  readonly url: string;
  /** Settings with names that no other test uses. */
  namespace(): Namespace;
}

/** One private Redis for all tests of a file. Call it at the top of the file, and `namespace()` in each test. */
export function withRedis(args: string[] = []): SharedRedis {
  let server: LocalServer | undefined;
  beforeAll(async () => {
    server = await startLocalServer({ args });
  });
  afterAll(() => server?.stop());
  const shared = {
    get server(): LocalServer {
      if (server === undefined)
        throw new Error('the Redis of withRedis() is there from beforeAll to afterAll only');
      return server;
    },
    get url(): string {
      return shared.server.url;
    },
    namespace: () => namespaceOn(shared.server.url),
  };
  return shared;
}

/** A Redis for one test, which may restart or kill it. It is stopped when the test has ended. */
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
