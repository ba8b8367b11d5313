import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type CliOptions, cgroup } from '../helpers/cli.js';
import { groupOn } from '../helpers/group.js';
import { addressOf, SERVING } from '../helpers/http.js';
import { withRedis } from '../helpers/redis.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const redis = withRedis();

/** Holds the executable, the files of a user, and in `bin` the only programs on the PATH: neither Node nor npm. */
const folder = mkdtempSync(join(tmpdir(), 'cgroup-executable-'));
const options: CliOptions = {
  program: join(folder, 'cgroup'),
  cwd: folder,
  env: { PATH: join(folder, 'bin') },
};
const PROGRAMS = ['sh', 'python3', 'redis-server', 'valkey-server'];

const HANDLER = `
import { isMainThread } from 'node:worker_threads';
import { price } from './price.cjs';
export default async (message, { log }) => {
  if (message.message_id === 'exits') process.exit(3);
  if (message.message_id === 'logs') log.warn({}, 'from the thread');
  return { total: price * 2, isMainThread };
};`;

beforeAll(() => {
  execFileSync(process.execPath, [join(ROOT, 'config/executable/build.mjs'), join(folder, 'cgroup')]);
  mkdirSync(join(folder, 'bin'));
  for (const program of PROGRAMS)
    writeFileSync(
      join(folder, 'bin', program),
      `#!/bin/sh\nPATH='${process.env.PATH}' exec ${program} "$@"\n`,
      { mode: 0o755 },
    );
  writeFileSync(join(folder, 'handler.mjs'), HANDLER);
  writeFileSync(join(folder, 'price.cjs'), 'exports.price = 21;');
  cpSync(join(ROOT, 'examples/exec-python/handler.py'), join(folder, 'handler.py'));
}, 120_000);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(...args: string[]): Promise<string> {
  const command = cgroup(args, options);
  expect(await command.exit, command.stderr()).toEqual({ code: 0, signal: null });
  expect(command.stderr()).toBe('');
  return command.stdout();
}

test('comes with a list of the packages in it', () => {
  const text = readFileSync(join(folder, 'cgroup.cdx.json'), 'utf8');
  const { bomFormat, components } = JSON.parse(text) as { bomFormat: string; components: { name: string }[] };
  expect(bomFormat).toBe('CycloneDX');
  const names = components.map(({ name }) => name);
  expect(names).toEqual(expect.arrayContaining(['fastify', 'ioredis', 'zod']));
  const lock = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
    packages: Record<string, { dev?: boolean }>;
  };
  const installed = Object.entries(lock.packages).filter(([path, { dev }]) => path !== '' && !dev);
  const last = installed.map(([path]) => String(path.split('node_modules/').at(-1)));
  expect(new Set(names)).toEqual(new Set(last));
});

test('says its version and shows help, without a warning', async () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  expect(await run('--version')).toBe(`${version}\n`);
  expect(await run('start', '--help')).toContain('--simulate-ms');
});

test('reads config files: JSON, YAML, and code', async () => {
  const sizeIn = async (name: string, text: string) => {
    writeFileSync(join(folder, name), text);
    const printed = JSON.parse(await run('start', '--config', name, '--print-config', '--json'));
    return (printed as { size: { value: number } }).size.value;
  };
  expect(await sizeIn('a.json', '{"size": 7}')).toBe(7);
  expect(await sizeIn('b.yaml', 'size: 8')).toBe(8);
  expect(
    await sizeIn('c.mjs', 'import { availableParallelism } from "node:os"; export default { size: 9 };'),
  ).toBe(9);
});

test('runs a module in threads, serves the page, publishes and verifies', async () => {
  const group = await groupOn(redis.url);
  const args = ['-p', './handler.mjs', '-n', '3', '--threads', '2', '--max-attempts', '1', ...SERVING];
  const process = await group.start(args, options);
  const url = await addressOf(process);

  const { channel } = group.space;
  await run('publish', '--redis', redis.url, '--channel', channel, '--count', '1000', '--ledger', 'ledger');
  await group.settled(1_000);
  const data = (await group.outputs()).map((output) => output.data);
  expect(data).toHaveLength(1_000);
  expect(new Set(data.map((one) => JSON.stringify(one)))).toEqual(
    new Set(['{"total":42,"isMainThread":false}']),
  );
  expect(await run('verify', ...group.flags, '--ledger', 'ledger')).toContain('every message once');

  for (const path of [
    '/',
    '/main.js',
    '/base.css',
    '/uplot.js',
    '/uplot.css',
    '/icon.svg',
    '/metrics',
    '/readyz',
  ])
    expect((await fetch(url + path)).status, path).toBe(200);
  expect(await (await fetch(`${url}/`)).text()).toContain('<title>');

  await group.publish(['exits', 'logs']);
  await process.line(/from the thread/);
  expect((await group.settled(1_002)).counters).toMatchObject({ processed: 1_001, dead: 1 });
  expect(await process.kill()).toEqual({ code: 0, signal: null });
});

test('says what is wrong with a module', async () => {
  const start = async (text: string) => {
    writeFileSync(join(folder, 'wrong.mjs'), text);
    const group = await groupOn(redis.url);
    const command = cgroup(['start', ...group.flags, '-p', './wrong.mjs'], options);
    expect(await command.exit).toEqual({ code: 2, signal: null });
    return command.stderr();
  };
  expect(await start('import "./none.mjs";')).toMatch(
    /wrong\.mjs fails on import: .*none\.mjs.*wrong\.mjs:1\)/,
  );
  expect(await start('const work = () => undefined.x;\nwork();')).toMatch(/ \(at .*wrong\.mjs:1\)/);
  expect(await start('await new Promise(() => {});')).toMatch(/never|not imported/);
});

test('runs a program as processor', async () => {
  const group = await groupOn(redis.url);
  const process = await group.start(['-p', 'exec:python3 handler.py', '-n', '2'], options);
  await group.raw.publish(group.space.channel, '{"message_id":"a","price":2,"count":3}');
  await group.settled(1);
  expect((await group.outputs()).map(({ data }) => data.total)).toEqual([6]);
  expect(await process.kill()).toEqual({ code: 0, signal: null });
});

test('plays the demo, for which it starts itself', async () => {
  const { facts } = JSON.parse(`{"facts":${await run('demo', '--json')}}`) as { facts: object };
  expect(facts).toMatchObject({ lost: 0 });
});
