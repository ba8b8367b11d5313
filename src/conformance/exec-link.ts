import { type Command, checkProgram, parseCommand } from '../processor/exec/command.js';
import { type GroupLeader, signalGroup, spawnGroup } from '../processor/exec/process-group.js';
import { LARGEST_MESSAGE } from '../protocol/limits.js';
import { LineQueue, type WorkerLink, type WorkerSource } from './link.js';

/** Characters of stderr that are kept. */
const LAST_WORDS = 500;

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
  readonly #child: GroupLeader;
  readonly #lines = new LineQueue();
  readonly #ended: Promise<void>;
  #lastWords = '';

  constructor(command: Command) {
    const child = spawnGroup(command);
    this.#child = child;
    for (const stream of [child.stdin, child.stdio[3]]) stream?.on('error', () => {}); // its end says it
    // Whatever it started ends with it.
    child.once('exit', () => signalGroup(child, 'SIGKILL'));
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
    signalGroup(this.#child, 'SIGKILL');
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
      if (rest.length <= LARGEST_MESSAGE) return;
      this.#lines.end(`the program wrote a line of more than ${LARGEST_MESSAGE} characters`);
      void this.close();
    });
    this.#child.stdout.on('end', () => {
      if (rest.trim() !== '') this.#lines.push(rest);
    });
  }
}
