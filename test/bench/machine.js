import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, release, totalmem, type } from 'node:os';
import { versionOf } from './contenders/index.js';

/** What the numbers belong to. */
export function describeMachine() {
  return {
    cpu: cpus()[0].model,
    cores: cpus().length,
    memoryGB: Math.round(totalmem() / 1e9),
    system: `${type()} ${release()}`,
  };
}

export function describeVersions() {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));
  const packages = ['ioredis', 'bullmq', 'bee-queue'];
  return {
    cgroup: version,
    node: process.versions.node,
    redis: /v=([\d.]+)/.exec(execFileSync('redis-server', ['--version'], { encoding: 'utf8' }))[1],
    ...Object.fromEntries(packages.map((name) => [name, versionOf(name)])),
  };
}
