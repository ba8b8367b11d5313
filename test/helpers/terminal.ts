import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import xterm from '@xterm/headless';
import { onTestFinished } from 'vitest';
import { until } from './until.js';

const BIN = fileURLToPath(new URL('../../bin/cgroup.js', import.meta.url));
const HOST = fileURLToPath(new URL('./terminal.py', import.meta.url));

export interface TerminalExit {
  readonly code: number;
  /** Whether the terminal echoes and edits lines as before. */
  readonly restored: boolean;
}

/** A `cgroup` command on a terminal of its own. */
export interface TerminalRun {
  readonly exit: Promise<TerminalExit>;
  type(keys: string): void;
  resize(rows: number, columns: number): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** The lines on the screen now, without trailing spaces and trailing empty lines. */
  screen(): string[];
  /** Waits until the text of the screen matches; returns it. */
  shows(pattern: RegExp): Promise<string>;
  /** Whether the command uses the alternate screen. */
  isTaken(): boolean;
  /** All output, with escape sequences. */
  raw(): string;
}

export interface TerminalOptions {
  rows?: number;
  columns?: number;
  env?: NodeJS.ProcessEnv;
  /** The path of a file for stderr. */
  errors?: string;
  /** A program in place of `cgroup`, such as a shell. */
  program?: string;
}

/** Runs a `cgroup` command on a terminal of this size. It is killed when the test has ended. */
export function onTerminal(
  args: readonly string[],
  { rows = 30, columns = 100, env = {}, errors, program }: TerminalOptions = {},
): TerminalRun {
  const { NO_COLOR: _, CI: __, ...inherited } = process.env; // with either of them Node sees a terminal without colours
  const redirected = errors === undefined ? [] : ['/bin/sh', '-c', 'exec "$@" 2>"$0"', errors];
  const started = program === undefined ? [process.execPath, BIN] : [program];
  const command = [...redirected, ...started, ...args];
  const child = spawn('python3', [HOST, String(rows), String(columns), ...command], {
    env: { ...inherited, TERM: 'xterm-256color', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const terminal = new xterm.Terminal({ rows, cols: columns, allowProposedApi: true });
  let raw = '';
  let notes = '';
  child.stdout.on('data', (data: Buffer) => {
    raw += data.toString('utf8');
    terminal.write(data);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    notes += text;
  });
  child.stdin.on('error', () => {}); // the command may have ended
  const pid = () => (JSON.parse(notes.split('\n')[0] ?? '') as { pid: number }).pid;
  const exit = new Promise<TerminalExit>((done, fail) => {
    child.once('error', fail);
    child.once('close', () => {
      try {
        done(JSON.parse(notes.trim().split('\n')[1] ?? '') as TerminalExit);
      } catch {
        fail(new Error(`the terminal failed: ${notes}`));
      }
    });
  });
  exit.catch(() => {}); // a test that awaits it gets the error
  onTestFinished(async () => {
    if (child.exitCode === null) {
      child.kill('SIGKILL');
      try {
        process.kill(pid(), 'SIGKILL');
      } catch {
        // it has ended
      }
    }
    terminal.dispose();
  });
  const screen = () => {
    const { active } = terminal.buffer;
    const lines = Array.from({ length: terminal.rows }, (_line, y) =>
      (active.getLine(active.baseY + y)?.translateToString(true) ?? '').trimEnd(),
    );
    while (lines.at(-1) === '') lines.pop();
    return lines;
  };
  return {
    exit,
    type: (keys) => child.stdin.write(`keys ${JSON.stringify(keys)}\n`),
    resize: async (newRows, newColumns) => {
      terminal.resize(newColumns, newRows);
      child.stdin.write(`size ${newRows} ${newColumns}\n`);
    },
    signal: (signal) => process.kill(pid(), signal),
    screen,
    shows: async (pattern) => {
      const text = () => screen().join('\n');
      await until(() => pattern.test(text()), { what: `the screen to show ${pattern}` }).catch((error) => {
        throw new Error(`${(error as Error).message}\n--- screen\n${text()}\n--- notes\n${notes}`);
      });
      return text();
    },
    isTaken: () => terminal.buffer.active.type === 'alternate',
    raw: () => raw,
  };
}
