import { spawn } from 'node:child_process';

/**
 * Kills the child processes if this process dies, even by SIGKILL: a shell that holds the other end of a pipe and the
 * list of processes to kill.
 */
const GUARD = `
pids=
while read -r sign pid; do
  case $sign in
    +) pids="$pids $pid " ;;
    -) pids=$(printf '%s' "$pids" | sed "s/ $pid / /") ;;
    done) exit ;;
  esac
done
for pid in $pids; do kill -9 "$pid"; done
rm -rf -- "$1"`;

export class Leash {
  #guard;

  /** @param {string} dir removed too, if this process dies */
  constructor(dir) {
    this.#guard = spawn('/bin/sh', ['-c', GUARD, 'chaos-guard', dir], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    this.#guard.stdin.on('error', () => {});
    this.#guard.unref();
  }

  /** Keeps a child process on the list until it ends. */
  hold(child) {
    this.#guard.stdin.write(`+ ${child.pid}\n`);
    child.once('exit', () => this.#guard.stdin.write(`- ${child.pid}\n`));
    return child;
  }

  /** Call it when all children have ended. */
  release() {
    this.#guard.stdin.end('done\n');
  }
}
