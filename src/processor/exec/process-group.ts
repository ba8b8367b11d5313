import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { CgroupError } from '../../core/errors.js';
import type { Command } from './command.js';

/**
 * Runs the program of "$@" in a process group of its own. Beside it a shell reads from a pipe (3) that only our process
 * holds: when our process ends, however it ends, that shell kills the group.
 */
const WITH_LIFELINE =
  `( trap '' TERM INT HUP; read -r _ <&3; kill -KILL -$$ ) >/dev/null 2>&1 & ` + 'exec "$@" 3<&-';

/** The first process of a group. */
export type GroupLeader = ChildProcessByStdio<Writable, Readable, Readable>;

/**
 * Starts a program in a process group of its own, without our settings. The group ends when our process ends.
 *
 * @throws {CgroupError} PROCESSOR: the process has no files left
 */
export function spawnGroup(command: Command): GroupLeader {
  const child = spawn('/bin/sh', ['-c', WITH_LIFELINE, 'sh', ...command], {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    env: environment(),
  });
  if (child.stdin) return child as GroupLeader;
  child.on('error', () => {}); // it comes later, and says the same
  throw new CgroupError('PROCESSOR', 'it cannot be started: too many files are open');
}

/** Sends a signal to all of the group. */
export function signalGroup({ pid }: GroupLeader, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group has ended.
  }
}

/** Without our own settings, which may hold passwords. */
function environment(): NodeJS.ProcessEnv {
  const others = Object.entries(process.env).filter(
    ([name]) => name !== 'REDIS_URL' && !name.startsWith('CGROUP_'),
  );
  return Object.fromEntries(others);
}
