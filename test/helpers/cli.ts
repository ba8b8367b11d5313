import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';

const BIN = fileURLToPath(new URL('../../bin/cgroup.js', import.meta.url));

export interface CliOptions {
  /** Added to the environment; undefined removes a variable. */
  env?: Record<string, string | undefined>;
  cwd?: string;
  /** Text for stdin; by default stdin is empty. */
  input?: string;
  /** The `bin/cgroup.js` of another build. */
  bin?: string;
  /** A program that is `cgroup` without Node, in place of `bin`. */
  program?: string;
}

export interface CliExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A running `cgroup` command. */
export interface CliRun {
  readonly pid: number;
  /** Settles when the process has ended and all its output is read. */
  readonly exit: Promise<CliExit>;
  /** Sends a signal (default SIGTERM) and returns `exit`. */
  kill(signal?: NodeJS.Signals): Promise<CliExit>;
  stdout(): string;
  stderr(): string;
  /** The first match in a line of stdout or stderr; waits for it up to `timeout` ms (default 10 s). */
  line(pattern: RegExp, timeout?: number): Promise<RegExpMatchArray>;
}

const running = new Set<CliRun>();

/**
 * Runs the built `cgroup` (`npm run build`) with these arguments.
 *
 * A test must end each process that it started (`kill`, `await run.exit`): see `expectNoProcessesLeft`.
 */
export function cgroup(
  args: readonly string[],
  { env = {}, cwd, input, bin = BIN, program }: CliOptions = {},
): CliRun {
  const before = program === undefined ? [bin] : [];
  const child = spawn(program ?? process.execPath, [...before, ...args], {
    env: { ...cleanEnvironment(), ...env },
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
  });
  child.stdin?.on('error', () => {}); // the command may end without reading
  child.stdin?.end(input);
  const run = new Run(child, `cgroup ${args.join(' ')}`);
  running.add(run);
  void run.exit.catch(() => {}).finally(() => running.delete(run));
  return run;
}

/** Kills the processes that the test left running, and fails the test. Runs after each test of a file that imports this. */
export async function expectNoProcessesLeft(): Promise<void> {
  const left = [...running];
  await Promise.all(left.map((run) => run.kill('SIGKILL')));
  if (left.length > 0) throw new Error(`the test left running, and I killed:\n\n${left.join('\n\n')}`);
}

afterEach(expectNoProcessesLeft);
process.on('exit', () => {
  for (const run of running) void run.kill('SIGKILL');
});

/** The environment without the developer's own settings. */
function cleanEnvironment(): NodeJS.ProcessEnv {
  const ours = /^(REDIS_URL|CGROUP_.*|NO_COLOR|FORCE_COLOR|NODE_OPTIONS|NODE_ENV|VITEST.*|DEBUG)$/;
  const inherited = Object.entries(process.env).filter(([name]) => !ours.test(name));
  return { ...Object.fromEntries(inherited), NO_COLOR: '1' };
}

class Run implements CliRun {
  readonly pid: number;
  readonly exit: Promise<CliExit>;
  readonly #child: ChildProcess;
  readonly #name: string;
  readonly #output = { stdout: '', stderr: '' };
  readonly #looking = new Set<() => void>();
  #ended = false;

  constructor(child: ChildProcess, name: string) {
    this.#child = child;
    this.#name = name;
    this.pid = child.pid ?? 0;
    for (const stream of ['stdout', 'stderr'] as const) {
      child[stream]?.setEncoding('utf8').on('data', (text: string) => {
        this.#output[stream] += text;
        this.#look();
      });
    }
    this.exit = new Promise((done, fail) => {
      child.once('error', fail);
      child.once('close', (code, signal) => {
        this.#ended = true;
        this.#look();
        done({ code, signal });
      });
    });
  }

  kill(signal: NodeJS.Signals = 'SIGTERM'): Promise<CliExit> {
    this.#child.kill(signal);
    return this.exit;
  }

  stdout(): string {
    return this.#output.stdout;
  }

  stderr(): string {
    return this.#output.stderr;
  }

  line(pattern: RegExp, timeout = 10_000): Promise<RegExpMatchArray> {
    return new Promise((done, fail) => {
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        this.#looking.delete(look);
        act();
      };
      const failed = (why: string) => () => fail(new Error(`no line ${pattern} ${why}:\n${this}`));
      const look = (): void => {
        const match = this.#match(pattern);
        if (match) settle(() => done(match));
        else if (this.#ended) settle(failed('before the end'));
      };
      const timer = setTimeout(() => settle(failed(`within ${timeout} ms`)), timeout);
      this.#looking.add(look);
      look();
    });
  }

  #look(): void {
    for (const look of [...this.#looking]) look();
  }

  /** Looks at whole lines only, until the end: a part of a line may match when the whole does not. */
  #match(pattern: RegExp): RegExpMatchArray | undefined {
    for (const text of [this.#output.stdout, this.#output.stderr]) {
      const lines = text.split('\n');
      if (!this.#ended) lines.pop();
      for (const line of lines) {
        const match = line.match(pattern);
        if (match) return match;
      }
    }
    return undefined;
  }

  toString(): string {
    return `$ ${this.#name}\n--- stdout\n${this.stdout()}\n--- stderr\n${this.stderr()}`;
  }
}
