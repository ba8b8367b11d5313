import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { silentLogger } from '../../../src/log/logger.js';
import { AttemptContext } from '../../../src/processor/context.js';
import { loadProcessorWithin } from '../../../src/processor/load.js';
import { builtinProcessor } from '../../../src/processor/processor.js';

describe('a module that is loaded on this thread', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cgroup-load-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const moduleOf = (name: string, text: string) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    return path;
  };

  it('has a timeout', async () => {
    const path = moduleOf('never.mjs', 'await new Promise(() => {}); export default () => 1;');
    await expect(loadProcessorWithin(100, path)).rejects.toMatchObject({
      code: 'PROCESSOR',
      message: `the processor module ${path} is not imported after 0.1 s`,
    });
  });

  it('may take a while', async () => {
    const path = moduleOf('late.mjs', 'await new Promise((r) => setTimeout(r, 50)); export default () => 7;');
    const processor = await loadProcessorWithin(10_000, path);
    expect(
      processor({ message_id: 1 }, new AttemptContext({ inboxId: '1-1', attempt: 1 }, 'c', silentLogger)),
    ).toBe(7);
  });
});

describe('a default export that cannot be a processor is refused when it is loaded', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cgroup-refused-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each([
    ['generator.mjs', 'export default function* (m) { yield m; }', /is a generator \(function\*\)/],
    ['async.mjs', 'export default async function* (m) { yield m; }', /is a generator \(function\*\)/],
    ['generator.cjs', 'exports.default = function* (m) { yield m; };', /is a generator \(function\*\)/],
    ['class.mjs', 'export default class { run(m) { return m; } }', /is a class/],
    ['derived.cjs', 'module.exports = class Own extends Array {};', /is a class/],
    ['object.mjs', 'export default { handle: (m) => m };', /has no function as its default export/],
  ])('%s: %s', async (name, text, message) => {
    const path = join(folder, name);
    writeFileSync(path, text);
    const loading = loadProcessorWithin(10_000, path);
    await expect(loading).rejects.toMatchObject({
      code: 'PROCESSOR',
      message: expect.stringMatching(message),
    });
  });
});

describe('the built-in processor', () => {
  const message = { message_id: 7, nested: { a: 1 } };
  const context = () => new AttemptContext({ inboxId: '1-1', attempt: 1 }, 'c', silentLogger);

  it('adds a random property from 0 to 1, at once', () => {
    const process = builtinProcessor(0);
    // Each attempt gets a message of its own.
    const attempt = () => process({ ...message }, context()) as { random: number };
    const results = [attempt(), attempt()];
    for (const result of results) {
      expect(result).toEqual({ ...message, random: expect.any(Number) });
      expect(result.random >= 0 && result.random < 1).toBe(true);
    }
    expect(results[0]?.random).not.toBe(results[1]?.random);
  });

  it('waits as if there were work', async () => {
    const started = performance.now();
    const result = await builtinProcessor(30)(message, context());
    // Timers may be early by the fraction of a millisecond that they do not count.
    expect(performance.now() - started).toBeGreaterThan(28);
    expect(result).toEqual({ ...message, random: expect.any(Number) });
  });

  it('keeps no process alive with its timer', () => {
    const timers = () => process.getActiveResourcesInfo().filter((type) => type === 'Timeout').length;
    const before = timers();
    void builtinProcessor(3_600_000)(message, context());
    expect(timers()).toBe(before);
  });
});
