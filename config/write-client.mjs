#!/usr/bin/env node
// Part of `npm run build`: writes dist/cli/client.cjs, all that the commands need that look at a group and are over soon. Node loads
// one file of 650 kB in 15 ms, and the hundred modules in it in 80. It is CommonJS, because a module pays for all that it
// imports of Node and of packages, used or not. docs/internals.md has the numbers.

import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const CLI = fileURLToPath(new URL('../dist/cli/', import.meta.url));
/** What bin/cgroup.js does not run from this file, and what reads a config file that is no plain JSON. */
const APART = [
  'start/run.js',
  'settings/print-config.js',
  'worker/run.js',
  'worker/check.js',
  'demo/play.js',
  'demo/stage.js',
  '../publish/publisher.js',
  '../doctor/doctor.js',
  '../verify/verify.js',
  'settings/config-search.js',
  'settings/config-text.js',
];
/** Packages that are only ES modules, which `require` cannot load in each Node 22; and of zod, what is used: 200 kB of 100 files. */
const INSIDE = ['leven', 'get-east-asian-width', 'zod'];

await build({
  entryPoints: [join(CLI, 'main.js')],
  outfile: join(CLI, 'client.cjs'),
  bundle: true,
  platform: 'node',
  target: 'node20.19',
  format: 'cjs',
  logLevel: 'warning',
  define: { 'import.meta.url': 'ownUrl' },
  banner: {
    js: `// Made by config/write-client.mjs. In it, too: parts of ${INSIDE.join(', ')} (MIT; their licences are in their packages).
const ownUrl = require('node:url').pathToFileURL(__filename).href;`,
  },
  plugins: [{ name: 'apart', setup: leaveApart }],
});

function leaveApart({ onResolve }) {
  onResolve({ filter: /^\./ }, ({ path, importer, kind }) => {
    const from = relative(CLI, resolve(dirname(importer), path));
    if (kind !== 'dynamic-import' || !APART.includes(from)) return undefined;
    return { path: from.startsWith('.') ? from : `./${from}`, external: true };
  });
  onResolve({ filter: /^[a-z@]/ }, ({ path }) =>
    path.startsWith('node:') || INSIDE.includes(path) ? undefined : { path, external: true },
  );
}
