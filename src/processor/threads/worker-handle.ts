import { performance } from 'node:perf_hooks';
import { MessageChannel, type MessagePort, receiveMessageOnPort, type Worker } from 'node:worker_threads';
import { CgroupError, messageOf } from '../../core/errors.js';
import { startThread } from '../../core/own-files.js';
import { pause } from '../../core/service.js';
import type { Logger } from '../../log/logger.js';
import { LOAD_TIMEOUT, notImported } from '../load.js';
import { LogGate } from './log-gate.js';
import {
  type AttemptEnd,
  type FromThread,
  type LogMessage,
  type NumberedDelivery,
  pack,
  type ThreadData,
  type ToThread,
} from './messages.js';
import type { SharedProgress } from './progress.js';

/** ms that a worker may take to end by itself, and then to be terminated. */
const END_TIMEOUT = 500;
/** Node's exit code for a module that awaits something that never settles. */
const NEVER_IMPORTED = 13;

export interface WorkerHandleOptions {
  readonly data: Omit<ThreadData, 'memory' | 'logMemory' | 'port'>;
  readonly progress: SharedProgress;
  readonly log: Logger;
  readonly onEnds: (ends: readonly AttemptEnd[]) => void;
  /** The worker has ended, and this side did not end it. */
  readonly onExit: (why: string) => void;
}

/** One worker of Node, from its start to its end. worker.ts runs in it. */
export class WorkerHandle {
  readonly progress: SharedProgress;
  readonly #gate = new LogGate();
  readonly #options: WorkerHandleOptions;
  readonly #worker: Worker;
  /** Not the worker's own port: the processor can send anything over that one. */
  readonly #port: MessagePort;
  readonly #exited = new AbortController();
  #onLoaded: ((error?: CgroupError) => void) | undefined;
  #outbox: NumberedDelivery[] = [];
  /** Lines of the log in this turn of the event loop. */
  #read = { lines: 0, bytes: 0 };
  #ending = false;
  #gone: CgroupError | undefined;
  #error: string | undefined;

  constructor(options: WorkerHandleOptions) {
    this.#options = options;
    this.progress = options.progress;
    const { port1, port2 } = new MessageChannel();
    this.#port = port1;
    this.#gate.setLevels(options.log);
    const workerData: ThreadData = {
      ...options.data,
      memory: options.progress.memory,
      logMemory: this.#gate.memory,
      port: port2,
    };
    this.#worker = startThread({
      workerData,
      transferList: [port2],
      name: 'processor',
    });
    this.#port.on('message', (message: FromThread) => this.#receive(message));
    this.#worker.on('error', (error) => {
      this.#error = messageOf(error);
    });
    this.#worker.once('exit', (code) => this.#onExit(code));
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

  /** Set when the worker has ended. */
  get gone(): CgroupError | undefined {
    return this.#gone;
  }

  /** Tells the thread which levels are written now. Returns how much it has dropped since the last call: lines, and writes to its output. */
  checkLog(): number {
    this.#gate.setLevels(this.#options.log);
    return this.#gate.takeDropped();
  }

  /** Deliveries of the same turn of the event loop are posted together. */
  post(delivery: NumberedDelivery): void {
    if (this.#outbox.push(delivery) === 1) queueMicrotask(() => this.#flush());
  }

  /** Tells the thread of a consumer. Its deliveries may be posted afterwards. */
  addSlot(slot: number, consumerId: string, last: number): void {
    this.#send({ kind: 'add', slot, consumerId, memory: this.progress.makeSlot(slot, last) });
  }

  removeSlot(slot: number): void {
    this.progress.removeSlot(slot);
    this.#send({ kind: 'remove', slot });
  }

  interrupt(slot: number, number: number, reason: string): void {
    this.#flush(); // otherwise it would overtake the delivery
    this.#send({ kind: 'interrupt', slot, number, reason });
  }

  /** Ends the worker at once. Its messages that are not read yet no longer count, except lines of the log. */
  terminate(): void {
    this.#ending = true;
    void this.#worker.terminate();
  }

  /** Lets the worker end by itself, but not for long. */
  async end(): Promise<void> {
    this.#ending = true;
    this.#send({ kind: 'end' });
    await pause(END_TIMEOUT, this.#exited.signal);
    void this.#worker.terminate();
    // A system call that blocks the thread cannot be ended from outside.
    await pause(END_TIMEOUT, this.#exited.signal);
  }

  #flush(): void {
    const deliveries = this.#outbox;
    if (deliveries.length === 0) return;
    this.#outbox = [];
    this.#send({ kind: 'deliveries', deliveries: pack(deliveries) });
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
      case 'ended':
        if (!this.#ending) this.#options.onEnds(message.ends);
        return;
      case 'log':
        this.#write(message);
    }
  }

  /** Before the thread may send more lines, all other work gets twice the time that these have taken. */
  #write({ level, fields, text, bytes }: LogMessage): void {
    const read = this.#read;
    if (read.lines === 0) {
      const began = performance.now();
      setImmediate(() => {
        this.#read = { lines: 0, bytes: 0 };
        const spent = performance.now() - began;
        setTimeout(() => this.#gate.leave(read.lines, read.bytes), 2 * spent).unref();
      });
    }
    read.lines++;
    read.bytes += bytes;
    this.#options.log[level](fields, text);
  }

  #onExit(code: number): void {
    this.#exited.abort();
    // The exit may overtake messages that were sent before.
    for (let last = receiveMessageOnPort(this.#port); last; last = receiveMessageOnPort(this.#port))
      this.#receive(last.message as FromThread);
    this.#port.close();
    const why = this.#error ?? `process.exit(${code})`;
    const what =
      code === NEVER_IMPORTED
        ? 'awaits something on import that never settles'
        : `ends its thread on import: ${why.split('\n')[0]}`;
    this.#gone = new CgroupError('PROCESSOR', `the processor module ${this.#options.data.path} ${what}`);
    if (this.#onLoaded) this.#onLoaded(this.#gone);
    else if (!this.#ending) this.#options.onExit(why);
  }
}
