#!/usr/bin/env node
import { existsSync } from 'node:fs';

if (existsSync(new URL('../dist/cli/main.js', import.meta.url))) {
  await import('../dist/cli/main.js');
} else {
  process.stderr.write('cgroup: this checkout is not built: run npm ci\n');
  process.exitCode = 1;
}
