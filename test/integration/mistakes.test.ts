import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cgroup } from '../helpers/cli.js';
import { groupOn } from '../helpers/group.js';
import { withRedis } from '../helpers/redis.js';
import { flagsOf } from '../helpers/running.js';
import { until } from '../helpers/until.js';

// Mistakes that users make at a terminal: each gets a sentence that says what to do.

const redis = withRedis();
const BIN = fileURLToPath(new URL('../../bin/cgroup.js', import.meta.url));
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cgroup-mistakes-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function files(contents: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(contents)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

describe('help', () => {
  test.each([['-v'], ['-V'], ['--version']])('%s prints the version', async (flag) => {
    const run = cgroup([flag]);
    expect(await run.exit).toMatchObject({ code: 0 });
    expect(run.stdout()).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test('is there for an inner command', async () => {
    const run = cgroup(['help', 'dead', 'retry']);
    expect(await run.exit).toMatchObject({ code: 0 });
    expect(run.stdout()).toMatch(/^Usage: cgroup dead retry /);
  });

  test('of a command that it does not know runs nothing', async () => {
    const run = cgroup(['help', 'dead', 'nope']);
    expect(await run.exit).toMatchObject({ code: 2 });
    expect(run.stderr()).toMatch(/^cgroup: unknown command 'nope'/);
    const drain = cgroup(['help', 'drain', 'web1']);
    expect(await drain.exit).toMatchObject({ code: 0 });
    expect(drain.stdout()).toMatch(/^Usage: cgroup drain /);
  });

  test('needs neither Redis nor the schema of the settings', async () => {
    const loaded = await new Promise<string>((resolve) => {
      const env = { ...process.env, NODE_DEBUG: 'esm,module' };
      execFile(process.execPath, [BIN, 'status', '--help'], { env, maxBuffer: 2 ** 28 }, (_e, _out, err) =>
        resolve(err),
      );
    });
    expect(loaded).toContain('commander');
    for (const name of ['ioredis', 'zod', 'pino', 'pino-pretty', 'cosmiconfig', 'yaml', 'fastify'])
      expect(loaded).not.toContain(`/node_modules/${name}/`);
  });
});

describe('a Redis that is not there', () => {
  test.each([['status'], ['publish'], ['dead', 'list'], ['verify'], ['doctor']])(
    'ends %s at once if the connection is refused',
    async (...command) => {
      const began = performance.now();
      const run = cgroup([...command, '--redis', 'redis://127.0.0.1:1']);
      expect(await run.exit).toMatchObject({ code: 1 });
      expect(performance.now() - began).toBeLessThan(4_500);
      expect(run.stdout() + run.stderr()).toContain(
        'cannot reach Redis at 127.0.0.1:1 (connect ECONNREFUSED 127.0.0.1:1): nothing listens there; start Redis, or correct --redis',
      );
    },
  );

  test('is named while it is waited for', async () => {
    const server = createServer(() => {}).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = `127.0.0.1:${(server.address() as { port: number }).port}`;
    const run = cgroup(['status', '--redis', `redis://${address}`, '--log-format', 'pretty']);
    await run.line(new RegExp(`waiting for Redis at ${address} …`), 4_000);
    await run.kill('SIGKILL');
    server.close();
  });
});

test('a wrong setting of processes stops start, and no command that has no use for it', async () => {
  const env = { CGROUP_HTTP_TOKEN: 'short', CGROUP_SIZE: 'many', CGROUP_HTTP_ACTIONS: '1' };
  const at = ['--redis', redis.url];
  for (const command of [
    'status',
    'peek',
    'dead list',
    'publish --count 1',
    'monitor --interval 1s',
    'scale',
  ]) {
    const run = cgroup([...command.split(' '), ...at], { env });
    if (command.startsWith('monitor')) await run.line(/msg\/s/);
    expect(await (command.startsWith('monitor') ? run.kill() : run.exit), run.stderr()).toMatchObject({
      code: 0,
    });
  }
  for (const command of ['start --print-config', 'start']) {
    const run = cgroup([...command.split(' '), ...at], { env });
    expect(await run.exit).toMatchObject({ code: 2 });
    expect(run.stderr()).toMatch(/CGROUP_SIZE: must be/);
    expect(run.stderr()).toMatch(/CGROUP_HTTP_TOKEN: must/);
  }
});

test('a database that does not exist is refused by name', async () => {
  const run = cgroup(['status', '--redis', `${redis.url.replace(/\/\d*$/, '')}/99`]);
  expect(await run.exit).toMatchObject({ code: 1 });
  expect(run.stderr()).toMatch(/has no database 99 .*: name another one in the URL/);
});

test('the doctor has a finding for such a database, in JSON too', async () => {
  const run = cgroup(['doctor', '--json', '--redis', `${redis.url.replace(/\/\d*$/, '')}/99`]);
  expect(await run.exit).toEqual({ code: 1, signal: null });
  expect(JSON.parse(run.stdout())).toMatchObject({
    ok: false,
    findings: [{ check: 'connection', status: 'mend', what: expect.stringContaining('no database 99') }],
  });
  expect(run.stderr()).toBe('');
});

test('a wrong password gets advice on the URL, and no ACL line', async () => {
  const url = redis.url.replace('redis://', 'redis://nobody:secret@');
  const run = cgroup(['doctor', '--redis', url]);
  expect(await run.exit).toMatchObject({ code: 1 });
  expect(run.stdout()).toContain('correct them in the URL');
  expect(run.stdout()).not.toContain('ACL');
});

describe('a processor module that cannot be imported', () => {
  test.each([
    ['a syntax error in a module that it imports', 'syntax.mjs', 'broken.mjs:2'],
    ['a module that is missing', 'missing.mjs', 'missing.mjs:2'],
    ['a package that is missing', 'package.mjs', 'package.mjs:1'],
    ['an export that is missing', 'no-export.mjs', 'no-export.mjs:1'],
    ['a module that throws', 'throws.mjs', 'thrower.mjs:3'],
    ['a syntax error in CommonJS', 'common.cjs', 'common.cjs:2'],
  ])('names file and line: %s', async (_what, module, place) => {
    files({
      'syntax.mjs': "import './broken.mjs';\n",
      'broken.mjs': 'export const a = 1;\nexport const b = ;\n',
      'missing.mjs': "import './thrower.mjs';\nimport './not-there.mjs';\n",
      'package.mjs': "import 'no-such-package-at-all';\n",
      'no-export.mjs': "import { nope } from './exports.mjs';\nexport default nope;\n",
      'exports.mjs': 'export const a = 1;\n',
      'throws.mjs': "import './thrower.mjs';\n",
      'thrower.mjs': '\nfunction work() {\n  return undefined.x;\n}\nwork();\n',
      'common.cjs': 'module.exports = {\n  a: ,\n};\n',
    });
    const run = cgroup(['start', ...flagsOf(redis.namespace()), '-p', join(folder, module)]);
    expect(await run.exit).toMatchObject({ code: 2 });
    expect(run.stderr()).toContain(`(at ${join(folder, place)})`);
  });

  const knowsTypes = Boolean((process.features as { typescript?: unknown }).typescript);

  test.skipIf(knowsTypes)('says how TypeScript works', async () => {
    files({ 'typed/handler.ts': 'export default (message: object) => message;\n' });
    const run = cgroup(['start', ...flagsOf(redis.namespace()), '-p', join(folder, 'typed/handler.ts')]);
    expect(await run.exit).toMatchObject({ code: 2 });
    expect(run.stderr()).toContain("npm install tsx, then type NODE_OPTIONS='--import tsx' cgroup start");
  });

  test.skipIf(knowsTypes)('is TypeScript that tsx loads, in the threads, too', async () => {
    // As tsx: its loader works on the main thread only, its API in a thread.
    const hooks = `export async function load(url, context, next) {
      if (!url.endsWith('.ts')) return next(url, context);
      return { format: 'module', shortCircuit: true, source: 'export default async (message) => message;' };
    }`;
    files({
      'tsx/handler.ts': 'export default (message: object) => message;\n',
      'tsx/node_modules/tsx/package.json': JSON.stringify({
        name: 'tsx',
        type: 'module',
        exports: { '.': './loader.js', './cjs/api': './cjs-api.mjs', './esm/api': './api.mjs' },
      }),
      'tsx/node_modules/tsx/hooks.js': hooks,
      'tsx/node_modules/tsx/cjs-api.mjs': 'export function register() {}\n',
      'tsx/node_modules/tsx/api.mjs':
        "import { register as r } from 'node:module';\nexport const register = () => r('./hooks.js', import.meta.url);\n",
      'tsx/node_modules/tsx/loader.js':
        "import { isMainThread } from 'node:worker_threads';\nimport { register } from './api.mjs';\nif (isMainThread) register();\n",
    });
    const run = cgroup(
      ['start', ...flagsOf(redis.namespace()), '--size', '2', '--threads', '2', '-p', './handler.ts'],
      { cwd: join(folder, 'tsx'), env: { NODE_OPTIONS: '--import tsx' } },
    );
    await run.line(/ready: /, 20_000);
    expect(await run.kill()).toMatchObject({ code: 0 });
  });
});

describe('publish', () => {
  test('refuses messages that are smaller than an id', async () => {
    const { redis: url, channel } = redis.namespace();
    const run = cgroup(['publish', '--redis', url, '--channel', channel, '--bytes', '10']);
    expect(await run.exit).toMatchObject({ code: 2 });
    expect(run.stderr()).toMatch(/^cgroup: --bytes: must be a whole number, from 53 to 16000000; got 10/);
  });

  test('ends with 130 at Ctrl-C, and says how far it got', async () => {
    const { raw, space } = await groupOn(redis.url);
    const list = `${space.output}:queue`;
    const flags = ['--redis', redis.url, '--list', list, '--rate', '100', '--count', '100000'];
    const run = cgroup(['publish', ...flags, '--log-format', 'json']);
    await until(async () => (await raw.llen(list)) > 0, { what: 'the first message' });
    expect(await run.kill('SIGINT')).toMatchObject({ code: 130 });
    expect(run.stderr()).toMatch(/ended by SIGINT after [\d,]+ of 100,000 messages/);
    expect(run.stdout()).toMatch(/^published [\d,]+ messages? in /);
  });
});

test('a process with another list of consumers is refused, and doctor tells', async () => {
  const space = redis.namespace();
  const group = cgroup(['start', ...flagsOf(space)]);
  await group.line(/ready: /);
  const other = { ...space, consumerList: `${space.consumerList}:other` };
  const second = cgroup(['start', ...flagsOf(other)]);
  expect(await second.exit).toMatchObject({ code: 1 });
  expect(second.stderr()).toContain(
    `is the output of a running group with consumerList ${space.consumerList}; give this process the same settings`,
  );
  const doctor = cgroup(['doctor', ...flagsOf(other)]);
  expect(await doctor.exit).toMatchObject({ code: 1 });
  expect(doctor.stdout()).toContain(
    `the consumers of the output ${space.output} are in the list ${space.consumerList}, not in ${other.consumerList}`,
  );
  await group.kill();
});

describe('verify', () => {
  test('of an output where no group ever ran is not ok', async () => {
    const { redis: url, output } = redis.namespace();
    const run = cgroup(['verify', '--redis', url, '--output', output]);
    expect(await run.exit).toMatchObject({ code: 1 });
    expect(run.stdout()).toContain('nothing to verify: no group has ever run with this output');
    const json = cgroup(['verify', '--redis', url, '--output', output, '--json']);
    expect(await json.exit).toMatchObject({ code: 1 });
    expect(JSON.parse(json.stdout())).toMatchObject({ ok: false, relayed: 0 });
  });

  test('of a group that has had no message yet is ok', async () => {
    const space = redis.namespace();
    const group = cgroup(['start', ...flagsOf(space)]);
    await group.line(/ready: /);
    const run = cgroup([
      'verify',
      '--redis',
      space.redis,
      '--output',
      space.output,
      '--channel',
      space.channel,
    ]);
    expect(await run.exit).toMatchObject({ code: 0 });
    expect(run.stdout()).toContain('no message was ever relayed');
    await group.kill();
  });
});

test.each([['--version'], ['--help'], ['start', '--print-config']])(
  'a full disk behind the output of %s is an error',
  async (...args) => {
    const { code, stderr } = await new Promise<{ code: unknown; stderr: string }>((resolve) => {
      const child = execFile(
        'sh',
        ['-c', `"$0" "$@" > /dev/full`, process.execPath, BIN, ...args],
        (error, _o, err) => resolve({ code: error?.code ?? 0, stderr: err }),
      );
      child.stdin?.end();
    });
    expect(stderr).toMatch(/^cgroup: cannot write to stdout: .*ENOSPC.*\n$/);
    expect(code).toBe(1);
  },
);

describe('hints', () => {
  test('have the flags that were given, without the password', async () => {
    const { redis: url, output, channel } = redis.namespace();
    const withPassword = url.replace('redis://', 'redis://:geheim@');
    const run = cgroup(['status', '--redis', withPassword, '--output', output, '--channel', channel]);
    await run.exit;
    const flags = `--redis ${url.replace('redis://', 'redis://:PASSWORD@')} --channel ${channel} --output ${output}`;
    expect(run.stdout()).toContain(`(cgroup start ${flags})`);
    expect(run.stdout() + run.stderr()).not.toContain('geheim');
  });

  test('in errors have them, too', async () => {
    const { redis: url, output } = redis.namespace();
    const run = cgroup(['dead', 'show', '1795251095809-0', '--redis', url, '--output', output]);
    await run.exit;
    expect(run.stderr()).toContain(`cgroup dead list --redis ${url} --output ${output} shows the ids`);
  });
});
