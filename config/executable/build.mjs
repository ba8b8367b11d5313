#!/usr/bin/env node
// `npm run executable`: makes one file of Node, cgroup and all that it needs: dist/executable/cgroup, or the path that is given.
// It runs on machines like this one without Node and without node_modules. https://nodejs.org/api/single-executable-applications.html

import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { sbom } from '../write-sbom.mjs';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const HERE = fileURLToPath(new URL('.', import.meta.url));
/** Node looks for this text in itself to know whether there is something to run in it. */
const FUSE = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';
/** Folders whose names are asked for. */
const LISTED = ['http/page', '../docs'];
const require = createRequire(import.meta.url);

const output = resolve(process.argv[2] ?? join(ROOT, 'dist/executable/cgroup'));
if (process.platform !== 'linux') {
  console.error('cgroup: npm run executable works on Linux only');
  process.exit(1);
}

const work = mkdtempSync(join(tmpdir(), 'cgroup-executable-'));
try {
  await build({
    entryPoints: [join(HERE, 'cgroup.js'), join(HERE, 'thread.js')],
    outdir: work,
    outExtension: { '.js': '.cjs' },
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'cjs',
    logLevel: 'warning',
    // What is wrong in the bundle must not wait for a user who meets it.
    logOverride: { 'empty-import-meta': 'error' },
    // Optional programs of packages, and the compiler for a config file in TypeScript: a user may have them.
    external: ['bufferutil', 'utf-8-validate', 'pg-native', 'typescript'],
    plugins: [{ name: 'own files', setup: insteadOfFiles }],
  });
  const blob = join(work, 'cgroup.blob');
  const config = {
    main: join(HERE, 'main.cjs'),
    output: blob,
    disableExperimentalSEAWarning: true,
    assets: {
      ...assets(),
      'names.json': namesFile(),
      'cgroup.cjs': join(work, 'cgroup.cjs'),
      'thread.cjs': join(work, 'thread.cjs'),
    },
  };
  writeFileSync(join(work, 'sea.json'), JSON.stringify(config));
  run(process.execPath, '--experimental-sea-config', join(work, 'sea.json'));
  const node = join(work, 'node');
  copyFileSync(process.execPath, node);
  chmodSync(node, 0o755);
  const postject = join(dirname(require.resolve('postject/package.json')), 'dist/cli.js');
  run(process.execPath, postject, node, 'NODE_SEA_BLOB', blob, '--sentinel-fuse', FUSE);
  mkdirSync(dirname(output), { recursive: true });
  copyFileSync(node, output);
  // What is in it, for those who look for packages with known faults (https://cyclonedx.org).
  writeFileSync(`${output}.cdx.json`, sbom());
  console.log(`${output}: ${Math.round(statSync(output).size / 1e6)} MB`);
} finally {
  rmSync(work, { recursive: true, force: true });
}

/** In the bundle, our files are found in the executable. */
function insteadOfFiles({ onLoad }) {
  onLoad({ filter: /\/dist\/core\/own-files\.js$/ }, () => ({
    contents: `export * from ${JSON.stringify(join(HERE, 'own-files.js'))};`,
    resolveDir: HERE,
  }));
}

/** The files that `ownFile` and `packageFile` find, by the paths that they are asked for. */
function assets() {
  const found = { 'dist/../package.json': join(ROOT, 'package.json') };
  for (const name of readdirSync(join(ROOT, 'config'))) {
    if (name.endsWith('schema.json')) found[`dist/../config/${name}`] = join(ROOT, 'config', name);
  }
  for (const folder of ['redis/lua', ...LISTED]) {
    for (const name of filesIn(folder)) found[`dist/${folder}/${name}`] = join(ROOT, 'dist', folder, name);
  }
  for (const path of ['uplot/dist/uPlot.esm.js', 'uplot/dist/uPlot.min.css'])
    found[path] = require.resolve(path);
  return found;
}

/** Files of a folder, as a path from the folder `dist`. */
function filesIn(folder) {
  const entries = readdirSync(join(ROOT, 'dist', folder), { withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name);
}

/** What `ownNames` finds in the executable. */
function namesFile() {
  const path = join(work, 'names.json');
  writeFileSync(path, JSON.stringify(Object.fromEntries(LISTED.map((folder) => [folder, filesIn(folder)]))));
  return path;
}

function run(program, ...args) {
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd: ROOT,
    encoding: 'utf8',
    maxBuffer: 1e8,
  });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')} failed:\n${stdout}${stderr}`);
}
