#!/usr/bin/env node
'use strict';
const { existsSync } = require('node:fs');
const { join } = require('node:path');
const { pathToFileURL } = require('node:url');

// Most commands look at a group, and are over soon: all that they need is in one file, which Node loads faster than its hundred
// modules (config/write-client.mjs). These commands need more, and are made of the modules.
const LARGE = ['start', 'worker', 'publish', 'verify', 'doctor', 'demo'];
/** Node's exit code for work that waits for something that never comes. */
const NEVER_SETTLED = 13;

const isLarge = process.argv.slice(2).some((arg) => LARGE.includes(arg));
const file = join(__dirname, '..', 'dist', 'cli', isLarge ? 'main.js' : 'client.cjs');
if (existsSync(file)) run();
else {
  process.stderr.write('cgroup: this checkout is not built: run npm ci\n');
  process.exitCode = 1;
}

async function run() {
  const onEmpty = () => process.exit(NEVER_SETTLED);
  process.once('beforeExit', onEmpty);
  const { main } = isLarge ? await import(pathToFileURL(file).href) : require(file);
  await main();
  process.off('beforeExit', onEmpty);
}
