import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { Sentinels, type SentinelsOptions } from '../servers/sentinels.js';

export type { RedisNode } from '../servers/redis-node.js';
export type { Sentinels } from '../servers/sentinels.js';

/** A master, replicas and Sentinels for a single test. All processes are killed when the test has ended. */
export async function startSentinels(options: SentinelsOptions = {}): Promise<Sentinels> {
  const sentinels = await Sentinels.start(options);
  onTestFinished(() => sentinels.close());
  return sentinels;
}

/**
 * The same for all tests of a file that do not break it. Call it at the top of the file; the function that it returns
 * gives them, from `beforeAll` on.
 */
export function withSentinels(options: SentinelsOptions = {}): () => Sentinels {
  let sentinels: Sentinels | undefined;
  beforeAll(async () => {
    sentinels = await Sentinels.start(options);
  }, 60_000);
  afterAll(() => sentinels?.close());
  return () => {
    if (!sentinels)
      throw new Error('the servers of withSentinels() are available only from beforeAll to afterAll');
    return sentinels;
  };
}
