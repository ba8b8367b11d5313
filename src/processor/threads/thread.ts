import { performance } from 'node:perf_hooks';
import { messageOf } from '../../core/errors.js';
import {
  type ConsumerExecutor,
  type Delivery,
  INTERRUPTED,
  type OnOutcome,
  type Outcome,
  type RunningAttempt,
} from '../../core/executor.js';
import { pause } from '../../core/service.js';
import { plural } from '../../core/words.js';
import { repeatedFailures, repeatedWarnings, type ThrottledLog } from '../../log/throttle.js';
import type { ExecutorOptions } from '../inline.js';
import type { AttemptEnd } from './messages.js';
import { PendingDeliveries, type PendingDelivery } from './pending.js';
import { SharedProgress } from './progress.js';
import { StallDetector } from './stall-detector.js';
import { WorkerHandle } from './worker-handle.js';

/** ms between two checks whether the worker is blocked. */
const CHECK_EVERY = 100;
/** ms beyond the timeout of an attempt that a worker may be blocked: it may end in a moment. */
const GRACE = 500;
/** ms from the first line that a thread drops to the line that says how many. */
const DROPPED_AFTER = 1_000;
/**
 * ms to wait after a try to load the processor has failed, doubled each time; and if no delivery is to blame for the
 * end of the worker.
 */
const RETRY_AFTER = 1_000;
const RETRY_AFTER_MOST = 30_000;
/** ms of failed tries after which its deliveries wait no longer: other processes may be able to process them. */
const PATIENCE = 5_000;
/** All suspects are tried again in no more trials than this: one by one, or several together. */
const MOST_TRIALS = 4;

export interface ThreadOptions extends ExecutorOptions {
  /** Of the processor's module. */
  readonly path: string;
}

/**
 * A thread that processes messages until it is stopped. If the processor ends its worker, or blocks it for too long, another
 * worker takes its place. The attempt to blame has failed then; the others are made again, with the same number. If
 * several may be to blame, they are made again apart from each other, until one of them does it again.
 */
export class Thread {
  readonly #options: ThreadOptions;
  readonly #pending: PendingDeliveries;
  /** The ids of its consumers. A slot is not used again: what comes late for one consumer must not reach another. */
  readonly #consumers = new Map<number, string>();
  #slots = 0;
  /** Slots that begin no further attempt. */
  readonly #quiet = new Set<number>();
  #started: Promise<void> | undefined;
  readonly #stopping = new AbortController();
  readonly #failures: ThrottledLog<unknown>;
  readonly #dropped: ThrottledLog<void>;
  #stallDetector = new StallDetector();
  /** Has loaded the processor. Undefined while it is replaced. */
  #worker: WorkerHandle | undefined;
  #loading: WorkerHandle | undefined;
  /** The processor could not be loaded again for so long that no deliveries are accepted. */
  #closed = false;
  /** To be tried again before all others, and apart from them. */
  #suspects: PendingDelivery[] = [];
  /** The suspects that the worker has now. It has nothing else. */
  #onTrial: PendingDelivery[] = [];
  #watch: NodeJS.Timeout | undefined;

