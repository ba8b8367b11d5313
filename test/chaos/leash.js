import { spawn } from 'node:child_process';

/**
 * A guard that kills what this process started should this process die, even by SIGKILL: a shell that holds
 * the other end of a pipe and the list of those to kill.
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

  /** @param {string} dir removed too, should this process die */
  constructor(dir) {
    this.#guard = spawn('/bin/sh', ['-c', GUARD, 'chaos-guard', dir], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
    });
    this.#guard.stdin.on('error', () => {});
    this.#guard.unref();
  }

  /** Holds a child process until it ends. */
  hold(child) {
    this.#guard.stdin.write(`+ ${child.pid}\n`);
    child.once('exit', () => this.#guard.stdin.write(`- ${child.pid}\n`));
    return child;
  }

  /** All that was held has ended. */
  release() {
    this.#guard.stdin.end('done\n');
  }
}
