import { performance } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import { CgroupError, messageOf } from '../../errors.js';
import type { Logger } from '../../logger.js';
import type { Job, Lane, OnOutcome, Outcome, Running } from '../workshop.js';
import { after, type FromThread, type NumberedJob, Progress, pack, type ThreadData, type ToThread } from './wire.js';

/** ms between two looks at a thread that has jobs. */
const LOOK_EVERY = 100;
/** ms beyond its time after which a job was not ended by the thread itself: something keeps the thread busy. */
const GRACE = 1_000;
/** ms that the module may take to be imported. */
const LOAD_TIMEOUT = 30_000;
/** ms to wait before the next try with a module that could be loaded before, and cannot now. */
const RELOAD_AFTER = 1_000;

export interface ThreadOptions extends Omit<ThreadData, 'progress'> {
  readonly log: Logger;
}

/** A job that is not ended. */
interface Pending {
  readonly job: NumberedJob;
  readonly onOutcome: OnOutcome;
  /** When it was first seen to be begun. */
  begunAt: number | undefined;
}

/**
 * One thread that processes messages, seen from outside. It does what a thread cannot do for itself: it
 * replaces it when the processor keeps it busy for too long, or ends it. The job to blame has failed then; the
 * others are done again, by the thread that comes after it.
 */
export class Thread {
  readonly #options: ThreadOptions;
  /** By slot, then by number, in the order in which they begin. */
  readonly #pending: Map<number, Pending>[];
  readonly #last: number[];
  #outbox: NumberedJob[] = [];
  #worker: Worker | undefined;
  #progress: Progress;
  #watch: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(options: ThreadOptions) {
    this.#options = options;
    this.#pending = options.consumers.map(() => new Map());
    this.#last = options.consumers.map(() => 0);
    this.#progress = new Progress(Progress.memory(options.consumers.length));
  }

  /** @throws {CgroupError} PROCESSOR where the module cannot be loaded */
  async start(): Promise<void> {
    await this.#begin();
    this.#watch = setInterval(() => this.#look(), LOOK_EVERY);
    this.#watch.unref();
  }

  lane(slot: number): Lane {
    return {
      depth: Number.POSITIVE_INFINITY,
      run: (job, onOutcome) => this.#run(slot, job, onOutcome),
      quiet: () => this.#send({ kind: 'quiet', slot }),
    };
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearInterval(this.#watch);
    await this.#worker?.terminate();
    for (const pending of this.#all()) this.#end(pending, { kind: 'interrupted' }, 0);
  }

  #run(slot: number, job: Job, onOutcome: OnOutcome): Running {
    const number = after(this.#last[slot] as number);
    this.#last[slot] = number;
    const pending = { job: { ...job, slot, number }, onOutcome, begunAt: undefined };
    this.#pending[slot]?.set(number, pending);
    this.#post(pending.job);
    return {
      interrupt: (reason) => {
        this.#send({ kind: 'interrupt', slot, number, reason });
        this.#end(pending, { kind: 'interrupted' }, 0);
      },
    };
  }

  /** Jobs that come together travel together. */
  #post(job: NumberedJob): void {
    if (this.#outbox.push(job) > 1) return;
    queueMicrotask(() => {
      const { message, transfer } = pack(this.#outbox);
      this.#outbox = [];
      this.#worker?.postMessage(message, transfer);
    });
  }

  #send(message: ToThread): void {
    this.#worker?.postMessage(message);
  }

  /** Makes the thread; returns when it is ready. */
  async #begin(): Promise<void> {
    const { log, ...data } = this.#options;
    const memory = Progress.memory(data.consumers.length);
    this.#progress = new Progress(memory);
    const workerData: ThreadData = { ...data, progress: memory };
    const worker = new Worker(new URL('./worker.js', import.meta.url), { workerData, name: 'cgroup' });
    this.#worker = worker;
    let why = '';
    worker.on('error', (error) => {
      why = messageOf(error);
    });
    worker.once('exit', (code) => this.#exited(worker, why || `process.exit(${code})`));
    await new Promise<void>((resolve, reject) => {
      const fail = (error: string) => {
        clearTimeout(timer);
        reject(new CgroupError('PROCESSOR', error));
      };
      const timer = setTimeout(
        () => fail(`the processor module ${data.path} is not imported after ${LOAD_TIMEOUT / 1000} s`),
        LOAD_TIMEOUT,
      );
      worker.once('exit', () => fail(`the processor module ${data.path} ends its thread on import: ${why}`));
      worker.on('message', (message: FromThread) => {
        if (message.kind === 'done') this.#done(worker, message.done);
        else if (message.kind === 'log') log[message.level](message.fields, message.text);
        else if (message.kind === 'broken') fail(message.error);
        else {
          clearTimeout(timer);
          resolve();
        }
      });
    }).catch((error) => {
      this.#worker = undefined;
      void worker.terminate();
      throw error;
    });
  }

  #done(worker: Worker, done: Extract<FromThread, { kind: 'done' }>['done']): void {
    if (worker !== this.#worker) return; // replaced: its jobs are done again
    for (const { slot, number, outcome, busy } of done) {
      const pending = this.#pending[slot]?.get(number);
      if (pending) this.#end(pending, outcome, busy);
    }
  }

  #end(pending: Pending, outcome: Outcome, busy: number): void {
    const { slot, number } = pending.job;
    if (this.#pending[slot]?.delete(number)) pending.onOutcome(outcome, busy);
  }

  #look(): void {
    const now = performance.now();
    const { timeout, log, path } = this.#options;
    const overdue: Pending[] = [];
    for (const lane of this.#pending) {
      for (const pending of lane.values()) {
        if (!this.#isBegun(pending)) break; // nor are those after it
        pending.begunAt ??= now;
        if (now - pending.begunAt > timeout + GRACE) overdue.push(pending);
      }
    }
    if (overdue.length === 0) return;
    log.warn({ processor: path }, `the processor keeps its thread busy for longer than ${timeout} ms: the thread is replaced`);
    const error = `no result within ${timeout} ms, and its thread was kept busy`;
    this.#replace(overdue, { kind: 'failed', reason: 'timeout', error }, timeout);
  }

  #exited(worker: Worker, why: string): void {
    if (worker !== this.#worker || this.#stopped) return;
    const { log, path } = this.#options;
    log.error({ processor: path }, `the processor ended its thread, which is replaced: ${why}`);
    const begun = [...this.#all()].filter((pending) => this.#isBegun(pending));
    const guilty = begun.filter(({ job }) => this.#progress.isIn(job.slot, job.number));
    const error = `the processor ended its thread: ${why}`;
    this.#replace(guilty.length > 0 ? guilty : begun, { kind: 'failed', reason: 'failed', error }, 0);
  }

  /** Ends the thread; some jobs have failed, all others are done again in the next one. */
  #replace(guilty: readonly Pending[], outcome: Outcome, busy: number): void {
    const worker = this.#worker;
    this.#worker = undefined;
    void worker?.terminate();
    for (const pending of guilty) this.#end(pending, outcome, busy);
    void this.#begin().then(
      () => this.#again(),
      (error) => {
        this.#options.log.error({ error }, `no thread to process messages, trying again: ${messageOf(error)}`);
        setTimeout(() => !this.#stopped && this.#replace([], outcome, 0), RELOAD_AFTER).unref();
      },
    );
  }

  #again(): void {
    for (const { job } of this.#all()) this.#post(job);
  }

  #isBegun({ job }: Pending): boolean {
    return this.#progress.isBegun(job.slot, job.number);
  }

  *#all(): Generator<Pending> {
    for (const lane of this.#pending) yield* lane.values();
  }
}
