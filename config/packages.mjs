// Installs programs with the package manager of the system, for the scripts beside this file. No dependencies: the
// scripts also run before `npm ci`.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The package managers, in this order of preference. */
const MANAGERS = [
  {
    program: 'apt-get',
    root: true,
    env: ['DEBIAN_FRONTEND=noninteractive'],
    // Fresh containers have no package lists.
    before: ['update', '-q'],
    install: ['install', '-q', '-y', '--no-install-recommends'],
    after: stopService,
  },
  { program: 'dnf', root: true, install: ['install', '-q', '-y'] },
  { program: 'apk', root: true, install: ['add', '--no-cache'] },
  { program: 'brew', root: false, install: ['install'] },
];

/**
 * Installs a program with the first package manager that can.
 *
 * @param {string} what the program in words, for messages
 * @param {Record<string, readonly string[]>} packages by manager: the names to try, the likeliest first
 * @param {() => T | undefined} find returns the program once it is installed
 * @returns {{ found: T | undefined, why: string }} the program, or the reason why there is none, in words
 * @template T
 */
export function installOneOf(what, packages, find) {
  const problems = [];
  for (const manager of MANAGERS.filter(({ program }) => packages[program] && isOnPath(program))) {
    const sudo = manager.root ? rootPrefix() : [];
    if (sudo) {
      console.log(`There is no ${what} on the PATH; installing one.`);
      const found = install(manager, packages[manager.program], sudo, find);
      if (found) return { found, why: '' };
      problems.push(`${manager.program} could not install one`);
    } else problems.push(`${manager.program} needs root and sudo cannot be used`);
  }
  const managers = Object.keys(packages);
  const none = `no ${managers.slice(0, -1).join(', ')} or ${managers.at(-1)} either`;
  return { found: undefined, why: problems.length > 0 ? problems.join(', ') : none };
}

function install({ program, env = [], before, install, after }, packages, sudo, find) {
  const prefix = [...sudo, ...(env.length > 0 ? ['env', ...env] : [])];
  // A failed update may concern another repository than that of the package: go on.
  if (before) run([...prefix, program, ...before]);
  for (const name of packages) {
    const wasThere = after && isInstalled(name);
    const done = run([...prefix, program, ...install, name]);
    if (after && !wasThere && isInstalled(name)) after(name, sudo);
    const found = done && find();
    if (found) return found;
  }
  return undefined;
}

/**
 * Stops the service that Debian's packages of servers start, now and at each boot: we only need the program.
 *
 * A policy-rc.d would forbid the start beforehand, but if an interrupted run leaves it behind, no other service of the
 * machine can start.
 */
function stopService(service, sudo) {
  if (existsSync('/run/systemd/system')) {
    if (isOnPath('systemctl')) run([...sudo, 'systemctl', 'disable', '--now', service]);
    return;
  }
  if (isOnPath('service')) run([...sudo, 'service', service, 'stop']);
  if (isOnPath('update-rc.d')) run([...sudo, 'update-rc.d', service, 'disable']);
}

/** Whether dpkg has this package, even half installed. If it had it before us, we do not stop its service. */
function isInstalled(name) {
  return /^Status: install /m.test(ask('dpkg', '-s', name).stdout ?? '');
}

/** The words before a command that needs root; undefined if we cannot become root. */
function rootPrefix() {
  if ((ask('id', '-u').stdout ?? '').trim() === '0') return [];
  if (!isOnPath('sudo')) return undefined;
  if (ask('sudo', '-n', 'true').status === 0) return ['sudo', '-n'];
  // On a terminal the user can type the password; elsewhere sudo would fail or wait for ever.
  return process.stdin.isTTY ? ['sudo'] : undefined;
}

export function isOnPath(program) {
  return ask('/bin/sh', '-c', 'command -v "$1"', 'sh', program).status === 0;
}

/** The path of a python3 that can import a module, or undefined. Only the system's own python3 sees the system's packages. */
export function pythonWith(module) {
  const pythons = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'python3'));
  return pythons.find((python) => ask(python, '-c', `import ${module}`).status === 0);
}

/** Runs a program and returns its output. */
export function ask(program, ...args) {
  return spawnSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}

/** Prints a command and runs it, in a folder or here. Returns whether it succeeded. */
export function run([program, ...args], cwd = undefined) {
  console.log(`$ ${[program, ...args].join(' ')}`);
  return spawnSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'], cwd }).status === 0;
}
