import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { findRedisServer } from '../../src/redis/local-server.js';

/** Runs once before the integration tests: checks that there is a Redis server, and builds `dist`. */
export async function setup(): Promise<void> {
  if ((await findRedisServer()) === undefined)
    throw new Error('the integration tests need redis-server or valkey-server on the PATH: `npm run redis`');
  const root = fileURLToPath(new URL('../..', import.meta.url));
  try {
    execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string };
    throw new Error(`npm run build failed, so there is nothing to test:\n${stdout}${stderr}`);
  }
}
