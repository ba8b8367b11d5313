import { afterAll, beforeAll, onTestFinished } from 'vitest';
import { Cluster, type ClusterOptions } from '../servers/cluster.js';

export type { Cluster } from '../servers/cluster.js';
export type { RedisNode } from '../servers/redis-node.js';

/** A Cluster for a single test. All its processes are killed when the test has ended. */
export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const cluster = await Cluster.start(options);
  onTestFinished(() => cluster.close());
  return cluster;
}

/**
 * One Cluster for all tests of a file that do not break it. Call it at the top of the file; the function that it returns
 * gives the Cluster, from `beforeAll` on.
 */
export function withCluster(options: ClusterOptions = {}): () => Cluster {
  let cluster: Cluster | undefined;
  beforeAll(async () => {
    cluster = await Cluster.start(options);
  }, 60_000);
  afterAll(() => cluster?.close());
  return () => {
    if (!cluster)
      throw new Error('the Cluster of withCluster() is available only from beforeAll to afterAll');
    return cluster;
  };
}
