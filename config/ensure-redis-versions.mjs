#!/usr/bin/env node
// Run by `npm run test:versions`: gets other versions of the server than the one on the PATH, for the tests, into the
// folder .servers, which git ignores. Nothing is installed: the packages of other releases of Debian are unpacked there with
// all the libraries that they need, the C library too, so they run on this release.
//
// It takes the address and the keys of the packages from the sources of apt on this machine. Elsewhere there is nothing to
// get. A folder .servers/NAME with a program redis-server, made by hand, is used by the tests too.

import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { ask, isOnPath, run } from './packages.mjs';
import { otherServers, SERVERS, versionOf } from './redis-versions.mjs';

/**
 * Redict is Redis 7.2 under another name. Debian has no Redis 6.2, and no 7.2. `sid` has what is newest, and may lack it for
 * a while.
 *
 * Continuous integration has time for two, and takes them from a release that changes no more.
 */
const WANTED = [
  { name: 'redis-7.0', suites: ['bookworm'], program: 'redis-server' },
  { name: 'redict-7.3', suites: ['bookworm', 'bookworm-backports'], program: 'redict-server' },
  { name: 'redis-8.0', suites: ['trixie'], program: 'redis-server', inCi: true },
  { name: 'valkey-8.1', suites: ['trixie'], program: 'valkey-server', inCi: true },
  { name: 'valkey-9', suites: ['sid'], program: 'valkey-server' },
];

const APT = join(SERVERS, '.apt');

/** As the names above: `redis-7.0.15`. */
const present = versionOf('redis-server')?.toLowerCase().replace(' ', '-') ?? '';
const missing = WANTED.filter(
  ({ name, inCi }) =>
    (inCi || !process.env.CI) && !present.startsWith(name) && !existsSync(join(SERVERS, name)),
);
const problems = missing.length > 0 ? getAll(missing) : [];
for (const { name, version } of otherServers()) console.log(`${version} (.servers/${name})`);
for (const problem of problems) console.log(problem);

/** Returns what could not be had and why, in words. */
function getAll(wanted) {
  try {
    const debian = sourceOf('Debian');
    if (!debian) return ['No other version of the server can be had: apt has no packages of Debian here.'];
    return wanted.flatMap((one) => {
      const why = get(one, debian);
      return why ? [`${one.name} cannot be had: ${why}`] : [];
    });
  } finally {
    rmSync(APT, { recursive: true, force: true });
  }
}

/** The address of a distribution's packages, and the file of its keys, as apt on this machine has them; or undefined. */
function sourceOf(origin) {
  if (!['apt-get', 'apt-cache', 'dpkg-deb'].every(isOnPath)) return undefined;
  // Fresh containers have no lists, and without them apt does not know whose packages they are.
  const lists = join(APT, 'here');
  mkdirSync(join(lists, 'partial'), { recursive: true });
  const own = ['-o', `Dir::State::lists=${lists}`, '-o', 'APT::Sandbox::User='];
  const found = entryOf(origin, []) ?? (run(['apt-get', ...own, '-q', 'update']) && entryOf(origin, own));
  if (!found) return undefined;
  const [address, entry] = found;
  const source = readFileSync(entry.replace(/:\d+$/, ''), 'utf8');
  const keys = /^signed-by:\s*(\/\S+)|\[.*signed-by=(\/[^\s\]]+)/im.exec(source);
  return { address, keys: keys?.[1] ?? keys?.[2] };
}

function entryOf(origin, options) {
  const format = '$(REPO_URI) $(SOURCESENTRY) $(ORIGIN) $(LABEL)';
  const answer = ask('apt-get', ...options, 'indextargets', '--format', format, 'Created-By: Packages');
  const fields = (answer.stdout ?? '').split('\n').map((line) => line.split(' '));
  return fields.find(([, , by, label]) => by === origin && label === origin);
}

