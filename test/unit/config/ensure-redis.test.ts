import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const SCRIPT = fileURLToPath(new URL('../../../config/ensure-redis.mjs', import.meta.url));

/**
 * A machine with only the programs that a test puts there: the PATH is one folder of shims.
 * A shim records its call, then does what its test says.
 */
let root: string;
let bin: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'cgroup-ensure-'));
  bin = join(root, 'bin');
  await mkdir(bin);
  await shim('env', 'while case $1 in *=*) true;; *) false;; esac; do shift; done; exec "$@"', {
    silent: true,
  });
});

afterEach(() => rm(root, { recursive: true }));

async function shim(name: string, body = '', { silent = false, folder = bin } = {}): Promise<void> {
  const note = silent ? '' : `echo "${name} $*" >>'${join(root, 'calls')}'\n`;
  await writeFile(join(folder, name), `#!/bin/sh\n${note}${body}\n`);
  await chmod(join(folder, name), 0o755);
}

/** A server that is already installed. */
function server(name: string, version: string): Promise<void> {
  return shim(name, `echo '${version} sha=00000000:0 malloc=libc bits=64'`, { silent: true });
}

/** A package manager with these packages, each with its program. */
async function manager(name: string, packages: Record<string, string>): Promise<void> {
  const store = join(root, `store-${name}`);
  await mkdir(store);
  const known = await Promise.all(
    Object.entries(packages).map(async ([pack, program]) => {
      await shim(program, `echo '${program === 'redis-server' ? 'Redis' : 'Valkey'} server v=7.2.4'`, {
        silent: true,
        folder: store,
      });
      const copy = `PATH=/usr/bin:/bin cp '${join(store, program)}' '${bin}'`;
      return `*" ${pack}") ${copy}; : >'${join(root, pack)}';;`;
    }),
  );
  await shim(name, `case "$*" in update*) exit 0;; ${known.join(' ')} *) exit 100;; esac`);
}

/** Debian's commands for packages and services. */
async function debian(packages: Record<string, string>): Promise<void> {
  await manager('apt-get', packages);
  await shim('dpkg', `test -e '${root}/'"$2" && echo 'Status: install ok installed'`, { silent: true });
  await Promise.all(['systemctl', 'service', 'update-rc.d'].map((name) => shim(name)));
}

const user = (id: number) => shim('id', `echo ${id}`, { silent: true });
const sudo = (works: boolean) =>
  shim('sudo', works ? 'while case $1 in -*) true;; *) false;; esac; do shift; done; "$@"' : 'exit 1');

