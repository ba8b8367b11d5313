import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';

const BIN = fileURLToPath(new URL('../../bin/cgroup.js', import.meta.url));

export interface CliOptions {
  /** Added to the environment; undefined removes a variable. */
  env?: Record<string, string | undefined>;
  cwd?: string;
  /** What the command reads from stdin; without it stdin is empty. */
  input?: string;
}

export interface CliExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A `cgroup` command in a process of its own. */
export interface CliRun {
  readonly pid: number;
  /** Settles when the process has ended and all its output is read. */
  readonly exit: Promise<CliExit>;
  /** Sends a signal (SIGTERM) and gives back `exit`. */
  kill(signal?: NodeJS.Signals): Promise<CliExit>;
  stdout(): string;
  stderr(): string;
  /** The first match in a line of stdout or stderr, of those there and those to come for 10 s (`timeout`). */
  line(pattern: RegExp, timeout?: number): Promise<RegExpMatchArray>;
}

const running = new Set<CliRun>();

/**
 * Runs `cgroup` with these arguments, on what `npm run build` made.
 *
 * A test has to end what it started, by `kill` and `await run.exit`: see `expectNoProcessesLeft`.
 */
export function cgroup(args: readonly string[], { env = {}, cwd, input }: CliOptions = {}): CliRun {
  const child = spawn(process.execPath, [BIN, ...args], {
    env: { ...cleanEnvironment(), ...env },
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
    ...(cwd === undefined ? {} : { cwd }),
  });
  child.stdin?.on('error', () => {}); // it may end without reading
  child.stdin?.end(input);
  const run = new Run(child, `cgroup ${args.join(' ')}`);
  running.add(run);
  void run.exit.catch(() => {}).finally(() => running.delete(run));
  return run;
}

/** Kills what the test left running, and fails it for that. Runs after each test where this is imported. */
export async function expectNoProcessesLeft(): Promise<void> {
  const left = [...running];
  await Promise.all(left.map((run) => run.kill('SIGKILL')));
  if (left.length > 0) throw new Error(`the test left running, and I killed:\n\n${left.join('\n\n')}`);
}

afterEach(expectNoProcessesLeft);
process.on('exit', () => {
  for (const run of running) void run.kill('SIGKILL');
});

/** Nothing of the developer's own settings may reach a test. */
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
      const inVain = (why: string) => () => fail(new Error(`no line ${pattern} ${why}:\n${this}`));
      const look = (): void => {
        const match = this.#match(pattern);
        if (match) settle(() => done(match));
        else if (this.#ended) settle(inVain('before the end'));
      };
      const timer = setTimeout(() => settle(inVain(`within ${timeout} ms`)), timeout);
      this.#looking.add(look);
      look();
    });
  }

  #look(): void {
    for (const look of [...this.#looking]) look();
  }

  /** Whole lines only, unless it has ended: half a line may match what the whole one does not. */
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
