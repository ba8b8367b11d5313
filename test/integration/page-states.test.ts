import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { GroupClient } from '../../src/observe/client.js';
import { openBrowser, openPage, untilHeadline } from '../helpers/browser.js';
import { groupOn } from '../helpers/group.js';
import { addressOf, emptyFolder, lacks, SERVING } from '../helpers/http.js';
import { freshRedis, withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const redis = withRedis();
const missing = lacks('chromium');

/** The colours by which the verdict is known, and whether the figures are grey. */
async function look(page: Page) {
  return {
    level: await page.getAttribute('#verdict', 'data-level'),
    grey: (await page.evaluate('getComputedStyle(document.querySelector("#figures")).filter')) !== 'none',
  };
}

describe.skipIf(missing)(`the headline of the page${missing ? `, skipped: ${missing}` : ''}`, () => {
  test('at work, falling behind, and caught up again', { timeout: 120_000 }, async () => {
    const group = await groupOn(redis.url);
    const slow = ['--size', '1', '--simulate-ms', '20'];
    const [first, second] = [await group.start([...slow, ...SERVING]), await group.start(slow)];
    await group.bridgesInStep(2);
    const { page, wrong } = await openPage(await openBrowser(), await addressOf(first));
    await untilHeadline(page, /^Keeping up$/);
    expect(await look(page)).toEqual({ level: 'good', grey: false });
    // 100 a second are done, and 400 come.
    const flood = setInterval(() => void group.publish(80), 200);
    await untilHeadline(page, /^Falling behind by [\d,.]+ messages per second/);
    clearInterval(flood);
    expect((await look(page)).level).toMatch(/warn|bad/);
    expect(await page.textContent('#verdict-notes')).toMatch(
      /in [\d,.]+, out [\d,.]+ messages per second; [\d,]+ wait/,
    );
    await untilHeadline(page, /^(Catching up|Keeping up)/);
    expect(wrong).toEqual([]);
    await Promise.all([first.kill('SIGKILL'), second.kill('SIGKILL')]);
  });

  test('half of the processes killed: who ended, and an event for each', { timeout: 90_000 }, async () => {
    const group = await groupOn(redis.url);
    const size = ['--size', '1'];
    const first = await group.start([...size, ...SERVING]);
    const others = [await group.start(size), await group.start(size), await group.start(size)];
    await group.bridgesInStep(2);
    const { page, wrong } = await openPage(await openBrowser(), await addressOf(first));
    await untilHeadline(page, /^Keeping up$/);
    await Promise.all(others.slice(1).map((one) => one.kill('SIGKILL')));
    await untilHeadline(page, /^2 processes ended without leaving, the last \d+ m?s ago: /);
    expect(await look(page)).toEqual({ level: 'warn', grey: false });
    for (const { pid } of others.slice(1))
      await until(
        async () =>
          (await page.locator('#events li').allTextContents()).some((text) =>
            new RegExp(`ended\\S*-${pid}-\\S+ ended without leaving`).test(text),
          ),
        { what: 'the event' },
      );
    expect(wrong).toEqual([]);
    await Promise.all([first.kill(), others[0]?.kill()]);
  });

  test('Redis gone: unknown since when, grey, and known again', { timeout: 90_000 }, async () => {
    const server = await freshRedis();
    const group = await groupOn(server.url);
    const run = await group.start(['--size', '1', '--bridges', '1', ...SERVING]);
    const { page, wrong } = await openPage(await openBrowser(), await addressOf(run));
    await untilHeadline(page, /^Keeping up$/);
    process.kill(server.pid, 'SIGSTOP');
    await untilHeadline(page, /^Unknown since \d\d:\d\d:\d\dZ: Redis does not answer$/);
    expect(await look(page)).toEqual({ level: 'unknown', grey: true });
    expect(await page.textContent('#verdict-notes')).toMatch(/^at the last reading, \d+ s ago: /);
    await until(async () => /updated ([3-9]|\d\d) s ago/.test((await page.textContent('#updated')) ?? ''));
    process.kill(server.pid, 'SIGCONT');
    await untilHeadline(page, /^(?!Unknown)/);
    expect((await look(page)).grey).toBe(false);
    // The hole is in the points of the charts.
    const { points } = (await (await fetch(`${await addressOf(run)}/api/history`)).json()) as {
      points: { relayed: number | null }[];
    };
    expect(points.filter(({ relayed }) => relayed === null).length).toBeGreaterThan(1);
    expect(wrong).toEqual([]);
    await run.kill();
  });

  test('paused: by whom, since when and why', { timeout: 90_000 }, async () => {
    const group = await groupOn(redis.url);
    const run = await group.start(['--size', '1', '--bridges', '1', ...SERVING]);
    const client = await GroupClient.connect(group.space);
    const { page, wrong } = await openPage(await openBrowser(), await addressOf(run));
    await untilHeadline(page, /^Keeping up$/);
    await client.pause({ why: 'database upgrade' });
    await untilHeadline(page, /^Paused by \S+@\S+ since \S+Z: database upgrade$/);
    expect(await look(page)).toEqual({ level: 'warn', grey: false });
    expect(await page.textContent('#said'), 'what a screen reader says').toMatch(/^Paused by/);
    expect(await page.isVisible('#pause'), 'this page only shows').toBe(false);
    expect(await page.textContent('#actions-hint')).toContain('--http-actions');
    await client.resume();
    await untilHeadline(page, /^Keeping up$/);
    expect(wrong).toEqual([]);
    client.close();
    await run.kill();
  });

  test('dead letters: failing, grouped by error, searched and opened; new until they are seen', {
    timeout: 90_000,
  }, async () => {
    const group = await groupOn(redis.url);
    const folder = await emptyFolder();
    const handler = join(folder, 'handler.mjs');
    await writeFile(handler, 'export default (message) => { throw new Error(message.text); };');
    const flags = ['--size', '1', '--bridges', '1', '--max-attempts', '1', '-p', handler, ...SERVING];
    const run = await group.start(flags);
    const { page, wrong } = await openPage(await openBrowser(), await addressOf(run));
    await untilHeadline(page, /^Keeping up$/);
    const send = (id: number, text: string) =>
      group.raw.publish(
        group.space.channel,
        `{"message_id":${id},"text":${JSON.stringify(text)},"big":9007199254740993}`,
      );
    for (let i = 0; i < 6; i++) await send(i, `no such order ${i}`);
    await send(6, 'payment refused');
    await untilHeadline(page, /^Failing: 100 % of the attempts of the last \d+ s failed$/);
    expect(await page.textContent('#verdict-notes')).toMatch(/7 new dead letters since you looked at \d\d:/);

    const groups = page.locator('#groups button');
    await until(async () => (await groups.count()) === 2, { what: 'two groups' });
    await until(async () => (await groups.first().locator('.count').textContent()) === '6');
    await groups.first().click();
    const letters = page.locator('#dead > li');
    await until(async () => (await letters.count()) === 6);
    await groups.first().click();
    await page.fill('#dead-search', 'REFUSED');
    await until(async () => (await letters.count()) === 1);
    await letters.locator('button').first().click();
    const message = letters.locator('pre').last();
    // Numbers that JavaScript cannot hold stay as they were published.
    expect(await message.textContent()).toBe(
      '{\n  "message_id": 6,\n  "text": "payment refused",\n  "big": 9007199254740993\n}',
    );
    expect(await letters.locator('.ids').textContent()).toMatch(/inbox id\d+-\d+ Copy/);
    await page.fill('#dead-search', 'nothing has this');
    await until(async () => (await page.textContent('#dead-shown')) === 'none with “nothing has this”');

    await page.click('#seen');
    expect(await page.textContent('#verdict-notes')).not.toContain('dead letter');
    // The next visit does not call them new.
    await page.reload();
    await until(async () => (await page.textContent('#dead-tile')) === '7');
    expect(await page.textContent('#dead-tile-more')).toBe('0 new; 0 gaps in all');
    expect(wrong).toEqual([]);
    await run.kill();
  });

  test('the theme that was chosen stays; a wide screen is used', { timeout: 90_000 }, async () => {
    const group = await groupOn(redis.url);
    const run = await group.start(['--size', '1', '--bridges', '1', ...SERVING]);
    const { page, wrong } = await openPage(await openBrowser(), await addressOf(run), {
      viewport: { width: 1_920, height: 1_080 },
      colorScheme: 'light',
    });
    await untilHeadline(page, /^Keeping up$/);
    const back = () => page.evaluate('getComputedStyle(document.body).backgroundColor');
    expect(await back()).toBe('rgb(246, 247, 249)');
    await page.selectOption('#theme', 'dark');
    expect(await back()).toBe('rgb(20, 23, 26)');
    await page.reload();
    expect(await back()).toBe('rgb(20, 23, 26)');
    const box = await page.locator('main').boundingBox();
    expect(box?.width).toBeGreaterThan(1_800);
    const [processes, dead] = [
      await page.locator('#processes-section').boundingBox(),
      await page.locator('#dead-section').boundingBox(),
    ];
    expect(dead?.x).toBeGreaterThan((processes?.x ?? 0) + (processes?.width ?? 0));
    // The end of the axis is now; its length is that of the choice.
    const history = page.waitForResponse((answer) => answer.url().endsWith('/api/history?span=24h'));
    await page.check('input[value="24h"]');
    expect(await (await history).json()).toMatchObject({ every: 60_000 });
    expect(await page.locator('.chart canvas:visible').count()).toBe(4);
    const docs = await fetch(`${await addressOf(run)}${await page.getAttribute('a[href^="/docs"]', 'href')}`);
    expect(await docs.text()).toMatch(/^# Monitoring/);
    expect(wrong).toEqual([]);
    await run.kill();
  });
});
