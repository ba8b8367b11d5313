import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const MINUTES = 60_000;

/** What users get: the packed tarball, installed into an empty folder. */
let folder: string;
let installed: string;

const run = promisify(execFile);
const inFolder = (program: string, ...args: string[]) =>
  run(program, args, { cwd: folder, env: { ...process.env, NO_COLOR: '1' }, timeout: 4 * MINUTES });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'cgroup-package-'));
  installed = join(folder, 'node_modules', 'cgroup');
  // The scripts would only build once more what is built already.
  await run('npm', ['pack', '--ignore-scripts', '--pack-destination', folder], { cwd: ROOT });
  writeFileSync(join(folder, 'package.json'), '{ "name": "user", "private": true, "type": "module" }');
  const { version } = manifest(ROOT);
  const tarball = `cgroup-${version}.tgz`;
  expect(existsSync(join(folder, tarball))).toBe(true);
  const install = ['install', '--no-audit', '--no-fund', '--ignore-scripts', `./${tarball}`];
  // What a checkout needs was downloaded for it: most often all of it is in npm's cache still.
  await inFolder('npm', ...install, '--offline').catch(() => inFolder('npm', ...install, '--prefer-offline'));
}, 5 * MINUTES);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Manifest {
  readonly version: string;
  readonly dependencies: Record<string, string>;
  readonly exports: Record<string, unknown>;
}

const manifest = (at: string) => JSON.parse(readFileSync(join(at, 'package.json'), 'utf8')) as Manifest;

describe('the package', () => {
  test('runs as a command', async () => {
    const { stdout } = await inFolder('npx', '--no-install', 'cgroup', '--version');
    expect(stdout.trim()).toBe(manifest(installed).version);
    const help = await inFolder('npx', '--no-install', 'cgroup', 'start', '--help');
    expect(help.stdout).toContain('--simulate-ms');
  });

  test('reads a config file of the folder it is run in, and prints what is in force', async () => {
    const schema = './node_modules/cgroup/config/schema.json';
    const config = { $schema: schema, size: 7, backoff: '1s' };
    writeFileSync(join(folder, 'consumer-group.config.json'), JSON.stringify(config));
    const { stdout } = await inFolder('npx', '--no-install', 'cgroup', 'start', '--print-config', '--json');
    const printed = JSON.parse(stdout) as Record<string, { value: unknown; from: string }>;
    expect(printed.size?.value).toBe(7);
    expect(printed.size?.from).toContain('consumer-group.config.json');
    expect(printed.backoff?.value).toBe('1s');
    expect(printed.channel).toMatchObject({ value: 'messages:published', from: 'default' });
    const { properties } = JSON.parse(readFileSync(join(folder, schema), 'utf8')) as { properties: object };
    expect(Object.keys(properties)).toEqual(expect.arrayContaining(Object.keys(printed)));
  });

  test('can be imported, and exports what it says', async () => {
    const script = `
      const { ConsumerGroup, ...more } = await import('cgroup');
      const { settings } = new ConsumerGroup({ size: 2 });
      const schema = await import('cgroup/config/schema.json', { with: { type: 'json' } });
      console.log(JSON.stringify({ size: settings.size, more: Object.keys(more), schema: typeof schema.default }));`;
    writeFileSync(join(folder, 'script.mjs'), script);
    const { stdout } = await inFolder(process.execPath, '--no-warnings', 'script.mjs');
    expect(JSON.parse(stdout)).toEqual({
      size: 2,
      more: expect.arrayContaining(['CgroupError', 'GroupClient', 'SettingsError']),
      schema: 'object',
    });
  });

  // Without skipLibCheck: its types must not need those of its dependencies.
  test.each(['typed.mts', 'typed.cts'])('has types: %s', async (file) => {
    const source = `
      import { ConsumerGroup, GroupClient, type Gap, type Processor } from 'cgroup';
      const processor: Processor = async (message, { attempt }) => ({ ...message, attempt });
      export const group = new ConsumerGroup({ size: 2, processor });
      group.on('settled', ({ processed }) => processed.toFixed());
      export const gaps: Gap[] = [];
      group.on('gap', (gap) => gaps.push(gap));
      export const dead = async () => {
        await using client = await GroupClient.connect({ timeout: 1_000 });
        return (await client.deadLetters.list({ limit: 1 }))[0]?.reason ?? (await client.verify()).ok;
      };
      // @ts-expect-error: a wrong setting is found by the compiler
      new ConsumerGroup({ size: 'two' });`;
    writeFileSync(join(folder, file), source);
    const tsc = join(ROOT, 'node_modules', '.bin', 'tsc');
    const flags = ['--noEmit', '--strict', '--module', 'nodenext', '--target', 'es2022', '--types', 'node'];
    const roots = ['--typeRoots', join(ROOT, 'node_modules', '@types')];
    const { stdout } = await inFolder(tsc, ...flags, ...roots, file).catch(
      (error: { stdout: string }) => error,
    );
    expect(stdout).toBe('');
  });

  test('holds what it needs to run, and no tests, sources of ours or secrets', async () => {
    const { stdout } = await run('npm', ['pack', '--ignore-scripts', '--dry-run', '--json'], { cwd: ROOT });
    const [{ files }] = JSON.parse(stdout) as [{ files: { path: string }[] }];
    const paths = files.map(({ path }) => path);
    const needed = [
      'bin/cgroup.js',
      'dist/index.js',
      'dist/index.d.ts',
      'config/schema.json',
      'package.json',
    ];
    expect(paths).toEqual(
      expect.arrayContaining([...needed, 'dist/redis/lua/commit.lua', 'dist/http/page/index.html']),
    );
    expect(paths.filter((path) => /^(test|src|node_modules|\.)|\.env|\.log$|\.tgz$/.test(path))).toEqual([]);
    // Only what a user needs: no maps to sources that are not there, no types that no export leads to.
    expect(
      paths.filter((path) => /\.map$|^dist\/cli\/.*\.d\.ts$|^(ARCHITECTURE|CONTRIBUTING)/.test(path)),
    ).toEqual([]);
    const code = paths
      .filter((path) => path.endsWith('.js'))
      .map((path) => readFileSync(join(ROOT, path), 'utf8'));
    expect(code.filter((text) => /^\/\/# sourceMappingURL/m.test(text))).toEqual([]);
  });

  test('brings few packages, and not much of anything', () => {
    const modules = join(folder, 'node_modules');
    const files = readdirSync(modules, { recursive: true, withFileTypes: true }).filter((one) =>
      one.isFile(),
    );
    const bytesOf = (under: string) =>
      files
        .filter(({ parentPath }) => `${parentPath}/`.startsWith(`${under}/`))
        .reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
    const lock = JSON.parse(readFileSync(join(modules, '.package-lock.json'), 'utf8')) as {
      packages: object;
    };
    // docs/install.md has the numbers. More than these need a reason.
    expect(Object.keys(lock.packages).length).toBeLessThanOrEqual(118);
    expect(bytesOf(modules) / 1e6).toBeLessThan(29.5);
    // 0.45 MB of it is dist/cli/client.cjs, once more what its modules are: docs/internals.md says what for.
    expect(bytesOf(installed) / 1e6).toBeLessThan(3.9);
  });
});
