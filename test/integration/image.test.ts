import { execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { groupOn } from '../helpers/group.js';
import { lacks } from '../helpers/http.js';
import { withRedis } from '../helpers/redis.js';
import { freePort } from '../helpers/service.js';
import { until } from '../helpers/until.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const redis = withRedis();

/** Not only that the programs are there: a container may be without the rights to make another one. */
function cannotBuild(): string | false {
  if (process.platform !== 'linux') return 'images are of Linux';
  if (process.getuid?.() !== 0) return 'it needs root';
  return lacks('buildah') || lacks('tini-static') || lacks('unshare');
}
const missing = cannotBuild();

interface ImageConfig {
  readonly User: string;
  readonly Env: readonly string[];
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
  readonly WorkingDir: string;
  readonly Healthcheck: { readonly Test: readonly string[] };
}

const buildah = (...args: string[]) =>
  execFileSync('buildah', args, { cwd: ROOT, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] }).trim();

describe.skipIf(missing)(`the image${missing ? `, skipped: ${missing}` : ''}`, () => {
  const name = `cgroup-test-${process.pid}`;
  const containers: string[] = [];
  let root: string;
  let config: ImageConfig;

  beforeAll(() => {
    execFileSync(process.execPath, [join(ROOT, 'config/executable/build.mjs')]);
    // There is no registry here: the base holds a few programs of this machine with their libraries.
    const base = buildah('from', 'scratch');
    containers.push(base);
    const folder = buildah('mount', base);
    for (const program of ['sh', 'bash', 'cp', 'cat', 'grep', 'sleep', 'tini-static'])
      install(program, folder);
    for (const library of librariesOf(process.execPath)) install(library, folder);
    buildah('commit', base, `${name}-base`);
    const from = `localhost/${name}-base`;
    const args = [`BUILD=${from}`, `BASE=${from}`, 'EXECUTABLE=dist/executable/cgroup'];
    const flags = ['--isolation', 'chroot', '--format', 'docker', '--pull-never'];
    buildah('bud', ...flags, ...args.flatMap((one) => ['--build-arg', one]), '-t', name, '.');
    const container = buildah('from', '--pull-never', `localhost/${name}`);
    containers.push(container);
    root = buildah('mount', container);
    // What an engine puts into each container.
    for (const folder of ['proc', 'dev']) mkdirSync(join(root, folder), { recursive: true });
    for (const [device, minor] of Object.entries({ null: 3, zero: 5, random: 8, urandom: 9 }))
      execFileSync('mknod', ['-m', '666', join(root, 'dev', device), 'c', '1', String(minor)]);
    config = (JSON.parse(buildah('inspect', '--type', 'image', name)) as { Docker: { config: ImageConfig } })
      .Docker.config;
  }, 180_000);

  afterAll(() => {
    for (const container of containers) buildah('rm', container);
    for (const image of [name, `${name}-base`]) buildah('rmi', '--force', image);
    rmSync(join(ROOT, 'dist/executable'), { recursive: true, force: true });
  }, 60_000);

  /** Runs a command as an engine would: in the root of the image, as its user, with a process 1 of its own. */
  function inImage(command: readonly string[], env: readonly string[] = []) {
    const [user = '', group = ''] = config.User.split(':');
    const flags = [
      '--pid',
      '--fork',
      '--kill-child',
      '--mount-proc',
      `--root=${root}`,
      `--wd=${config.WorkingDir}`,
    ];
    const child = spawn('unshare', [...flags, `--setgid=${group}`, `--setuid=${user}`, '--', ...command], {
      env: Object.fromEntries(
        [...config.Env, ...env].map((one) => [one.split('=')[0], one.split('=').slice(1).join('=')]),
      ),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        output += text;
      });
    const exit = new Promise<number | null>((done) => child.once('close', done));
    onTestFinished(() => void child.kill('SIGKILL'));
    return {
      output: () => output,
      exit,
      /** The pids, on this machine, of process 1 and all below it. */
      pids: () => below(Number(childrenOf(child.pid ?? 0)[0])),
    };
  }

  test('has no Node and no npm, and runs as no root', () => {
    expect(config.User).toBe('65532:65532');
    expect(readdirSync(join(root, 'usr/local/bin')).sort()).toEqual(['cgroup', 'tini']);
    expect(config.Cmd).toEqual(['start']);
  });

  test('process 1 passes a signal on, and the group ends cleanly', async () => {
    const group = await groupOn(redis.url);
    const port = await freePort();
    const env = [`CGROUP_HTTP=127.0.0.1:${port}`];
    const run = inImage([...config.Entrypoint, ...config.Cmd, ...group.flags, '-n', '2'], env);
    await until(() => /ready: /.test(run.output()), { what: 'the group to be ready', timeout: 20_000 }).catch(
      (error) => {
        throw new Error(`${error}\n${run.output()}`);
      },
    );
    await group.publish(['a', 'b']);
    await group.settled(2);

    const healthy = async (at: string) =>
      inImage(config.Healthcheck.Test.slice(1), [`CGROUP_HTTP=${at}`]).exit;
    expect(await healthy(`127.0.0.1:${port}`)).toBe(0);
    expect(await healthy(`127.0.0.1:${await freePort()}`)).not.toBe(0);
    expect(await healthy('')).toBe(0);

    const [first = 0] = run.pids();
    expect(readFileSync(`/proc/${first}/status`, 'utf8')).toMatch(/^Uid:\s+65532\s+65532/m);
    process.kill(first, 'SIGTERM');
    expect(await run.exit, run.output()).toBe(0);
    expect(await group.listed()).toEqual([]);
  });

  test('what a program leaves behind becomes no zombie', async () => {
    const group = await groupOn(redis.url);
    const command = `exec:sh -c "(sleep 0.2 & sleep 0.1 &) ; cat > /dev/null"`;
    const start = ['start', ...group.flags, '-n', '1', '-p', command];
    const run = inImage([...config.Entrypoint, ...start], ['CGROUP_HTTP=']);
    await until(() => /ready: /.test(run.output()), { what: 'the group to be ready', timeout: 20_000 });
    const states = () =>
      run.pids().map((pid) => /^State:\s+(\w)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
    const names = () => run.pids().map((pid) => readFileSync(`/proc/${pid}/comm`, 'utf8').trim());
    await until(() => names().includes('cat') && !names().includes('sleep'), { what: 'the sleeps to end' });
    expect(states()).not.toContain('Z');
    process.kill(run.pids()[0] ?? 0, 'SIGTERM');
    expect(await run.exit, run.output()).toBe(0);
  });
});

/** The files of shared libraries that a program needs. */
function librariesOf(program: string): string[] {
  const text = execFileSync('/bin/sh', ['-c', 'ldd "$1" || true', 'sh', program], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  return [...text.matchAll(/(\/\S+) \(0x/g)].map(([, path]) => String(path));
}

/** Copies a program, or a library by its path, with its libraries. */
function install(file: string, root: string): void {
  const found = file.startsWith('/')
    ? file
    : execFileSync('/bin/sh', ['-c', 'command -v "$1"', 'sh', file], { encoding: 'utf8' }).trim();
  const at = file.startsWith('/') ? file : join(file === 'tini-static' ? '/usr/bin' : '/bin', file);
  mkdirSync(join(root, dirname(at)), { recursive: true });
  cpSync(found, join(root, at), { dereference: true });
  if (!file.startsWith('/')) for (const library of librariesOf(found)) install(library, root);
}

function childrenOf(pid: number): string[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean);
}

function below(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap((child) => below(Number(child)))];
}
