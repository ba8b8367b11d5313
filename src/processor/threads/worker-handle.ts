import { MessageChannel, type MessagePort, receiveMessageOnPort, Worker } from 'node:worker_threads';
import { CgroupError, messageOf } from '../../core/errors.js';
import { pause } from '../../core/service.js';
import type { Logger } from '../../log/logger.js';
import { LOAD_TIMEOUT, notImported } from '../load.js';
import {
  type Done,
  type FromThread,
  type NumberedJob,
  pack,
  type ThreadData,
  type ToThread,
} from './messages.js';
import type { SharedProgress } from './progress.js';

/** ms that a thread may take to end by itself, and then to be ended. */
const END_TIMEOUT = 500;
/** Node's exit code for a module that awaits what never comes. */
const NEVER_IMPORTED = 13;

export interface SpawnedThreadOptions {
  readonly data: Omit<ThreadData, 'memory' | 'port'>;
  readonly progress: SharedProgress;
  readonly log: Logger;
  readonly onDone: (done: readonly Done[]) => void;
  /** It has ended, and nobody here has ended it. */
  readonly onExit: (why: string) => void;
}

/** One thread of Node, from its making to its end. What runs in it is worker.ts. */
export class WorkerHandle {
  readonly progress: SharedProgress;
  readonly #options: SpawnedThreadOptions;
  readonly #worker: Worker;
  /** Not the worker's own: that one is the processor's, which may send whatever it likes. */
  readonly #port: MessagePort;
  readonly #exit: Promise<unknown>;
  #onLoaded: ((error?: CgroupError) => void) | undefined;
  #outbox: NumberedJob[] = [];
  #ending = false;
  #gone: CgroupError | undefined;
  #error: string | undefined;

  constructor(options: SpawnedThreadOptions) {
    this.#options = options;
    this.progress = options.progress;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    const workerData: ThreadData = { ...options.data, memory: options.progress.memory, port: port2 };
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), {
      workerData,
      transferList: [port2],
      name: 'processor',
    });
    this.#exit = new Promise((resolve) => this.#worker.once('exit', resolve));
    this.#port.on('message', (message: FromThread) => this.#receive(message));
    this.#worker.on('error', (error) => {
      this.#error = messageOf(error);
    });
    this.#worker.once('exit', (code) => this.#exited(code));
  }

  /**
   * Waits until the processor is loaded.
   *
   * @throws {CgroupError} PROCESSOR
   */
  load(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#onLoaded?.(notImported(this.#options.data.path, LOAD_TIMEOUT));
      }, LOAD_TIMEOUT);
      this.#onLoaded = (error) => {
        this.#onLoaded = undefined;
        clearTimeout(timer);
        if (error) reject(error);
        else resolve();
      };
    });
  }

  /** Set once it has ended. */
  get gone(): CgroupError | undefined {
    return this.#gone;
  }

  /** Jobs that come together travel together. */
  post(job: NumberedJob): void {
    if (this.#outbox.push(job) === 1) queueMicrotask(() => this.#flush());
  }

  interrupt(slot: number, number: number, reason: string): void {
    this.#flush(); // or it would overtake the job
    this.#send({ kind: 'interrupt', slot, number, reason });
  }

  /** Ends it at once. Nothing that it has said and that is not read yet counts any more, but lines of the log. */
  terminate(): void {
    this.#ending = true;
    void this.#worker.terminate();
  }

  /** Lets it end by itself, but not for long. */
  async end(): Promise<void> {
    this.#ending = true;
    this.#send({ kind: 'end' });
    await this.#untilExit();
    void this.#worker.terminate();
    // A call into the system that blocks the thread cannot be ended from outside.
    await this.#untilExit();
  }

  async #untilExit(): Promise<void> {
    const exited = new AbortController();
    void this.#exit.then(() => exited.abort());
    await pause(END_TIMEOUT, exited.signal);
  }

  #flush(): void {
    const jobs = this.#outbox;
    if (jobs.length === 0) return;
    this.#outbox = [];
    this.#port.postMessage(pack(jobs));
  }

  #send(message: ToThread): void {
    this.#port.postMessage(message);
  }

  #receive(message: FromThread): void {
    switch (message.kind) {
      case 'ready':
        this.#onLoaded?.();
        return;
      case 'broken':
        this.#onLoaded?.(new CgroupError('PROCESSOR', message.error, { cause: message.cause }));
        return;
      case 'done':
        if (!this.#ending) this.#options.onDone(message.done);
        return;
      case 'log':
        this.#options.log[message.level](message.fields, message.text);
    }
  }

  #exited(code: number): void {
    // Its end may overtake what it has said before.
    for (let last = receiveMessageOnPort(this.#port); last; last = receiveMessageOnPort(this.#port))
      this.#receive(last.message as FromThread);
    this.#port.close();
    const why = this.#error ?? `process.exit(${code})`;
    this.#gone = this.#cannotLoad(
      code === NEVER_IMPORTED
        ? 'awaits on import what never comes'
        : `ends its thread on import: ${why.split('\n')[0]}`,
    );
    if (this.#onLoaded) this.#onLoaded(this.#gone);
    else if (!this.#ending) this.#options.onExit(why);
  }

  #cannotLoad(what: string): CgroupError {
    return new CgroupError('PROCESSOR', `the processor module ${this.#options.data.path} ${what}`);
  }
}
