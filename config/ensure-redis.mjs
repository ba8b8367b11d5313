#!/usr/bin/env node
// `npm run redis`: sees to it that there is a Redis server on the PATH, for `--embedded`, `demo` and tests.
//
// Where there is one it says which, and that is all. Where there is none it asks the system's package manager
// for one. No dependencies: it also runs before `npm ci`.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

/** The oldest Redis that will do. Any Valkey will: its first version came from Redis 7.2. */
const OLDEST = [6, 2];

/** What is looked for, in this order; `src/redis/private.ts` has the same. */
const SERVERS = ['redis-server', 'valkey-server'];

/** Package managers by program, with the names that each may know the server by, the likeliest first. */
const MANAGERS = [
  {
    program: 'apt-get',
    packages: ['redis-server', 'valkey-server'],
    root: true,
    env: ['DEBIAN_FRONTEND=noninteractive'],
    // Fresh containers have no lists of packages at all.
    before: ['update', '-q'],
    install: ['install', '-q', '-y', '--no-install-recommends'],
    after: quieten,
  },
  { program: 'dnf', packages: ['redis', 'valkey'], root: true, install: ['install', '-q', '-y'] },
  { program: 'apk', packages: ['redis', 'valkey'], root: true, install: ['add', '--no-cache'] },
  { program: 'brew', packages: ['redis', 'valkey'], root: false, install: ['install'] },
];

const ADVICE = 'install redis-server (6.2 or newer) or valkey with the package manager of this system';

process.exitCode = main();

function main() {
  const present = findServer();
  if (present) return report(present);

  const problems = [];
  for (const manager of MANAGERS.filter(({ program }) => isOnPath(program))) {
    const sudo = manager.root ? howToBeRoot() : [];
    if (sudo) {
      const installed = install(manager, sudo);
      if (installed) return report(installed);
      problems.push(`${manager.program} could not install one`);
    } else problems.push(`${manager.program} needs root and sudo cannot be used`);
  }
  const why = problems.length > 0 ? problems.join(', ') : 'no apt-get, dnf, apk or brew either';
  console.error(`There is no Redis server on the PATH, and ${why}: ${ADVICE}.`);
  return 1;
}

/** The server on the PATH: { name, version: [major, minor, patch], text }. */
function findServer() {
  for (const program of SERVERS) {
    const { status, stdout } = ask(program, '--version');
    const version = /v=(\d+)\.(\d+)\.(\d+)/.exec(stdout ?? '');
    if (status !== 0 || !version) continue;
    // Some systems give Valkey the name of Redis as well. An early Valkey names itself neither.
    const name = program === 'redis-server' && /^redis/i.test(stdout) ? 'Redis' : 'Valkey';
    const [text, ...parts] = version;
    return { program, name, version: parts.map(Number), text: text.slice('v='.length) };
  }
  return undefined;
}

/** Says what there is, and whether it will do. Gives the exit code. */
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

/** Installs a server and gives it, or undefined. */
function install({ program, packages, env = [], before, install, after }, sudo) {
  const prefix = [...sudo, ...(env.length > 0 ? ['env', ...env] : [])];
  console.log('There is no Redis server on the PATH; installing one.');
  // One repository out of order is no reason to give up: the package may be in another one.
  if (before) run([...prefix, program, ...before]);
  for (const name of packages) {
    const wasThere = after && isInstalled(name);
    const done = run([...prefix, program, ...install, name]);
    if (after && !wasThere && isInstalled(name)) after(name, sudo);
    const server = done && findServer();
    if (server) return server;
  }
  return undefined;
}

/**
 * Debian's packages start a service on port 6379, now and at each boot. Nobody asked for that here.
 *
 * Stopped when it is installed, rather than forbidden beforehand: that would take a policy-rc.d, which, left
 * behind by an interrupted run, would keep every other service of the machine from starting.
 */
function quieten(service, sudo) {
  if (existsSync('/run/systemd/system')) {
    if (isOnPath('systemctl')) run([...sudo, 'systemctl', 'disable', '--now', service]);
    return;
  }
  if (isOnPath('service')) run([...sudo, 'service', service, 'stop']);
  if (isOnPath('update-rc.d')) run([...sudo, 'update-rc.d', service, 'disable']);
}

/** Does dpkg have this package, be it half done? Where it did before us, its service is not ours to stop. */
function isInstalled(name) {
  return /^Status: install /m.test(ask('dpkg', '-s', name).stdout ?? '');
}

/** The words to put before a command that needs root, or undefined if there is no way. */
function howToBeRoot() {
  if ((ask('id', '-u').stdout ?? '').trim() === '0') return [];
  if (!isOnPath('sudo')) return undefined;
  if (ask('sudo', '-n', 'true').status === 0) return ['sudo', '-n'];
  // At a terminal somebody may type the password; elsewhere sudo would fail or wait for ever.
  return process.stdin.isTTY ? ['sudo'] : undefined;
}

function isOnPath(program) {
  return ask('/bin/sh', '-c', 'command -v "$1"', 'sh', program).status === 0;
}

function ask(program, ...args) {
  return spawnSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}

/** Says what it runs, and runs it. */
function run([program, ...args]) {
  console.log(`$ ${[program, ...args].join(' ')}`);
  return spawnSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'] }).status === 0;
}
