import { execFileSync } from 'node:child_process';
import { type Browser, chromium, type Page } from 'playwright-core';
import { onTestFinished } from 'vitest';

/** No window, no requests of its own; `--no-sandbox` because containers run tests as root. */
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
  /** Errors of the page, and everything that it asked of another host than its own. */
  readonly wrong: string[];
}

/** A new Chromium of the system, with a profile of its own; closed when the test has ended. */
export async function openBrowser(): Promise<Browser> {
  const executablePath = execFileSync('/bin/sh', ['-c', 'command -v chromium'], { encoding: 'utf8' }).trim();
  const browser = await chromium.launch({ executablePath, headless: true, args: FLAGS });
  onTestFinished(() => browser.close());
  return browser;
}

/** Opens a page, and notes whatever goes wrong on it. */
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
