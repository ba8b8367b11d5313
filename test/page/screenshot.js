// `npm run screenshot`: runs a group on a private Redis and saves its live page as docs/live-page.png (system's Chromium).

import { execFileSync, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { Redis } from 'ioredis';
import { chromium } from 'playwright-core';
import { startLocalServer } from '../../dist/observe/client.js';

/** ms that the group works before the screenshot. */
const WORKS_FOR = 75_000;
const at = (path) => fileURLToPath(new URL(path, import.meta.url));

const redis = await startLocalServer();
const start = (...flags) => {
  const args = [
    'start',
    '--redis',
    redis.url,
    '-p',
    at('handler.mjs'),
    '--size',
    '4',
    '--threads',
    '1',
    '--concurrency',
    '4',
  ];
  const retries = ['--max-attempts', '3', '--backoff', '2s'];
  const child = spawn(process.execPath, [at('../../bin/cgroup.js'), ...args, ...retries, ...flags], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  return new Promise((done, fail) => {
    let said = '';
    child.once('close', () => fail(new Error(said)));
    child.stderr.setEncoding('utf8').on('data', (text) => {
      said += text;
      const url = /"http":"([^"]+)"/.exec(said)?.[1];
      if (said.includes('"msg":"ready')) done({ child, url });
    });
  });
};

const groups = [await start('--http', '0'), await start()];
const publisher = new Redis(redis.url);
let published = 0;
const publishing = setInterval(() => {
  // The rate rises and falls, as in production.
  const count = Math.round(20 + 15 * Math.sin(Date.now() / 8_000) + 10 * Math.random());
  const pipeline = publisher.pipeline();
  for (let i = 0; i < count; i++)
    pipeline.publish('messages:published', JSON.stringify({ message_id: ++published, item: 'book' }));
  pipeline.exec().catch(() => {});
}, 100);

const executablePath = execFileSync('/bin/sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).trim();
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
try {
  const page = await browser.newPage({ viewport: { width: 1_000, height: 1_180 } });
  await new Promise((done) => setTimeout(done, WORKS_FOR));
  await page.goto(groups[0].url);
  await page.waitForSelector('#dead tr');
  await new Promise((done) => setTimeout(done, 3_000));
  await page.screenshot({ path: at('../../docs/live-page.png') });
} finally {
  await browser.close();
  clearInterval(publishing);
  publisher.disconnect();
  for (const { child } of groups) {
    child.removeAllListeners('close');
    child.kill('SIGKILL');
  }
  await redis.stop();
}
