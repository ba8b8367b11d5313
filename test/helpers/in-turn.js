import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Runs commands in the project's folder, one after the other, until one fails, like `&&` in a shell.
 *
 * @param {...string} commands words separated by single spaces
 * @returns {number} exit code of the one that failed, or 0
 */
export function inTurn(...commands) {
  for (const command of commands) {
    const [program, ...args] = command.split(' ');
    const { status, error } = spawnSync(program, args, { cwd: ROOT, stdio: 'inherit' });
    if (error) throw error;
    // Null if a signal ended it.
    if (status !== 0) return status ?? 1;
  }
  return 0;
}
