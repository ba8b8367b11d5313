import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { GroupClient } from '../../src/observe/client.js';
import { openBrowser, openPage, untilHeadline } from '../helpers/browser.js';
import { groupOn } from '../helpers/group.js';
import { addressOf, emptyFolder, lacks, SERVING } from '../helpers/http.js';
import { withRedis } from '../helpers/redis.js';
import { until } from '../helpers/until.js';

const redis = withRedis();
const missing = lacks('chromium');
const TOKEN = 'a-token-for-this-test';

/** A process that lets its page act, and the page. */
async function acting(flags: readonly string[]) {
  const group = await groupOn(redis.url);
  const run = await group.start(['--http-actions', '--bridges', '1', ...flags, ...SERVING], {
    env: { CGROUP_HTTP_TOKEN: TOKEN },
  });
  const client = await GroupClient.connect(group.space);
  const { page, wrong } = await openPage(await openBrowser(), await addressOf(run), {
    httpCredentials: { username: 'ann', password: TOKEN },
  });
  const end = async (expected: readonly unknown[] = []) => {
    expect(wrong).toEqual(expected);
    client.close();
    await run.kill();
  };
  return { group, run, client, page, end };
}

/** Opens a dialog, checks what it says, and answers it. */
async function confirm(page: Page, opener: string, says: RegExp, answers: Record<string, string> = {}) {
  await page.click(opener);
  await page.waitForSelector('#confirm[open]');
  expect((await page.innerText('#confirm')).replace(/\s+/g, ' ')).toMatch(says);
  for (const [id, value] of Object.entries(answers)) await page.fill(id, value);
  await page.click('#confirm-go');
  await page.waitForSelector('#confirm', { state: 'hidden' });
  return page.textContent('#done');
}

describe.skipIf(missing)(`actions from the page${missing ? `, skipped: ${missing}` : ''}`, () => {
  test('pause, resume, scale, autoscale, drain: each says what will happen, and has an author', {
    timeout: 90_000,
  }, async () => {
    const { client, page, end, run } = await acting(['--managed']);
    await untilHeadline(page, /^Keeping up$/);
    const why = { '#confirm-by': 'bob', '#confirm-why': 'database upgrade' };
    const paused =
      /No consumer of any process \(1 now\) begins a new attempt.*relayed on and wait: none is missed/;
    expect(await confirm(page, '#pause', paused, why)).toBe('The group is paused.');
    await untilHeadline(page, /^Paused by page at \S+ by bob \(127\.0\.0\.1\) since \S+: database upgrade$/);
    await until(async () => (await page.textContent('#pause')) === 'Resume …');
    expect(await confirm(page, '#pause', /begin attempts again/)).toBe('The group is resumed.');
    expect(
      await confirm(page, '#scale', /1 are wanted, 1 run, with a capacity of 64 in 1 managed process/, {
        '#field-consumers': '3',
      }),
    ).toBe('3 consumers wanted.');
    await until(async () => (await page.textContent('#size')) === '3', { what: '3 consumers' });

    await page.click('#scale');
    await page.check('#scale-auto');
    await page.fill('#field-at-most', '5');
    await page.click('#confirm-go');
    await until(async () => (await page.textContent('#control'))?.includes('autoscale 1 to 5'));
    expect(await client.control()).toMatchObject({ autoscale: { min: 1, max: 5 } });

    const process = String(await page.locator('.opener').first().textContent());
    await confirm(page, '#processes .action', /finish their attempts, hand back the rest and leave/);
    await until(async () => (await page.textContent('#processes'))?.includes(', drained'));
    expect(await client.control()).toMatchObject({ drained: [process] });
    await confirm(page, '#processes .action', /gets its share of the consumers again/);
    expect(await client.control()).toMatchObject({ drained: [] });
    const first = page.locator('#events li').last();
    await until(async () =>
      /^\d\d:\d\d:\d\dchangepage at \S+ by bob \(127\.0\.0\.1\) paused: database upgrade$/.test(
        (await first.textContent()) ?? '',
      ),
    );
    expect(run.stderr()).toContain('"drain by page at');
    await end();
  });

  test('an action is not done if another change came first, or if the dialog is left', {
    timeout: 90_000,
  }, async () => {
    const { client, page, end } = await acting(['--managed']);
    await untilHeadline(page, /^Keeping up$/);
    await page.click('#pause');
    await page.keyboard.press('Escape');
    await page.waitForSelector('#confirm', { state: 'hidden' });
    await page.click('#scale');
    await page.fill('#field-consumers', '');
    await page.keyboard.press('Enter');
    expect(await page.isVisible('#confirm'), 'no number').toBe(true);
    await page.fill('#field-consumers', '4');
    await client.scale(2);
    // The page shows it already; the dialog does not.
    await until(async () => (await page.textContent('#control'))?.startsWith('2 wanted'));
    await page.keyboard.press('Enter');
    await until(async () =>
      /^Not done: .*Somebody was faster/.test((await page.textContent('#confirm-error')) ?? ''),
    );
    expect(await client.control()).toMatchObject({ size: 2, paused: false });
    await page.click('#confirm-cancel');
    // The browser writes the refused answer to its console.
    await end([expect.stringContaining('409')]);
  });

  test('retries a group of dead letters, deletes one, and deletes what is left', {
    timeout: 90_000,
  }, async () => {
    const folder = await emptyFolder();
    const handler = join(folder, 'handler.mjs');
    await writeFile(
      handler,
      `let mended = false;
       export default ({ message_id, text }) => {
         if (text === 'mend') mended = true;
         if (text === 'never') throw new Error('refused');
         if (text === 'once' && !mended) throw new Error('no such order ' + message_id);
         return { message_id };
       };`,
    );
    const flags = ['--size', '1', '--threads', '0', '--max-attempts', '1', '-p', handler];
    const { group, client, page, end } = await acting(flags);
    const send = (id: number, text: string) =>
      group.raw.publish(group.space.channel, JSON.stringify({ message_id: id, text }));
    for (let i = 0; i < 4; i++) await send(i, 'once');
    for (let i = 4; i < 7; i++) await send(i, 'never');
    await until(async () => (await page.textContent('#dead-tile')) === '7');
    await send(7, 'mend');
    const groups = page.locator('#groups button');
    await until(async () => (await groups.count()) === 2);
    await groups.first().click();
    const letters = page.locator('#dead > li');
    await until(async () => (await letters.count()) === 4);
    const said = /Retry 4 dead letters with the error “no such order \d” \(failed\)\?.*go back to the inbox/;
    expect(await confirm(page, '#dead-retry', said)).toBe('4 dead letters sent back.');
    await until(async () => (await client.status()).deadLetters === 3);
    await page.click('#dead-all');
    await until(async () => (await letters.count()) === 3);
    await letters.locator('button').first().click();
    const one = '#dead .detail .action:last-child';
    expect(await confirm(page, one, /Delete 1 dead letter \d+-\d+\?.*cannot be undone/)).toBe(
      '1 dead letter deleted.',
    );
    await until(async () => (await letters.count()) === 2);
    expect(await confirm(page, '#dead-purge', /Delete 2 dead letters of the group\?/)).toBe(
      '2 dead letters deleted.',
    );
    await until(async () => (await page.textContent('#dead-shown')) === 'none');
    expect((await client.status()).counters).toMatchObject({ purged: 3, revived: 4 });
    await end();
  });
});
