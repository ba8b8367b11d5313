import type { Command } from './command.js';
import { FloodGate } from './flood-gate.js';
import { LineSplitter } from './line-splitter.js';
import { type GroupLeader, signalGroup, spawnGroup } from './process-group.js';
import { StderrLines } from './stderr-lines.js';

/** ms from SIGTERM to SIGKILL. */
const KILL_AFTER = 500;
/** ms that its output may stay open after it has ended, because another program holds it. */
const CLOSE_WITHIN = 500;
/** ms that it may live on after it has closed stdin or stdout. */
const CLOSED_FOR = 1_000;
/** Bytes that wait for a child that does not read. */
const CONGESTED = 2 ** 20;

export interface ChildOptions {
  readonly command: Command;
  /** Most bytes of a line. */
  readonly longestLine: number;
  /** A line of stdout. */
  readonly onLine: (line: string) => void;
  /** A line of stdout that is not valid UTF-8. */
  readonly onBinary: (line: Buffer) => void;
  /** A line of stderr that may be written to the log. */
  readonly onStderr: (line: string) => void;
  /** A line for the log was dropped. */
  readonly onDropped: () => void;
  /** It reads again, and {@link Child.congested} is false. */
  readonly onDrain: () => void;
  /** It has ended, and all its output is read. Called once. */
  readonly onEnd: (why: string) => void;
}

/** A child process that reads lines from stdin and writes lines to stdout, from its start to its end. */
export class Child {
  readonly #options: ChildOptions;
  readonly #process: GroupLeader;
  readonly #logGate: FloodGate;
  readonly #stderrGate: FloodGate;
  readonly #stderr: StderrLines;
  readonly #timers: NodeJS.Timeout[] = [];
  #outbox = '';
  #ended = false;
  #exited = false;
  #why: string | undefined;
  #killed = false;
  #onEnded: () => void = () => {};
  readonly #end = new Promise<void>((resolve) => {
    this.#onEnded = resolve;
  });

  constructor(options: ChildOptions) {
    this.#options = options;
    const { command, longestLine, onLine, onBinary, onStderr, onDropped, onDrain } = options;
    const child = spawnGroup(command);
    this.#process = child;
    this.#logGate = new FloodGate(child.stdout, onDropped);
    this.#stderrGate = new FloodGate(child.stderr, onDropped);
    this.#stderr = new StderrLines((line, bytes) => {
      if (this.#stderrGate.pass(bytes)) onStderr(line);
    });
    const lines = new LineSplitter(longestLine, onLine, onBinary);
    child.stdout.on('data', (chunk: Buffer) => {
      if (this.#ended || lines.push(chunk)) return;
      child.stdout.removeAllListeners('data').resume();
      this.kill(`it wrote a line of more than ${longestLine} bytes to stdout`);
    });
    child.stdout.on('end', () => this.#endsSoon('stdout'));
    child.stderr.on('data', (chunk: Buffer) => this.#stderr.push(chunk));
    child.stdin.on('drain', onDrain);
    child.stdin.on('error', () => this.#endsSoon('stdin'));
    for (const stream of [child.stdout, child.stderr, child.stdio[3]]) stream?.on('error', () => {});
    child.on('error', (error) => this.#finish(`it cannot be started: ${error.message}`));
    child.once('exit', (code, signal) => {
      this.#exited = true;
      this.#why ??= signal ? `killed by ${signal}` : `exit code ${code}`;
      // Whatever it started ends with it, and with that its output.
      this.#signal('SIGKILL');
      this.#logGate.open();
      this.#stderrGate.open();
      this.#after(CLOSE_WITHIN, () => this.#finish());
    });
    child.once('close', () => this.#finish());
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  /** Whether it has ended because of {@link kill}. */
  get killed(): boolean {
    return this.#killed;
  }

  /** Whether more waits for it than it should. */
  get congested(): boolean {
    return this.#process.stdin.writableLength + this.#outbox.length > CONGESTED;
  }

  /** The line that it wrote last to stderr; empty if there is none. */
  get lastWords(): string {
    return this.#stderr.last;
  }

  /** Whether a line of stdout that is no answer may be written to the log. */
  mayLog(bytes: number): boolean {
    return this.#logGate.pass(bytes);
  }

  /** The lines of one turn of the event loop are written together. */
  send(line: string): void {
    if (this.#outbox === '') queueMicrotask(() => this.#flush());
    this.#outbox += `${line}\n`;
  }

  /** Kills it, and all that it has started. */
  kill(why: string): void {
    if (this.#exited) return;
    this.#why ??= why;
    this.#killed = true;
    this.#signal('SIGKILL');
  }

  /** Lets it end by itself, but not for long. Resolves when it has ended. */
  stop(): Promise<void> {
    if (this.#ended) return this.#end;
    this.#flush();
    this.#process.stdin.end();
    this.#signal('SIGTERM');
    this.#after(KILL_AFTER, () => this.#signal('SIGKILL'));
    return this.#end;
  }

  #flush(): void {
    const lines = this.#outbox;
    this.#outbox = '';
    if (lines !== '' && this.#process.stdin.writable) this.#process.stdin.write(lines);
  }

  /** Without stdin or stdout it is of no use. */
  #endsSoon(closed: 'stdin' | 'stdout'): void {
    if (!this.#exited) this.#after(CLOSED_FOR, () => this.kill(`it closed ${closed} and went on`));
  }

  #after(ms: number, then: () => void): void {
    if (!this.#ended) this.#timers.push(setTimeout(then, ms));
  }

  /** To its process group: itself, and what it has started. */
  #signal(signal: NodeJS.Signals): void {
    signalGroup(this.#process, signal);
  }

  #finish(why = this.#why ?? 'it ended'): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#stderr.end();
    for (const stream of this.#process.stdio) stream?.destroy();
    this.#onEnded();
    this.#options.onEnd(why);
  }
}
