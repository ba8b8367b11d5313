import { execFileSync } from 'node:child_process';
import { type Browser, chromium, type Page } from 'playwright-core';
import { onTestFinished } from 'vitest';
import { until } from './until.js';

/** No window and no background requests; `--no-sandbox` because containers run tests as root. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

export interface OpenPage {
  readonly page: Page;
  /** Errors of the page, and its requests to other hosts. */
  readonly wrong: string[];
}

/** Starts the system's Chromium with a new profile. It is closed when the test has ended. */
export async function openBrowser(): Promise<Browser> {
  const executablePath = execFileSync('/bin/sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).trim();
  const browser = await chromium.launch({ executablePath, headless: true, args: FLAGS });
  onTestFinished(() => browser.close());
  return browser;
}

/** Waits until the headline of a live page, and the title of its tab, are as expected. */
export async function untilHeadline(page: Page, expected: RegExp): Promise<void> {
  await until(async () => expected.test((await page.textContent('#verdict-title')) ?? ''), {
    timeout: 25_000,
    what: `the headline ${expected}`,
  });
  const headline = await page.textContent('#verdict-title');
  await until(async () => (await page.title()).startsWith(`${headline} – cgroup`), {
    what: 'the title of the tab',
  });
}

/** Opens a page, and collects its errors. */
export async function openPage(
  browser: Browser,
  url: string,
  options: Parameters<Browser['newPage']>[0] = {},
): Promise<OpenPage> {
  const page = await browser.newPage(options);
  const wrong: string[] = [];
  page.on('pageerror', (error) => wrong.push(`error: ${error.message}`));
  page.on('console', (message) => {
    if (message.type() === 'error') wrong.push(`console: ${message.text()}`);
  });
  page.on('request', (request) => {
    if (!request.url().startsWith(url)) wrong.push(`request: ${request.url()}`);
  });
  await page.goto(url);
  return { page, wrong };
}
