// The versions of the server that tests can run on: the one on the PATH, and those in the folder .servers.

import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ask } from './packages.mjs';

/** Each folder in it has a program `redis-server`. */
export const SERVERS = fileURLToPath(new URL('../.servers', import.meta.url));

/** The servers in that folder that run: [{ name, dir, version }], by name. */
export function otherServers() {
  const names = existsSync(SERVERS) ? readdirSync(SERVERS).filter((name) => !name.startsWith('.')) : [];
  return names.sort().flatMap((name) => {
    const dir = join(SERVERS, name);
    const version = versionOf(join(dir, 'redis-server'));
    return version ? [{ name, dir, version }] : [];
  });
}

/** "Redis 7.0.15", or undefined if the program does not run. */
export function versionOf(program) {
  const { status, stdout } = ask(program, '--version');
  const found = /^(\w+).*\bv=(\d+\.\d+\.\d+)/.exec(stdout ?? '');
  if (status !== 0 || !found) return undefined;
  return `${found[1]} ${found[2]}`;
}
