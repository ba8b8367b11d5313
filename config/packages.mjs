// Programs from the package manager of the system, for the scripts beside this file. No dependencies: they also run
// before `npm ci`.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Package managers by program. */
const MANAGERS = [
  {
    program: 'apt-get',
    root: true,
    env: ['DEBIAN_FRONTEND=noninteractive'],
    // Fresh containers have no lists of packages at all.
    before: ['update', '-q'],
    install: ['install', '-q', '-y', '--no-install-recommends'],
    after: quieten,
  },
  { program: 'dnf', root: true, install: ['install', '-q', '-y'] },
  { program: 'apk', root: true, install: ['add', '--no-cache'] },
  { program: 'brew', root: false, install: ['install'] },
];

/**
 * Installs a program with whatever package manager there is.
 *
 * @param {string} what in words, for what is said
 * @param {Record<string, readonly string[]>} packages by manager, the names that it may know it by, the likeliest first
 * @param {() => T | undefined} find gives what was wanted, once it is there
 * @returns {{ found: T | undefined, why: string }} what was found, or why nothing was, in words
 * @template T
 */
export function installOneOf(what, packages, find) {
  const problems = [];
  for (const manager of MANAGERS.filter(({ program }) => packages[program] && isOnPath(program))) {
    const sudo = manager.root ? howToBeRoot() : [];
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
  // One repository out of order is no reason to give up: the package may be in another one.
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
 * Debian's packages of servers start a service, now and at each boot. Nobody asked for that here.
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

export function isOnPath(program) {
  return ask('/bin/sh', '-c', 'command -v "$1"', 'sh', program).status === 0;
}

/** The path of a python3 that can import a module, or undefined: only the system's own knows the system's packages. */
export function pythonWith(module) {
  const pythons = (process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'python3'));
  return pythons.find((python) => ask(python, '-c', `import ${module}`).status === 0);
}

/** Runs a program and gives what it says. */
export function ask(program, ...args) {
  return spawnSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
}

/** Says what it runs, and runs it. */
function run([program, ...args]) {
  console.log(`$ ${[program, ...args].join(' ')}`);
  return spawnSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'] }).status === 0;
}
