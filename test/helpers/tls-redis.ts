import { onTestFinished } from 'vitest';
import type { NodeTls, RedisNode } from '../servers/redis-node.js';
import { Servers } from '../servers/servers.js';

/** A Redis with TLS, and no port without it, for a single test. It is killed when the test has ended. */
export async function startTlsRedis(tls: NodeTls, args: string[] = []): Promise<RedisNode> {
  const servers = new Servers();
  onTestFinished(() => servers.close());
  const [node] = await servers.launch({ name: 'redis', tls, args });
  return node as RedisNode;
}