/** Returns why a server cannot be had, or undefined. */
function get({ name, suites, program }, { address, keys }) {
  const apt = join(APT, suites.join('+'));
  const parts = join(APT, name);
  const options = aptOptions(apt);
  if (!existsSync(apt)) {
    for (const folder of ['lists/partial', 'archives/partial'])
      mkdirSync(join(apt, folder), { recursive: true });
    writeFileSync(join(apt, 'status'), '');
    const by = keys ? `[signed-by=${keys}] ` : '';
    const entries = suites.map((suite) => `deb ${by}${address} ${suite} main\n`);
    writeFileSync(join(apt, 'sources.list'), entries.join(''));
    if (!run(['apt-get', ...options, '-q', 'update'])) return `the lists of ${suites.at(-1)} cannot be read`;
  }
  mkdirSync(join(parts, 'packages'), { recursive: true });
  const newest = ['-t', suites.at(-1)];
  const packages = withLibraries(program, [...options, ...newest]);
  if (packages.length === 0) return `${suites.at(-1)} has no ${program}`;
  if (!run(['apt-get', ...options, ...newest, '-q', 'download', ...packages], join(parts, 'packages')))
    return 'its packages cannot be downloaded';
  for (const file of readdirSync(join(parts, 'packages')))
    if (ask('dpkg-deb', '-x', join(parts, 'packages', file), join(parts, 'root')).status !== 0)
      return `${file} is broken`;
  for (const folder of ['packages', 'root/usr/share', 'root/etc', 'root/var'])
    rmSync(join(parts, folder), { recursive: true, force: true });
  writeStarter(parts, program);
  if (!versionOf(join(parts, 'redis-server'))) return 'it does not run here';
  renameSync(parts, join(SERVERS, name));
  return undefined;
}

/** An apt with lists and sources of its own, for which nothing is installed. */
function aptOptions(dir) {
  const settings = {
    'Dir::State::lists': join(dir, 'lists'),
    'Dir::State::status': join(dir, 'status'),
    'Dir::Cache': dir,
    'Dir::Cache::archives': join(dir, 'archives'),
    'Dir::Etc::sourcelist': join(dir, 'sources.list'),
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::Etc::preferences': '/dev/null',
    'Dir::Etc::preferencesparts': '/dev/null',
    'Acquire::Languages': 'none',
    // Root would otherwise become a user who may not write here.
    'APT::Sandbox::User': '',
  };
  return Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
}

/** A server's package, that of its tools, which has the program itself, and all the libraries that they need. */
function withLibraries(program, options) {
  const only = [
    '--no-recommends',
    '--no-suggests',
    '--no-enhances',
    '--no-conflicts',
    '--no-breaks',
    '--no-replaces',
  ];
  const answer = ask('apt-cache', ...options, 'depends', '--recurse', ...only, program).stdout ?? '';
  const needs = new Map();
  for (const line of answer.split('\n')) {
    const [, name, dependency] = /^(\S+)$|^ [ |](?:Pre)?Depends: (\S+)$/.exec(line) ?? [];
    if (name) needs.set(name, []);
    else if (dependency) [...needs.values()].at(-1).push(dependency);
  }
  const wanted = new Set(needs.has(program) ? [program] : []);
  for (const name of wanted)
    for (const dependency of needs.get(name) ?? [])
      if (/^lib|^zlib1g$|-tools$/.test(dependency)) wanted.add(dependency);
  return [...wanted];
}

/** Writes a program `redis-server` that starts the server with the C library and the other libraries beside it. */
function writeStarter(dir, program) {
  const files = readdirSync(join(dir, 'root'), { recursive: true });
  const loader = files.find((file) => /\/ld-linux[^/]*\.so\.\d+$/.test(file) && !/lib64/.test(file));
  const folders = new Set(
    files.filter((file) => /\.so\.\d+$/.test(file)).map((file) => file.replace(/\/[^/]*$/, '')),
  );
  const libraries = [...folders].map((folder) => `$root/${folder}`).join(':');
  const lines = [
    '#!/bin/sh',
    'root=$(dirname "$(readlink -f "$0")")/root',
    `exec "$root/${loader}" --argv0 "$0" --library-path "${libraries}" "$root/usr/bin/${program}" "$@"`,
  ];
  const path = join(dir, 'redis-server');
  writeFileSync(path, `${lines.join('\n')}\n`);
  chmodSync(path, 0o755);
}
