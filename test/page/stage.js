// The group that the screenshots show: a private Redis, real processes, and a publisher.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { startLocalServer } from '../../dist/observe/client.js';

const at = (path) => fileURLToPath(new URL(path, import.meta.url));
const TOKEN = 'screenshots-only';

/** Starts a Redis. The returned functions start processes and publish; `stop` ends all. */
export async function openStage() {
  const redis = await startLocalServer();
  const client = new Redis(redis.url);
  client.on('error', () => {}); // one of the pictures is of a Redis that is away
  const children = [];
  let published = 0;
  let publishing;

  /** @param {...string} flags @returns { child, url } once it is ready */
  function start(...flags) {
    const args = [at('../../bin/cgroup.js'), 'start', '--redis', redis.url, '-p', at('handler.mjs')];
    const rest = ['--threads', '1', '--concurrency', '4', '--max-attempts', '3', '--backoff', '2s', ...flags];
    const child = spawn(process.execPath, [...args, ...rest], {
      env: { ...process.env, CGROUP_HTTP_TOKEN: TOKEN },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    children.push(child);
    return new Promise((done, fail) => {
      let said = '';
      child.once('close', () => fail(new Error(said)));
      child.stderr.setEncoding('utf8').on('data', (text) => {
        said += text;
        const url = /"http":"([^"]+)"/.exec(said)?.[1];
        if (said.includes('"msg":"ready')) done({ child, url });
      });
    });
  }

  /** Publishes from now on. @param rate messages in 100 ms, as a function of the time */
  function publish(rate) {
    clearInterval(publishing);
    publishing = setInterval(() => {
      const pipeline = client.pipeline();
      for (let left = Math.round(rate(Date.now())); left > 0; left--)
        pipeline.publish('messages:published', JSON.stringify({ message_id: ++published, item: 'book' }));
      pipeline.exec().catch(() => {});
    }, 100);
  }

  async function stop() {
    clearInterval(publishing);
    client.disconnect();
    for (const child of children) {
      child.removeAllListeners('close');
      child.kill('SIGKILL');
    }
    process.kill(redis.pid, 'SIGCONT');
    await redis.stop();
  }

  return { redis, start, publish, stop, credentials: { username: 'ann', password: TOKEN } };
}
