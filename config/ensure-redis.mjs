#!/usr/bin/env node
// `npm run redis`: makes sure that a Redis server is on the PATH, for `--embedded`, `demo` and tests.
//
// If there is one, prints its version. If not, installs one with the system's package manager.

import { ask, installOneOf } from './packages.mjs';

/** The oldest Redis that is supported. Every Valkey is: its first version came from Redis 7.2. */
const OLDEST = [6, 2];

/** The programs to look for, in this order; `src/redis/local-server.ts` has the same. */
const SERVERS = ['redis-server', 'valkey-server'];

const PACKAGES = {
  'apt-get': ['redis-server', 'valkey-server'],
  dnf: ['redis', 'valkey'],
  apk: ['redis', 'valkey'],
  brew: ['redis', 'valkey'],
};

const ADVICE = 'install redis-server (6.2 or newer) or valkey with the package manager of this system';

process.exitCode = main();

function main() {
  const present = findServer();
  if (present) return report(present);
  const { found, why } = installOneOf('Redis server', PACKAGES, findServer);
  if (found) return report(found);
  console.error(`There is no Redis server on the PATH, and ${why}: ${ADVICE}.`);
  return 1;
}

/** The server on the PATH: { name, version: [major, minor, patch], text }. */
function findServer() {
  for (const program of SERVERS) {
    const { status, stdout } = ask(program, '--version');
    const version = /v=(\d+)\.(\d+)\.(\d+)/.exec(stdout ?? '');
    if (status !== 0 || !version) continue;
    // Some systems install Valkey as redis-server too. An early Valkey prints neither name.
    const name = program === 'redis-server' && /^redis/i.test(stdout) ? 'Redis' : 'Valkey';
    const [text, ...parts] = version;
    return { program, name, version: parts.map(Number), text: text.slice('v='.length) };
  }
  return undefined;
}

/** Prints the version and whether it is supported. Returns the exit code. */
function report({ program, name, version: [major, minor], text }) {
  const old = name === 'Redis' && (major < OLDEST[0] || (major === OLDEST[0] && minor < OLDEST[1]));
  if (old) {
    console.error(
      `${name} ${text} (${program} on the PATH) is too old, ${OLDEST.join('.')} is needed: ${ADVICE}.`,
    );
    return 1;
  }
  console.log(`${name} ${text} (${program} on the PATH)`);
  return 0;
}
