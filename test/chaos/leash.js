import { spawn } from 'node:child_process';

/**
 * Kills the child processes and undoes what was done to the system if this process dies, even by SIGKILL: a shell that
 * holds the other end of a pipe, the list of processes to kill, and the commands to run.
 */
const GUARD = `
pids=
undo=
while read -r sign pid; do
  case $sign in
    +) pids="$pids $pid " ;;
    -) pids=$(printf '%s' "$pids" | sed "s/ $pid / /") ;;
    !) undo="$undo $pid;" ;;
    done) exit ;;
  esac
done
for pid in $pids; do kill -9 "$pid"; done
eval "$undo"
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

  /** Has a shell command run if this process dies: it undoes what outlives a process. */
  undo(command) {
    this.#guard.stdin.write(`! ${command}\n`);
  }

  /** Call it when all children have ended, and all is undone. */
  release() {
    this.#guard.stdin.end('done\n');
  }
}
