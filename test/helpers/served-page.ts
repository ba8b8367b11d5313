import { onTestFinished } from 'vitest';
import { HttpServer } from '../../src/http/server.js';
import type { GroupView } from '../../src/http/view.js';
import { silentLogger } from '../../src/log/logger.js';
import { ProcessStats } from '../../src/observe/process-stats.js';
import type { withRedis } from './redis.js';
import { GROUP } from './stores.js';

/**
 * Serves the page of a group without processes, until the test has ended.
 *
 * @returns the numbers of the process that serves it, and its URL
 */
export async function servePage(
  space: ReturnType<ReturnType<typeof withRedis>['namespace']>,
  inspector: GroupView['inspector'],
): Promise<{ stats: ProcessStats; address: string }> {
  const stats = new ProcessStats();
  const view: GroupView = {
    ...space,
    source: { kind: 'channel', name: space.channel },
    pullFailingFor: 0,
    recordAway: undefined,
    group: GROUP,
    process: { process: 'web1-1-abc', host: 'web1' },
    actions: false,
    stats,
    inspector,
    state: 'running',
    connected: true,
    bridge: undefined,
    beatAge: 0,
    activeConsumers: 0,
    stalledConsumers: 0,
    workers: undefined,
    heartbeat: 1_000,
    timeout: 60_000,
  };
  const listen = { host: '127.0.0.1', port: 0 };
  const server = new HttpServer({ view, listen, token: undefined, hub: undefined, log: silentLogger });
  onTestFinished(() => server.stop());
  await server.start();
  await server.read();
  return { stats, address: `http://127.0.0.1:${server.port}` };
}
