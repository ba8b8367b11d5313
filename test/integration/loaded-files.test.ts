import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { cgroup } from '../helpers/cli.js';
import { groupOn } from '../helpers/group.js';
import { withRedis } from '../helpers/redis.js';

// What a command loads decides how soon it begins. Counted, not timed.

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const root = mkdtempSync(join(tmpdir(), 'cgroup-loaded-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

const redis = withRedis();

/** The files of ours, and the packages, whose code a command loads in a folder without a config file. */
async function loadedBy(...args: string[]): Promise<{ own: string[]; packages: string[] }> {
  const folder = mkdtempSync(join(root, 'x-'));
  // Node writes there which files it has run.
  const run = cgroup(args, { cwd: root, env: { NODE_V8_COVERAGE: folder } });
  const { code } = await run.exit;
  expect(code, run.stderr()).toBe(0);
  const scripts = readdirSync(folder).flatMap((name) => {
    const { result } = JSON.parse(readFileSync(join(folder, name), 'utf8')) as { result: { url: string }[] };
    return result.map(({ url }) => url);
  });
  const files = scripts.filter((url) => url.startsWith('file:')).map((url) => fileURLToPath(url));
  const packageOf = (path: string) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1];
  return {
    own: files.filter((path) => packageOf(path) === undefined).map((path) => relative(ROOT, path)),
    packages: [...new Set(files.flatMap((path) => packageOf(path) ?? []))].sort(),
  };
}

/** What a package depends on, directly or not. */
function dependenciesOf(name: string): string[] {
  const text = readFileSync(join(ROOT, 'node_modules', name, 'package.json'), 'utf8');
  const { dependencies = {} } = JSON.parse(text) as { dependencies?: Record<string, string> };
  return Object.keys(dependencies).flatMap((one) => [one, ...dependenciesOf(one)]);
}

// debug loads supports-color if it is there, as another package's.
const OF_IOREDIS = new Set([...dependenciesOf('ioredis'), 'supports-color', 'has-flag']);

const CLIENT = ['bin/cgroup.js', 'dist/cli/client.cjs'];

test.each(['--version', '--help', 'status --help', 'dead retry --help', 'completion bash'])(
  '%s needs one file of ours, and of the packages commander',
  async (command) => {
    const { own, packages } = await loadedBy(...command.split(' '));
    expect(own).toEqual(CLIENT);
    expect(packages).toEqual(['commander']);
  },
);

test('commands that look at a group need a client of Redis, and neither a logger, nor a parser, nor a server', async () => {
  const group = await groupOn(redis.url);
  const process = await group.start();
  for (const command of [
    'status',
    'status --json',
    'peek',
    'dead list',
    'events',
    'scale',
    'pause',
    'resume',
  ]) {
    const { own, packages } = await loadedBy(...command.split(' '), ...group.flags);
    expect(own, command).toEqual(CLIENT);
    const others = packages.filter((name) => name === 'cluster-key-slot' || !OF_IOREDIS.has(name));
    expect(others, command).toEqual(['cluster-key-slot', 'commander', 'ioredis']);
  }
  await process.kill();
});

test('start --help needs no more of cgroup than its descriptions', async () => {
  const { own, packages } = await loadedBy('start', '--help');
  expect(own).toContain('dist/cli/main.js');
  expect(own.filter((path) => !/^(bin|dist\/(cli|core|log|settings))\//.test(path))).toEqual([]);
  expect(packages).toEqual(['commander']);
});
