import { performance } from 'node:perf_hooks';
import { messageOf } from '../../core/errors.js';
import { pause } from '../../core/service.js';
import type { Logger } from '../../log/logger.js';
import { repeatedFailures, type ThrottledLog } from '../../log/throttle.js';
import type { ConsumerExecutor, Job, OnOutcome, Outcome, Running } from '../executor.js';
import type { Done, ThreadData } from './messages.js';
import { type Pending, PendingJobs } from './pending.js';
import { SharedProgress } from './progress.js';
import { StallDetector } from './stall-detector.js';
import { WorkerHandle } from './worker-handle.js';

/** ms between two looks at the thread. */
const LOOK_EVERY = 100;
/** ms beyond the time of an attempt that a thread may be kept busy: it may be over in a moment. */
const GRACE = 500;
/**
 * ms to wait before the next try where the last one failed, twice as long each time; and where nobody was to blame
 * for the end of the thread.
 */
const AGAIN_AFTER = 1_000;
const AGAIN_AFTER_MOST = 30_000;
/** ms of tries that failed after which its jobs wait no longer: others may be able to do them. */
const PATIENCE = 5_000;

const INTERRUPTED: Outcome = { kind: 'interrupted' };

export interface ThreadOptions extends Omit<ThreadData, 'memory' | 'port'> {
  readonly log: Logger;
}

/** In no more trials than this all suspects are done again: one by one, or several together. */
const MOST_TRIALS = 4;

/**
 * A thread that processes messages, for good: when the processor ends it, or keeps it busy for too long, another
 * one takes its place. The job to blame has failed then; the others are done again, at the same attempt. Where
 * several may be to blame, they are done again apart from each other, until one of them does it again.
 */
export class Thread {
  readonly #options: ThreadOptions;
  readonly #jobs: PendingJobs;
  readonly #quiet = new Set<number>();
  readonly #stopping = new AbortController();
  readonly #failures: ThrottledLog<unknown>;
  #silence = new StallDetector();
  /** Has loaded the processor, and all jobs. Undefined while it is replaced. */
  #spawned: WorkerHandle | undefined;
  #loading: WorkerHandle | undefined;
  /** The processor could not be loaded again for so long that no jobs are taken on. */
  #closed = false;
  /** To be done again before all others, and apart. */
  #suspects: Pending[] = [];
  /** Those of them that the thread has now, and nothing else. */
  #onTrial: Pending[] = [];
  #watch: NodeJS.Timeout | undefined;

  constructor(options: ThreadOptions) {
    this.#options = options;
    this.#jobs = new PendingJobs(options.consumers.length);
    this.#failures = repeatedFailures(options.log, 'a thread cannot load the processor again');
  }

