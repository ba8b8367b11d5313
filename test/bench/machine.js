import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import { versionOf } from './contenders/index.js';

/** The machine and the versions that the numbers belong to. */
export function describeMachine() {
  return {
    cpu: cpus()[0].model,
    cores: cpus().length,
    memoryGB: Math.round(totalmem() / 1e9),
    system: `${type()} ${release().split('.', 2).join('.')}`,
  };
}

export function describeVersions() {
  const packages = ['ioredis', 'bullmq', 'bee-queue'];
  return {
    cgroup: describeBuild(),
    node: process.versions.node,
    redis: /v=([\d.]+)/.exec(execFileSync('redis-server', ['--version'], { encoding: 'utf8' }))[1],
    ...Object.fromEntries(packages.map((name) => [name, versionOf(name)])),
  };
}

/** Version and, in a checkout, the commit; with `+` if the source differs from it. */
function describeBuild() {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const options = {
    cwd: new URL('.', import.meta.url),
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  };
  try {
    const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], options).trim();
    const changed = execFileSync('git', ['status', '--porcelain', '--', '../../src'], options) !== '';
    return `${version} (${commit}${changed ? '+' : ''})`;
  } catch {
    return version;
  }
}
