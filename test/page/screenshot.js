// `npm run screenshot`: runs a group on a private Redis and saves pictures of its live page in docs/page (system's Chromium):
// each state at 1,280 pixels in light and dark, and at work on a phone and on a wide screen, too.

import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { openStage } from './stage.js';

/** ms that the group works before the first picture. */
const WORKS_FOR = 180_000;
const DESKTOP = { width: 1_280, height: 1_020 };
const SIZES = { desktop: DESKTOP, phone: { width: 390, height: 844 }, wide: { width: 1_920, height: 1_080 } };
const folder = fileURLToPath(new URL('../../docs/page/', import.meta.url));
mkdirSync(folder, { recursive: true });

const stage = await openStage();
const executablePath = execFileSync('/bin/sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).trim();
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });

async function open(url, size, colorScheme) {
  const page = await browser.newPage({
    viewport: SIZES[size],
    colorScheme,
    httpCredentials: stage.credentials,
  });
  await page.goto(url);
  return page;
}

const wait = (ms) => new Promise((done) => setTimeout(done, ms));

/** Waits until the headline is as expected, and for the next readings. */
async function headline(page, pattern) {
  for (let i = 0; i < 600; i++) {
    if (pattern.test(await page.textContent('#verdict-title'))) return wait(1_500);
    await wait(100);
  }
  throw new Error(`no headline ${pattern}: ${await page.textContent('#verdict-title')}`);
}

try {
  const steady = (time) => 20 + 15 * Math.sin(time / 8_000) + 10 * Math.random();
  const first = await stage.start('--http', '0', '--http-actions', '--managed', '--host', 'web1');
  const others = [
    await stage.start('--managed', '--host', 'web1'),
    await stage.start('--managed', '--host', 'web2'),
    await stage.start('--managed', '--host', 'web2'),
  ];
  const shot = async (page, name) => {
    await page.evaluate('scrollTo(0, 0)');
    await page.screenshot({ path: `${folder}${name}.png` });
  };
  const light = await open(first.url, 'desktop', 'light');
  const dark = await open(first.url, 'desktop', 'dark');
  const both = async (name) => {
    await shot(light, name);
    await shot(dark, `${name}-dark`);
  };
  const act = async (action, body) => {
    const { control } = await (await light.request.get(`${first.url}api/status`)).json();
    const headers = { 'x-cgroup-action': action, 'sec-fetch-site': 'same-origin' };
    const data = { revision: control.revision, by: 'ann', ...body };
    const answer = await light.request.post(`${first.url}api/actions/${action}`, { data, headers });
    if (!answer.ok()) throw new Error(await answer.text());
  };
  await act('scale', { size: 16, why: 'the evening' });
  stage.publish(steady);
  await wait(WORKS_FOR);

  await headline(light, /^Keeping up/);
  await both('at-work');
  await light.screenshot({ path: fileURLToPath(new URL('../../docs/live-page.png', import.meta.url)) });
  for (const size of ['phone', 'wide']) {
    const page = await open(first.url, size, 'light');
    await headline(page, /^Keeping up/);
    await page.locator('.opener').first().click();
    await wait(1_500);
    await shot(page, `at-work-${size}`);
    await page.close();
  }

  await light.locator('#groups button').first().click();
  await light.locator('#dead li > button').first().click();
  await light.locator('.detail pre').first().waitFor();
  await light.locator('#dead-section').scrollIntoViewIfNeeded();
  await light.locator('#dead-section').screenshot({ path: `${folder}dead-letters.png` });
  await light.locator('#dead-retry').click();
  await light.locator('#confirm[open]').waitFor();
  await light.screenshot({ path: `${folder}confirm.png` });
  await light.locator('#confirm-cancel').click();
  await light.locator('#dead-all').click();

  stage.publish(() => 200);
  await act('scale', { size: 1, why: 'fewer, to see what happens' });
  await headline(light, /^Falling behind/);
  await both('falling-behind');
  await act('scale', { size: 16, why: 'enough again' });
  stage.publish(() => 0);
  await headline(light, /^(Keeping up|At rest)/);

  stage.publish(steady);
  await act('pause', { why: 'database upgrade' });
  await headline(light, /^Paused/);
  await both('paused');
  await act('resume', {});
  await headline(light, /^(Keeping up|At rest)/);

  for (const { child } of others.slice(1)) child.removeAllListeners('close').kill('SIGKILL');
  await headline(light, /ended without leaving/);
  await light.locator('#events .ended').first().waitFor();
  await wait(1_500);
  await both('half-killed');

  process.kill(stage.redis.pid, 'SIGSTOP');
  await headline(light, /^Unknown since/);
  await both('redis-gone');
} finally {
  await browser.close();
  await stage.stop();
}
