import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { openBrowser, openPage, untilHeadline } from '../helpers/browser.js';
import { groupOn, type TestGroup } from '../helpers/group.js';
import { addressOf, emptyFolder, lacks, SERVING } from '../helpers/http.js';
import { withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const redis = withRedis();
const missing = lacks('chromium');
const TOKEN = 'a-token-for-this-test';
/** Fails each message with `bad`, until one with `mend` came. */
const HANDLER = `
  let mended = false;
  export default ({ message_id, bad, mend }) => {
    mended ||= mend === true;
    if (bad && !mended) throw new Error('no such account');
    return { message_id };
  };`;

/** A process whose order a dead letter stops, and its page, which may act. */
async function halting(order: readonly string[]) {
  const handler = join(await emptyFolder(), 'handler.mjs');
  await writeFile(handler, HANDLER);
  const group = await groupOn(redis.url);
  const run = await group.start(
    [
      ...['--size', '1', '--threads', '0', '--max-attempts', '1', '-p', handler],
      ...['--on-dead', 'halt', '--bridges', '1', '--http-actions', ...order, ...SERVING],
    ],
    { env: { CGROUP_HTTP_TOKEN: TOKEN } },
  );
  const { page, wrong } = await openPage(await openBrowser(), await addressOf(run), {
    httpCredentials: { username: 'ann', password: TOKEN },
  });
  return { group, run, page, wrong };
}

async function send(group: TestGroup, messages: readonly object[]): Promise<void> {
  for (const message of messages) await group.raw.publish(group.space.channel, JSON.stringify(message));
}

async function outputIds(group: TestGroup): Promise<unknown[]> {
  return (await group.outputs()).map(({ messageId }) => messageId);
}

/** The cells of the only row in the table of what is halted, as it is once it names another dead letter than before. */
async function haltedRow(page: Page, before = ''): Promise<string[]> {
  const rows = page.locator('#halted-table tbody tr');
  return until(
    async () => {
      const cells = (await rows.count()) === 1 ? await rows.first().locator('td').allInnerTexts() : [];
      return /^\d+-\d+$/.test(cells[0] ?? '') && cells[0] !== before ? cells : undefined;
    },
    { what: 'a row of the dead letter that stops the order' },
  );
}

/** Presses a button in that row, reads what the dialog says, confirms, and returns what was done. */
async function act(page: Page, button: string, says: RegExp): Promise<string | null> {
  await page.click(`#halted-table button:text("${button}")`);
  await page.waitForSelector('#confirm[open]');
  expect((await page.innerText('#confirm')).replace(/\s+/g, ' ')).toMatch(says);
  await page.click('#confirm-go');
  await page.waitForSelector('#confirm', { state: 'hidden' });
  return page.textContent('#done');
}

describe.skipIf(missing)(`a halted order on the page${missing ? `, skipped: ${missing}` : ''}`, () => {
  test('by key: says so, shows what waits, retries, and skips after a question', {
    timeout: 90_000,
  }, async () => {
    const { group, run, page, wrong } = await halting(['--order', 'key', '--order-key', 'k']);
    await untilHeadline(page, /^Keeping up$/);
    expect(await page.isVisible('#halted-section')).toBe(false);
    await send(group, [
      { message_id: 1, k: 'a', bad: true },
      { message_id: 2, k: 'a' },
      { message_id: 3, k: 'b' },
    ]);
    await untilHeadline(page, /^Halted: the messages of 1 key wait/);
    expect(await page.getAttribute('#verdict', 'data-level')).toBe('warn');
    const [dead = '', inboxId, waits, buttons] = await haltedRow(page);
    expect(inboxId).toMatch(/^\d+-\d+$/);
    expect(waits).toBe('the messages of the key "a"');
    expect(buttons).toMatch(/Retry …\s*Skip …/);
    expect(await outputIds(group)).toEqual(['3']);

    // The list of dead letters marks it, and offers the same.
    const line = page.locator('#dead > li > button.halted');
    await until(async () => (await line.count()) === 1, { what: 'the mark of the dead letter' });
    await line.click();
    await until(async () => (await page.locator('#dead .detail .action').count()) === 3);
    expect(await page.locator('#dead .detail .action').allInnerTexts()).toEqual([
      'Retry …',
      'Skip …',
      'Delete …',
    ]);

    // The cause is still there: it dies again, and stops its key again.
    expect(await act(page, 'Retry …', /Retry 1 dead letter \d+-\d+\?.*processed anew/)).toBe(
      '1 dead letter sent back.',
    );
    const [again = ''] = await haltedRow(page, dead);
    expect(await outputIds(group)).toEqual(['3']);

    const says = new RegExp(`Skip 1 dead letter ${again}\\?.*goes on without it.*the dead letter stays`);
    expect(await act(page, 'Skip …', says)).toBe('1 dead letter skipped.');
    await until(async () => !(await page.isVisible('#halted-section')));
    await until(async () => (await outputIds(group)).length === 2);
    expect(await outputIds(group)).toEqual(['3', '2']);
    await untilHeadline(page, /^Keeping up$/);
    expect((await group.read()).deadLetters).toBe(1);
    expect(run.stderr()).toContain('1 dead letter skipped by page at');
    expect(wrong).toEqual([]);
    expect((await run.kill()).code).toBe(0);
  });

  test('in total order: all later results wait, and leave in order after a retry', {
    timeout: 90_000,
  }, async () => {
    const { group, run, page, wrong } = await halting(['--order', 'total']);
    await send(group, [{ message_id: 1, bad: true }, { message_id: 2 }, { message_id: 3, mend: true }]);
    await untilHeadline(page, /^Halted/);
    expect((await haltedRow(page))[2]).toBe('all later results');
    await until(async () =>
      (await page.textContent('#order-text'))?.includes('total: 2 of at most 10,000 results wait'),
    );
    expect(await outputIds(group)).toEqual([]);
    expect(await act(page, 'Retry …', /1 dead letter goes back to the inbox/)).toBe(
      '1 dead letter sent back.',
    );
    await until(async () => (await outputIds(group)).length === 3);
    expect(await outputIds(group)).toEqual(['1', '2', '3']);
    await until(async () => !(await page.isVisible('#halted-section')));
    expect(wrong).toEqual([]);
    expect((await run.kill()).code).toBe(0);
  });
});
