#!/usr/bin/env node
import { existsSync } from 'node:fs';

if (existsSync(new URL('../dist/cli/main.js', import.meta.url))) {
  const { main } = await import('../dist/cli/main.js');
  await main();
} else {
  process.stderr.write('cgroup: this checkout is not built: run npm ci\n');
  process.exitCode = 1;
}
