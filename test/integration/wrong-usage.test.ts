import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, onTestFinished, test } from 'vitest';
import { type CliRun, cgroup } from '../helpers/cli.js';

/** Nothing listens here: the command reports wrong usage before it connects to Redis. */
const NO_REDIS = 'redis://127.0.0.1:1';
const SECRET = 'geheim123';
const BIN = fileURLToPath(new URL('../../bin/cgroup.js', import.meta.url));

const root = mkdtempSync(join(tmpdir(), 'cgroup-usage-'));
afterAll(() => rmSync(root, { recursive: true, force: true }));

type Files = Record<string, string>;

/** A new folder with these files. */
function folder(files: Files): string {
  const path = mkdtempSync(join(root, 'x-'));
  onTestFinished(() => rmSync(path, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(path, name)), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  return path;
}

interface Given {
  args?: string[];
  env?: Record<string, string>;
  files?: Files;
}

function start({ args = [], env = {}, files = {} }: Given): CliRun {
  return cgroup(['start', ...args], { env: { REDIS_URL: NO_REDIS, ...env }, cwd: folder(files) });
}

/** The command exits with code 2 and prints these lines on stderr, nothing else. */
async function expectRefused(run: CliRun, ...lines: RegExp[]): Promise<void> {
  const { code } = await run.exit;
  const printed = run.stderr().split('\n').slice(0, -1);
  expect(printed.length, run.stderr()).toBe(lines.length);
  for (const [i, line] of lines.entries()) expect(printed[i]).toMatch(line);
  expect({ code, stdout: run.stdout() }).toEqual({ code: 2, stdout: '' });
  expect(run.stderr()).not.toContain(SECRET);
}

const HELP = /^\(--help lists commands and flags\)$/;
const SIZE = 'must be a whole number, from 1 to 10000; got';

describe('flags', () => {
  test.each([
    ['0', `--size: ${SIZE} 0`],
    ['-1', `--size: ${SIZE} -1`],
    ['1.5', `--size: ${SIZE} 1.5`],
    ['many', `--size: ${SIZE} "many"`],
  ])('refuses --size=%s', async (size, problem) => {
    await expectRefused(start({ args: [`--size=${size}`] }), new RegExp(`^cgroup: ${literal(problem)}$`));
  });

  test.each([
    [['--timeout', '5'], /^cgroup: --timeout: must be a duration such as 250ms, 3s or 2m; got "5"$/],
    [['--redis', `redis://:${SECRET}@host:x`], /^cgroup: --redis: must be a URL such as redis:\/\/user/],
  ])('refuses a wrong value: %j', async (args, problem) => {
    await expectRefused(start({ args }), problem);
  });

  test('reports all wrong values at once, of flags and variables', async () => {
    const env = { CGROUP_CONCURRENCY: '0', CGROUP_SIZES: '4' };
    await expectRefused(
      start({ args: ['--size', '0', '--batch', 'some'], env }),
      /^cgroup: --size: /,
      /^cgroup: --batch: must be auto or a whole number, from 1 to 5000; got "some"$/,
      /^cgroup: CGROUP_CONCURRENCY: must be a whole number, from 1 to 10000; got 0$/,
      /^cgroup: CGROUP_SIZES: there is no setting of this name; did you mean CGROUP_SIZE\?$/,
    );
  });

  test.each([
    [['start', '--sise', '3'], /^cgroup: unknown option '--sise' \(Did you mean --size\?\)$/],
    [['start', '--frobnicate'], /^cgroup: unknown option '--frobnicate'$/],
    [['strat'], /^cgroup: unknown command 'strat' \(Did you mean start\?\)$/],
    [
      ['verify', '--ledger', 'ids', '--ledger', './ids'],
      /argument '\.\/ids' is invalid\. This file was given before/,
    ],
    [['publish', '--count', 'many'], /^cgroup: --count: must be a whole number, 1 or more; got many$/],
  ])('refuses an unknown flag or command, or a wrong argument: %j', async (args, problem) => {
    await expectRefused(cgroup(args, { cwd: folder({}) }), problem, HELP);
  });
});

describe('environment variables', () => {
  test.each([
    ['CGROUP_SIZE', 'many', `CGROUP_SIZE: ${SIZE} "many"`],
    ['REDIS_URL', `localhost:${SECRET}`, 'REDIS_URL: must be a URL such as redis://'],
  ])('refuses a wrong value of %s', async (name, value, problem) => {
    await expectRefused(start({ env: { [name]: value } }), new RegExp(`^cgroup: ${literal(problem)}`));
  });
});

describe('config files', () => {
  const CONFIG = 'consumer-group.config.json';
  const URL = `redis://:${SECRET}@host:x`;

  test.each<[name: string, files: Files, problem: RegExp]>([
    ['that is not JSON', { [CONFIG]: '{\n  "size": 3,\n}' }, /^cgroup: consumer-group\.config\.json:3:1: /],
    [
      'with a value of a wrong type',
      { [CONFIG]: '{\n  "monitor": true,\n  "size": "5"\n}' },
      /^cgroup: consumer-group\.config\.json:3:11: size must be a whole number, .*; got "5"$/,
    ],
    [
      'with an unknown setting',
      { [CONFIG]: '{\n  "sise": 5\n}' },
      /^cgroup: consumer-group\.config\.json:2:3: there is no setting "sise"; did you mean "size"\?$/,
    ],
    [
      'that is not JSON after a password',
      { [CONFIG]: `{"redis":"${URL}"; }` },
      /^cgroup: consumer-group\.config\.json:1:/,
    ],
    [
      'that is package.json with a wrong value',
      { 'package.json': '{\n  "consumer-group": { "size": 0 }\n}' },
      /^cgroup: package\.json:2:31: size must be a whole number/,
    ],
  ])('refuses a file %s', async (_, files, problem) => {
    await expectRefused(start({ files }), problem);
  });

  test.each<[name: string, make: (path: string) => void, problem: string]>([
    ['a folder', (path) => mkdirSync(path), 'is a folder, not a file'],
    ['a link to nothing', (path) => symlinkSync('nowhere', path), 'is a link to nothing'],
  ])('refuses %s in place of the file', async (_, make, problem) => {
    for (const name of [CONFIG, '.consumer-grouprc.yml']) {
      const cwd = folder({ 'package.json': '{}', 'below/x': '' });
      make(join(cwd, name));
      const run = cgroup(['start', '--redis', NO_REDIS], { cwd: join(cwd, 'below') });
      await expectRefused(run, new RegExp(`^cgroup: \\S+/${literal(name)}: ${problem}$`));
    }
  });

  test('passes over a folder at a weaker place than the file', async () => {
    const cwd = folder({ [CONFIG]: '{"size":0}', '.consumer-grouprc/x': '' });
    await expectRefused(
      cgroup(['start'], { cwd }),
      /^cgroup: consumer-group\.config\.json:1:9: size must be/,
    );
  });

  test('shows no password of a module that throws', async () => {
    const thrown = `throw new Error('cannot read redis://user:${SECRET}@h:1/0, alas')`;
    await expectRefused(
      start({ files: { 'consumer-group.config.mjs': thrown } }),
      /^cgroup: consumer-group\.config\.mjs: cannot be loaded: cannot read redis:\/\/user:\*\*\*@h:1\/0, alas$/,
    );
  });

  test('refuses a working directory that was removed', () => {
    const cwd = join(folder({ 'gone/x': '' }), 'gone');
    const script = 'rm -r -- "$1" && exec "$2" "$3" status';
    const run = spawnSync('/bin/sh', ['-c', script, 'sh', cwd, process.execPath, BIN], {
      cwd,
      encoding: 'utf8',
    });
    expect(run.stderr).toMatch(/^cgroup: there is no working directory: .*\n$/);
    expect(run.status).toBe(2);
  });

  test('refuses a --config file that does not exist', async () => {
    await expectRefused(
      start({ args: ['--config', 'nix.json'] }),
      /^cgroup: --config: there is no file nix\.json$/,
    );
  });
});

describe('processor modules', () => {
  test.each<[name: string, files: Files, problem: RegExp]>([
    ['is missing', {}, /^cgroup: there is no processor module at \/.*\/handler\.mjs \(a program is exec:/],
    [
      'has no default export',
      { 'handler.mjs': 'export const process = () => 1;' },
      /handler\.mjs has no function as its default export: export default async \(message, context\) => result$/,
    ],
    [
      'throws on import',
      { 'handler.mjs': 'throw new Error("no luck\\nat\\nall");' },
      /^cgroup: the processor module \/.*\/handler\.mjs fails on import: no luck \(at \/.*\/handler\.mjs:1\)$/,
    ],
    ['throws undefined', { 'handler.mjs': 'throw undefined;' }, /fails on import: undefined$/],
    [
      'has a syntax error',
      { 'handler.mjs': 'export default (' },
      /fails on import: Unexpected end of input \(at \/.*\/handler\.mjs:1\)$/,
    ],
    [
      'imports a package that does not exist',
      { 'handler.mjs': 'import "package-that-is-not-there";' },
      /fails on import: Cannot find package 'package-that-is-not-there' imported from /,
    ],
    [
      'ends the process',
      { 'handler.mjs': 'process.exit(7);' },
      /^cgroup: the processor module \/.*\/handler\.mjs ends its thread on import: process\.exit\(7\)$/,
    ],
    [
      'awaits something that never settles',
      { 'handler.mjs': 'await new Promise(() => {}); export default () => 1;' },
      /^cgroup: the processor module \/.*\/handler\.mjs awaits something on import that never settles$/,
    ],
  ])('refuses a module that %s', async (_, files, problem) => {
    await expectRefused(start({ args: ['-p', './handler.mjs'], files }), problem);
  });

  test('prints the stack of a module that throws on import at log level debug', async () => {
    const files = { 'handler.mjs': 'const unlucky = () => {\n  throw new Error("no luck");\n};\nunlucky();' };
    const run = start({ args: ['-p', './handler.mjs', '--log-level', 'debug'], files });
    expect((await run.exit).code).toBe(2);
    expect(run.stderr()).toMatch(
      /^cgroup: the processor module .* fails on import: no luck \(at \/.*\/handler\.mjs:2\)$/m,
    );
    expect(run.stderr()).toMatch(/caused by Error: no luck\n {4}at unlucky \(.*handler\.mjs:2:9\)/);
  });
});

test.each([['start', '--rediss=redis://:geheim@127.0.0.1:1'], ['redis://:geheim@127.0.0.1:1']])(
  'does not print the password of a mistyped argument: %s %s',
  async (...args) => {
    const run = cgroup(args.filter((arg) => arg !== undefined));
    expect((await run.exit).code).toBe(2);
    expect(run.stderr()).toContain('127.0.0.1');
    expect(run.stderr()).not.toContain('geheim');
  },
);

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
