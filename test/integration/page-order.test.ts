import { describe, expect, test } from 'vitest';
import { openBrowser, openPage } from '../helpers/browser.js';
import { lacks } from '../helpers/http.js';
import { keyedGroup } from '../helpers/keyed-group.js';
import { withRedis } from '../helpers/redis.js';
import { servePage } from '../helpers/served-page.js';
import { until } from '../helpers/until.js';

const redis = withRedis();
const missing = lacks('chromium');

/** A group without processes, whose page this process serves. */
async function served() {
  const space = redis.namespace();
  const group = await keyedGroup(space);
  const { address } = await servePage(space, group.inspector);
  return { group, address };
}

describe.skipIf(missing)(`the order on the page${missing ? `, skipped: ${missing}` : ''}`, () => {
  test('by key: the keys behind which messages wait, as text, on a phone too', {
    timeout: 60_000,
  }, async () => {
    const { group, address } = await served();
    const browser = await openBrowser();
    const { page, wrong } = await openPage(browser, address, { viewport: { width: 390, height: 800 } });
    await until(async () => (await page.textContent('#verdict-title')) !== 'Reading the group …');
    expect(await page.isVisible('#order-section')).toBe(false);

    const hostile = `<img src=x>${'x'.repeat(400)}`;
    await group.relay([
      ...Array.from({ length: 1_300 }, (_, i) => ({ message_id: i, k: 'c-17' })),
      ...Array.from({ length: 3 }, (_, i) => ({ message_id: i, k: hostile })),
    ]);
    await group.readUnits('web-1', 1);
    await group.raw.hset(group.keys.bridge, { order: 'key', orderKey: 'k' });
    await until(() => page.isVisible('#order-section'));
    await until(async () => (await page.locator('#keys tr').count()) === 2);
    expect(await page.textContent('#order-text')).toContain('by key: 2 keys busy; the 2 behind which');
    const [first, second] = await page.locator('#keys tr').all();
    const cells = await first?.locator('td').allTextContents();
    expect(cells?.slice(0, 5)).toEqual(['"c-17"', '1,299', expect.stringMatching(/^\d+-\d+$/), 'web-1', '1']);
    expect(await second?.locator('td').first().textContent()).toMatch(/^"<img src=x>x+…$/);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);

    await group.raw.hset(group.keys.bridge, { order: 'total', orderWindow: '10000' });
    await until(async () =>
      (await page.textContent('#order-text'))?.includes('total: 0 of at most 10,000 results wait'),
    );
    expect(await page.isVisible('#keys-table')).toBe(false);
    expect(wrong).toEqual([]);
  });
});