  /** @throws {CgroupError} PROCESSOR where the module cannot be loaded */
  async start(): Promise<void> {
    await this.#spawn();
    if (this.#stopping.signal.aborted) return;
    this.#watch = setInterval(() => this.#look(), LOOK_EVERY);
  }

  /** The lane of one of its consumers. What waits for its turn waits in the thread, which so never waits for us. */
  lane(slot: number): ConsumerExecutor {
    const closed = () => this.#closed;
    return {
      depth: Number.POSITIVE_INFINITY,
      get closed() {
        return closed();
      },
      execute: (job, onOutcome) => this.#run(slot, job, onOutcome),
      quiet: () => this.#beQuiet(slot),
    };
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    clearInterval(this.#watch);
    this.#loading?.terminate();
    for (const pending of this.#jobs.all()) this.#jobs.end(pending, INTERRUPTED, 0);
    await this.#spawned?.end();
  }

  #run<J extends Job>(slot: number, job: J, onOutcome: OnOutcome<J>): Running {
    const pending = this.#jobs.add(slot, job, onOutcome);
    if (this.#closed || this.#quiet.has(slot)) this.#jobs.end(pending, INTERRUPTED, 0);
    else if (this.#onTrial.length === 0) this.#spawned?.post(this.#jobs.post(pending));
    return { interrupt: (reason) => this.#interrupt(pending, reason) };
  }

  /** It counts at once, also where the thread is too busy to hear of it. */
  #interrupt(pending: Pending, reason: string): void {
    const { slot, number } = pending;
    if (pending.ended) return;
    this.#jobs.end(pending, INTERRUPTED, 0);
    if (number !== undefined) this.#spawned?.interrupt(slot, number, reason);
    this.#feed();
  }

  #beQuiet(slot: number): void {
    this.#quiet.add(slot);
    const progress = this.#spawned?.progress;
    progress?.quiet(slot);
    for (const pending of this.#jobs.all()) {
      const { number } = pending;
      const begun = number !== undefined && progress?.isBegun(slot, number);
      if (pending.slot === slot && !begun) this.#jobs.end(pending, INTERRUPTED, 0);
    }
    this.#feed();
  }

  /** Makes the thread, and gives it what there is to do. */
  async #spawn(): Promise<void> {
    const { log, ...data } = this.#options;
    const progress = SharedProgress.from(this.#jobs.last);
    const spawned = new WorkerHandle({
      data,
      progress,
      log,
      onDone: (done) => this.#done(done),
      onExit: (why) => this.#exited(spawned, why),
    });
    this.#loading = spawned;
    try {
      await spawned.load();
      // It may have ended in the moment between its being ready and our being told.
      if (spawned.gone) throw spawned.gone;
    } catch (error) {
      spawned.terminate();
      throw error;
    } finally {
      this.#loading = undefined;
    }
    this.#spawned = spawned;
    this.#closed = false;
    this.#silence = new StallDetector();
    for (const slot of this.#quiet) progress.quiet(slot);
    this.#feed();
  }

  /** Posts what waits, once no suspect is on trial any more: the next of them, or all others. */
  #feed(): void {
    const spawned = this.#spawned;
    if (!spawned || this.#onTrial.some(({ ended }) => !ended)) return;
    this.#suspects = this.#suspects.filter(({ ended }) => !ended);
    this.#onTrial = this.#suspects.splice(0, Math.ceil(this.#suspects.length / MOST_TRIALS));
    const next = this.#onTrial.length > 0 ? this.#onTrial : this.#jobs.waiting();
    for (const pending of next) spawned.post(this.#jobs.post(pending));
  }

  #done(done: readonly Done[]): void {
    for (const { slot, number, outcome, busy } of done) {
      const pending = this.#jobs.posted(slot, number);
      if (pending) this.#jobs.end(pending, outcome, busy);
    }
    if (this.#onTrial.length > 0) this.#feed();
  }

  #look(): void {
    const spawned = this.#spawned;
    if (!spawned) return;
    const { timeout, log, path } = this.#options;
    const silence = this.#silence.look(spawned.progress.pulse, performance.now());
    if (silence < timeout + GRACE) return;
    log.warn(
      { processor: path, ...this.#blamed(spawned) },
      `the processor keeps its thread busy for longer than ${timeout} ms: replaced`,
    );
    const error = `no result within ${timeout} ms, and its thread was kept busy`;
    this.#replace(spawned, { kind: 'failed', reason: 'timeout', error }, timeout);
  }

  #exited(spawned: WorkerHandle, why: string): void {
    if (spawned !== this.#spawned) return;
    const { log, path } = this.#options;
    const error = `the processor ended its thread: ${why}`;
    log.error({ processor: path, ...this.#blamed(spawned) }, `${error}: replaced`);
    this.#replace(spawned, { kind: 'failed', reason: 'failed', error }, 0);
  }

  /** Which message it is about, for the log, where only one can be to blame. */
  #blamed(spawned: WorkerHandle): object {
    const [guilty, ...more] = this.#jobs.suspects(spawned.progress);
    if (!guilty || more.length > 0) return {};
    const { inboxId, attempt } = guilty.job;
    return { consumer: this.#options.consumers[guilty.slot], inboxId, attempt };
  }

  /** @param outcome of the job to blame */
  #replace(spawned: WorkerHandle, outcome: Outcome, busy: number): void {
    this.#spawned = undefined;
    spawned.terminate();
    const suspects = this.#jobs.suspects(spawned.progress);
    this.#jobs.recall();
    this.#suspects = suspects; // fewer each time, so the one to blame is found
    this.#onTrial = [];
    const [guilty] = suspects;
    if (guilty && suspects.length === 1) this.#jobs.end(guilty, outcome, busy);
    // Whoever is to begin nothing more shall not begin anything anew either.
    for (const slot of this.#quiet) this.#beQuiet(slot);
    void this.#respawn(suspects.length > 0 ? 0 : AGAIN_AFTER);
  }

  async #respawn(wait: number): Promise<void> {
    const { signal } = this.#stopping;
    if (wait > 0) await pause(wait, signal);
    const since = performance.now();
    for (let again = AGAIN_AFTER; !signal.aborted; again = Math.min(2 * again, AGAIN_AFTER_MOST)) {
      try {
        await this.#spawn();
        this.#failures.over();
        return;
      } catch (error) {
        if (signal.aborted) return;
        this.#failures.add(error);
        if (!this.#closed && performance.now() - since >= PATIENCE) this.#close(messageOf(error));
        await pause(again, signal);
      }
    }
  }

  /** Lets go of all jobs. The suspects have failed, because whoever gets them next knows nothing of the suspicion. */
  #close(why: string): void {
    this.#closed = true;
    const { log, path, consumers } = this.#options;
    const error = `it was in work when its thread ended, and the processor cannot be loaded again: ${why}`;
    for (const pending of this.#suspects.splice(0))
      this.#jobs.end(pending, { kind: 'failed', reason: 'failed', error }, 0);
    for (const pending of this.#jobs.all()) this.#jobs.end(pending, INTERRUPTED, 0);
    log.error(
      { processor: path, consumers },
      'a thread cannot load the processor again: its consumers hand back their messages, and take none until it can',
    );
  }
}
