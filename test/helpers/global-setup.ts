import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findRedisServer } from '../../src/redis/local-server.js';

/**
 * Runs once before the integration tests: checks that there is a Redis server, builds `dist`, and makes a folder for what the
 * files of this run share. Returns what removes it. Vitest calls it once for each project.
 */
export async function setup(): Promise<() => void> {
  if (process.env.TEST_RUN_OF_CGROUP) return () => {};
  if ((await findRedisServer()) === undefined)
    throw new Error('the integration tests need redis-server or valkey-server on the PATH: `npm run redis`');
  const root = fileURLToPath(new URL('../..', import.meta.url));
  try {
    execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`npm run build failed, so there is nothing to test:\n${stdout}${stderr}`);
  }
  const shared = mkdtempSync(join(tmpdir(), 'cgroup-run-'));
  // PostgreSQL runs as another user if we are root.
  chmodSync(shared, 0o777);
  process.env.TEST_RUN_OF_CGROUP = shared;
  return () => rmSync(shared, { recursive: true, force: true });
}
