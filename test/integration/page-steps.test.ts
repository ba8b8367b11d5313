import { describe, expect, test } from 'vitest';
import type { ProcessStats } from '../../src/observe/process-stats.js';
import { openBrowser, openPage } from '../helpers/browser.js';
import { lacks } from '../helpers/http.js';
import { withRedis } from '../helpers/redis.js';
import { servePage } from '../helpers/served-page.js';
import { openStores } from '../helpers/stores.js';
import { until } from '../helpers/until.js';

const redis = withRedis();
const missing = lacks('chromium');

/** A page of a group without processes, and the numbers of the process that serves it. */
async function servedPage() {
  const space = redis.namespace();
  const { inspector } = await openStores(space, { outputType: 'stream', order: 'total' });
  return servePage(space, inspector);
}

/** Results that waited 100 ms, took 20 ms, and were parked for 2 s. */
function settle(stats: ProcessStats): void {
  const startedAt = Date.now();
  const published = startedAt - 100;
  const results = Array.from({ length: 50 }, (_, i) => ({
    inboxId: `${Math.round(published + stats.redisAhead)}-${i}`,
    startedAt,
    finishedAt: startedAt + 20,
  }));
  stats.committed(results);
  stats.parked(results.map(() => 2_000));
}

describe.skipIf(missing)(`steps on the page${missing ? `, skipped: ${missing}` : ''}`, () => {
  test('are shown from the first result that has them, and drawn', { timeout: 60_000 }, async () => {
    const { stats, address } = await servedPage();
    const { page, wrong } = await openPage(await openBrowser(), address);
    await until(async () => (await page.locator('#rate-chart canvas').count()) === 1);
    await until(async () => (await page.textContent('#in')) === '0', { what: 'a point' });
    expect(await page.isVisible('#steps')).toBe(false);
    expect(await page.locator('#steps-chart canvas').count()).toBe(0);

    settle(stats);
    await until(() => page.isVisible('#steps'), { what: 'the chart of the steps' });
    await until(async () => (await page.locator('#steps-chart canvas').count()) === 1);
    // One point has them. The legend has those of the last point, unless the pointer is at another one.
    const legend = await page.locator('#steps-legend li').allTextContents();
    expect(legend.map((text) => text.replace(/ \S+( m?s)?$/, '').trim())).toEqual([
      'waiting p50',
      'waiting p99',
      'processing p50',
      'processing p99',
      'parking p50',
      'parking p99',
    ]);
    // The other charts are drawn once.
    expect(await page.locator('#rate-chart canvas').count()).toBe(1);

    const later = await openPage(await openBrowser(), address);
    await until(async () => (await later.page.locator('#steps-chart canvas').count()) === 1);
    expect([...wrong, ...later.wrong]).toEqual([]);
  });
});
