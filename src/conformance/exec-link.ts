import { type ChildProcessByStdio, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { type Command, checkProgram, parseCommand } from '../processor/exec/command.js';
import { LineQueue, type WorkerLink, type WorkerSource } from './link.js';

/** Characters of stderr that are kept. */
const LAST_WORDS = 500;
/** Characters of one line of a worker. */
const LONGEST_LINE = 64 * 2 ** 20;

/** Starts a program for each conversation. */
export class ExecSource implements WorkerSource {
  readonly #command: Command;
  #link: ExecLink | undefined;

  private constructor(command: Command) {
    this.#command = command;
  }

  /** @throws {CgroupError} PROCESSOR */
  static async of(text: string): Promise<ExecSource> {
    const command = parseCommand(text);
    await checkProgram(command);
    return new ExecSource(command);
  }

  async open(): Promise<WorkerLink> {
    await this.close();
    this.#link = new ExecLink(this.#command);
    return this.#link;
  }

  async close(): Promise<void> {
    await this.#link?.close();
  }
}

class ExecLink implements WorkerLink {
  readonly kind = 'exec';
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #lines = new LineQueue();
  readonly #ended: Promise<void>;
  #lastWords = '';

  constructor([program, ...args]: Command) {
    const child = spawn(program, args, {
      // A group of its own, so that its children end with it.
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
      env: environment(),
    });
    this.#child = child;
    child.stdin.on('error', () => {}); // its end says it
    this.#readLines();
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#lastWords = (this.#lastWords + text).slice(-LAST_WORDS);
    });
    this.#ended = new Promise((done) => {
      child.once('error', (error) => {
        this.#lines.end(`the program cannot be started: ${error.message}`);
        done();
      });
      child.once('close', (code, signal) => {
        const how = signal ? `was ended by ${signal}` : `ended with exit code ${code}`;
        const [last = ''] = this.#lastWords.trimEnd().split('\n').slice(-1);
        this.#lines.end(`the program ${how}${last && `; the last line of its stderr: ${last}`}`);
        done();
      });
    });
  }

  get gone(): string | undefined {
    return this.#lines.gone;
  }

  send(line: string): void {
    if (line !== '') this.#write(`${line}\n`);
  }

  sendBytes(bytes: Uint8Array): void {
    this.#write(bytes);
  }

  next(within: number): Promise<string | undefined> {
    return this.#lines.next(within);
  }

  async ping(): Promise<boolean> {
    return true;
  }

  async finish(within: number): Promise<boolean> {
    this.#child.stdin.end();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((done) => {
      timer = setTimeout(() => done(false), within);
    });
    const ended = await Promise.race([this.#ended.then(() => true), late]);
    clearTimeout(timer);
    return ended;
  }

  async close(): Promise<void> {
    const { pid } = this.#child;
    try {
      if (pid !== undefined) process.kill(-pid, 'SIGKILL');
    } catch {
      // All of the group has ended.
    }
    await this.#ended;
  }

  #write(text: string | Uint8Array): void {
    if (this.#child.stdin.writable) this.#child.stdin.write(text);
  }

  #readLines(): void {
    let rest = '';
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => {
      const lines = text.split('\n');
      lines[0] = rest + lines[0];
      rest = lines.pop() ?? '';
      for (const line of lines) if (line.trim() !== '') this.#lines.push(line);
      if (rest.length <= LONGEST_LINE) return;
      this.#lines.end(`the program wrote a line of more than ${LONGEST_LINE} characters`);
      void this.close();
    });
    this.#child.stdout.on('end', () => {
      if (rest.trim() !== '') this.#lines.push(rest);
    });
  }
}

/** Without our own settings, as the group starts it. */
function environment(): NodeJS.ProcessEnv {
  const ours = ([name]: [string, unknown]) => name === 'REDIS_URL' || name.startsWith('CGROUP_');
  return Object.fromEntries(Object.entries(process.env).filter((entry) => !ours(entry)));
}