  constructor(options: ThreadOptions) {
    this.#options = options;
    this.#pending = new PendingDeliveries((pending, reason) => this.#interrupt(pending, reason));
    const { log, path } = options;
    this.#failures = repeatedFailures(log, 'a thread cannot load the processor again');
    this.#dropped = repeatedWarnings(
      log,
      (dropped) => [
        { processor: path, dropped },
        `${plural(dropped, 'line was', 'lines were')} dropped: the processor logs or prints faster than this process can write`,
      ],
      DROPPED_AFTER,
    );
  }

  /**
   * May be called again, to wait for the start under way.
   *
   * @throws {CgroupError} PROCESSOR if the module cannot be loaded
   */
  start(): Promise<void> {
    this.#started ??= this.#start();
    return this.#started;
  }

  async #start(): Promise<void> {
    await this.#startWorker();
    if (this.#stopping.signal.aborted) return;
    this.#watch = setInterval(() => this.#checkWorker(), CHECK_EVERY);
  }

  /** How many consumers it has. */
  get size(): number {
    return this.#consumers.size;
  }

  /** Adds a consumer; possible before the start. Returns its slot. */
  add(consumerId: string): number {
    const slot = ++this.#slots;
    this.#consumers.set(slot, consumerId);
    this.#pending.addSlot(slot);
    this.#worker?.addSlot(slot, consumerId, 0);
    return slot;
  }

  /** Removes a consumer that has nothing in work. */
  remove(slot: number): void {
    this.#consumers.delete(slot);
    this.#quiet.delete(slot);
    this.#pending.removeSlot(slot);
    this.#worker?.removeSlot(slot);
  }

  /** The executor of one of its consumers. Deliveries wait in the worker, so that it never waits for this side. */
  executorFor(slot: number): ConsumerExecutor {
    const closed = () => this.#closed;
    return {
      depth: Number.POSITIVE_INFINITY,
      get closed() {
        return closed();
      },
      execute: (delivery, onOutcome) => this.#execute(slot, delivery, onOutcome),
      quiet: () => this.#quietSlot(slot),
      resume: () => {
        this.#quiet.delete(slot);
      },
    };
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    clearInterval(this.#watch);
    this.#loading?.terminate();
    for (const pending of this.#pending.all()) this.#pending.end(pending, INTERRUPTED, 0);
    await this.#worker?.end();
    if (this.#worker) this.#countDropped(this.#worker);
    this.#dropped.flush();
  }

  #execute<D extends Delivery>(slot: number, delivery: D, onOutcome: OnOutcome<D>): RunningAttempt {
    const pending = this.#pending.accept(slot, delivery, onOutcome);
    if (this.#closed || this.#quiet.has(slot)) this.#pending.end(pending, INTERRUPTED, 0);
    else if (this.#onTrial.length === 0) this.#worker?.post(this.#pending.assignNumber(pending));
    return pending;
  }

  /** Counts at once, even if the worker is blocked and does not hear of it. */
  #interrupt(pending: PendingDelivery, reason: string): void {
    const { slot, number } = pending;
    if (pending.ended) return;
    this.#pending.end(pending, INTERRUPTED, 0);
    if (number !== undefined) this.#worker?.interrupt(slot, number, reason);
    this.#postWaiting();
  }

  #quietSlot(slot: number): void {
    this.#quiet.add(slot);
    const progress = this.#worker?.progress;
    progress?.recall(slot, this.#pending.lastOf(slot));
    for (const pending of this.#pending.all()) {
      const { number } = pending;
      const begun = number !== undefined && progress?.isBegun(slot, number);
      if (pending.slot === slot && !begun) this.#pending.end(pending, INTERRUPTED, 0);
    }
    this.#postWaiting();
  }

  /** Starts a worker, and posts the deliveries that wait. */
  async #startWorker(): Promise<void> {
    const { log, ...data } = this.#options;
    const progress = new SharedProgress();
    const worker = new WorkerHandle({
      data,
      progress,
      log,
      onEnds: (ends) => this.#onEnds(ends),
      onExit: (why) => this.#onExit(worker, why),
    });
    this.#loading = worker;
    try {
      await worker.load();
      // It may have ended between its message that it is ready and now.
      if (worker.gone) throw worker.gone;
    } catch (error) {
      worker.terminate();
      throw error;
    } finally {
      this.#loading = undefined;
    }
    this.#worker = worker;
    this.#closed = false;
    this.#stallDetector = new StallDetector();
    for (const [slot, id] of this.#consumers) worker.addSlot(slot, id, this.#pending.lastOf(slot));
    this.#postWaiting();
  }

  /** When no suspect is on trial any more, posts the next suspects, or else all deliveries that wait. */
  #postWaiting(): void {
    const worker = this.#worker;
    if (!worker || this.#onTrial.some(({ ended }) => !ended)) return;
    this.#suspects = this.#suspects.filter(({ ended }) => !ended);
    this.#onTrial = this.#suspects.splice(0, Math.ceil(this.#suspects.length / MOST_TRIALS));
    const next = this.#onTrial.length > 0 ? this.#onTrial : this.#pending.waiting();
    for (const pending of next) worker.post(this.#pending.assignNumber(pending));
  }

  #onEnds(ends: readonly AttemptEnd[]): void {
    for (const { slot, number, outcome, busy } of ends) {
      const pending = this.#pending.findPosted(slot, number);
      if (pending) this.#pending.end(pending, outcome, busy);
    }
    if (this.#onTrial.length > 0) this.#postWaiting();
  }

  #checkWorker(): void {
    const worker = this.#worker;
    if (!worker) return;
    const { timeout, log, path } = this.#options;
    this.#countDropped(worker);
    const silence = this.#stallDetector.silence(worker.progress.pulse, performance.now());
    if (silence < timeout + GRACE) return;
    log.warn(
      { processor: path, ...this.#suspectFields(worker) },
      `the processor keeps its thread busy for longer than ${timeout} ms: replaced`,
    );
    const error = `no result within ${timeout} ms, and its thread was kept busy`;
    this.#replaceWorker(worker, { kind: 'failed', reason: 'timeout', error }, timeout);
  }

  #countDropped(worker: WorkerHandle): void {
    const dropped = worker.checkLog();
    if (dropped > 0) this.#dropped.add(undefined, dropped);
  }

  #onExit(worker: WorkerHandle, why: string): void {
    if (worker !== this.#worker) return;
    const { log, path } = this.#options;
    const error = `the processor ended its thread: ${why}`;
    log.error({ processor: path, ...this.#suspectFields(worker) }, `${error}: replaced`);
    this.#replaceWorker(worker, { kind: 'failed', reason: 'failed', error }, 0);
  }

  /** Fields of the log that name the delivery to blame, if there is only one. */
  #suspectFields(worker: WorkerHandle): object {
    const [suspect, ...more] = this.#pending.suspects(worker.progress);
    if (!suspect || more.length > 0) return {};
    const { inboxId, attempt } = suspect.delivery;
    return { consumer: this.#consumers.get(suspect.slot), inboxId, attempt };
  }

  /** @param outcome of the attempt to blame, if there is only one */
  #replaceWorker(worker: WorkerHandle, outcome: Outcome, busy: number): void {
    this.#worker = undefined;
    worker.terminate();
    this.#countDropped(worker);
    this.#dropped.flush();
    const suspects = this.#pending.suspects(worker.progress);
    this.#pending.recall();
    this.#suspects = suspects; // fewer each time, so the one to blame is found
    this.#onTrial = [];
    const [suspect] = suspects;
    if (suspect && suspects.length === 1) this.#pending.end(suspect, outcome, busy);
    // A quiet slot must not begin its recalled deliveries either.
    for (const slot of this.#quiet) this.#quietSlot(slot);
    void this.#restartWorker(suspects.length > 0 ? 0 : RETRY_AFTER);
  }

  async #restartWorker(wait: number): Promise<void> {
    const { signal } = this.#stopping;
    if (wait > 0) await pause(wait, signal);
    const since = performance.now();
    for (let after = RETRY_AFTER; !signal.aborted; after = Math.min(2 * after, RETRY_AFTER_MOST)) {
      try {
        await this.#startWorker();
        this.#failures.over();
        return;
      } catch (error) {
        if (signal.aborted) return;
        this.#failures.add(error);
        if (!this.#closed && performance.now() - since >= PATIENCE) this.#close(messageOf(error));
        await pause(after, signal);
      }
    }
  }

  /** Ends all deliveries. The suspects have failed, because the next consumers that get them do not know of the suspicion. */
  #close(why: string): void {
    this.#closed = true;
    const { log, path } = this.#options;
    const error = `it was in work when its thread ended, and the processor cannot be loaded again: ${why}`;
    for (const pending of this.#suspects.splice(0))
      this.#pending.end(pending, { kind: 'failed', reason: 'failed', error }, 0);
    for (const pending of this.#pending.all()) this.#pending.end(pending, INTERRUPTED, 0);
    log.error(
      { processor: path, consumers: [...this.#consumers.values()] },
      'a thread cannot load the processor again: its consumers hand back their messages, and take none until it can',
    );
  }
}