async function run() {
  const { status, stdout, stderr } = spawnSync(process.execPath, [SCRIPT], {
    env: { PATH: bin },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const calls = (await readFile(join(root, 'calls'), 'utf8').catch(() => ''))
    .trim()
    .split('\n')
    .filter(Boolean);
  return { status, stdout, stderr, calls };
}

/** Debian stops a service in another way if systemd runs; no shim can fake that. */
function stopsOf(service: string): string[] {
  if (existsSync('/run/systemd/system')) return [`systemctl disable --now ${service}`];
  return [`service ${service} stop`, `update-rc.d ${service} disable`];
}

describe('with a server on the PATH', () => {
  test.each([
    ['redis-server', 'Redis server v=7.0.15', 'Redis 7.0.15 (redis-server on the PATH)'],
    ['redis-server', 'Redis server v=6.2.0', 'Redis 6.2.0 (redis-server on the PATH)'],
    ['valkey-server', 'Valkey server v=8.0.1', 'Valkey 8.0.1 (valkey-server on the PATH)'],
    ['redis-server', 'Valkey server v=8.1.0', 'Valkey 8.1.0 (redis-server on the PATH)'],
  ])('%s that prints "%s" is named, and nothing is installed', async (program, says, report) => {
    await debian({ 'redis-server': 'redis-server' });
    await user(0);
    await server(program, says);
    expect(await run()).toEqual({ status: 0, stdout: `${report}\n`, stderr: '', calls: [] });
  });

  test.each(['6.0.16', '5.0.7'])('Redis %s is too old', async (version) => {
    await server('redis-server', `Redis server v=${version}`);
    const { status, stdout, stderr } = await run();
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(
      new RegExp(`^Redis ${version} .* is too old, 6.2 is needed: install redis-server .*\n$`),
    );
  });
});

describe('without a server on the PATH', () => {
  test('root installs it with apt-get and stops the service', async () => {
    await debian({ 'redis-server': 'redis-server' });
    await user(0);
    await sudo(true);
    const { status, stdout, stderr, calls } = await run();
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(calls).toEqual([
      'apt-get update -q',
      'apt-get install -q -y --no-install-recommends redis-server',
      ...stopsOf('redis-server'),
    ]);
    expect(stdout.trim().split('\n')).toEqual([
      'There is no Redis server on the PATH; installing one.',
      '$ env DEBIAN_FRONTEND=noninteractive apt-get update -q',
      '$ env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends redis-server',
      ...stopsOf('redis-server').map((call) => `$ ${call}`),
      'Redis 7.2.4 (redis-server on the PATH)',
    ]);
  });

  test('another user does so through sudo', async () => {
    await debian({ 'redis-server': 'redis-server' });
    await user(1000);
    await sudo(true);
    const { status, calls } = await run();
    expect(status).toBe(0);
    const viaSudo = (call: string) => [`sudo -n ${call}`, call];
    expect(calls).toEqual([
      'sudo -n true',
      'sudo -n env DEBIAN_FRONTEND=noninteractive apt-get update -q',
      'apt-get update -q',
      'sudo -n env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends redis-server',
      'apt-get install -q -y --no-install-recommends redis-server',
      ...stopsOf('redis-server').flatMap(viaSudo),
    ]);
  });

  test('Valkey is installed if the manager has no Redis', async () => {
    await debian({ 'valkey-server': 'valkey-server' });
    await user(0);
    const { status, stdout, calls } = await run();
    expect(status).toBe(0);
    expect(calls.slice(1)).toEqual([
      'apt-get install -q -y --no-install-recommends redis-server',
      'apt-get install -q -y --no-install-recommends valkey-server',
      ...stopsOf('valkey-server'),
    ]);
    expect(stdout).toMatch(/Valkey 7\.2\.4 \(valkey-server on the PATH\)\n$/);
  });

  test('the service of a package that was installed before keeps running', async () => {
    await debian({ 'redis-server': 'redis-server' });
    await user(0);
    await writeFile(join(root, 'redis-server'), '');
    const { status, calls } = await run();
    expect(status).toBe(0);
    expect(calls).toHaveLength(2);
  });

  test.each([
    ['dnf', ['dnf install -q -y redis']],
    ['apk', ['apk add --no-cache redis']],
  ])('root installs it with %s', async (name, expected) => {
    await manager(name, { redis: 'redis-server' });
    await user(0);
    const { status, calls } = await run();
    expect({ status, calls }).toEqual({ status: 0, calls: expected });
  });

  test('brew needs no root', async () => {
    await manager('brew', { redis: 'redis-server' });
    await user(501);
    await sudo(false);
    const { status, calls } = await run();
    expect({ status, calls }).toEqual({ status: 0, calls: ['brew install redis'] });
  });

  test('brew is used if apt-get needs root and cannot get it', async () => {
    await debian({ 'redis-server': 'redis-server' });
    await manager('brew', { redis: 'redis-server' });
    await user(1000);
    const { status, calls } = await run();
    expect({ status, calls }).toEqual({ status: 0, calls: ['brew install redis'] });
  });
});

describe('if nothing can be installed, one line says what to install', () => {
  const oneLine = /^There is no Redis server on the PATH, .*: install redis-server .* or valkey .*\.\n$/;

  test('no package manager', async () => {
    const { status, stdout, stderr } = await run();
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(oneLine);
  });

  test.each([
    ['without sudo', undefined],
    ['with a sudo that asks for a password', false],
  ])('not root, %s', async (_, works) => {
    await debian({ 'redis-server': 'redis-server' });
    await user(1000);
    if (works !== undefined) await sudo(works);
    const { status, stdout, stderr, calls } = await run();
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain('apt-get needs root and sudo cannot be used');
    expect(calls.filter((call) => call.startsWith('apt-get'))).toEqual([]);
  });

  test('a manager that has neither Redis nor Valkey', async () => {
    await debian({});
    await user(0);
    const { status, stderr, calls } = await run();
    expect(status).toBe(1);
    expect(stderr).toMatch(oneLine);
    expect(stderr).toContain('apt-get could not install one');
    expect(calls.filter((call) => !call.startsWith('apt-get'))).toEqual([]);
  });
});
