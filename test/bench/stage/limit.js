import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { messageOf } from './messages.js';
import { Stage } from './stage.js';

/**
 * The limit: XADD of the same payload by Redis's own benchmark, 100 commands to a write, on a fresh Redis.
 *
 * @returns {Promise<{ rate: number, redisMicros: number }>} XADD per second; µs of Redis's CPU for one
 */
export function measureLimit(count) {
  return Stage.use(async (stage) => {
    const before = await stage.redisCpuMs();
    const add = ['XADD', 'limit', '*', 'message', messageOf(0)];
    const options = ['-p', stage.port, '-n', count, '-P', 100, '-q'];
    const { stdout } = await promisify(execFile)('redis-benchmark', [...options, ...add].map(String));
    const rate = Number(/([\d.]+) requests per second/.exec(stdout.split('\r').at(-1))?.[1]);
    if (!(rate > 0)) throw new Error(`redis-benchmark said: ${stdout}`);
    const redisMicros = (((await stage.redisCpuMs()) - before) * 1_000) / count;
    return { rate, redisMicros };
  });
}
