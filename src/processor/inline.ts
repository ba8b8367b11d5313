import type { ConsumerExecutor, Executor, ExecutorOptions } from './executor.js';
import { doJob } from './job.js';
import type { Processor } from './processor.js';

/**
 * Runs the processor on the thread of whoever asks, bridge and heartbeats beside it: for functions, which cannot
 * travel to another thread, and for the built-in processor, which is over before a message could get there.
 */
export class InlineExecutor implements Executor {
  readonly #load: () => Promise<Processor>;
  readonly #options: ExecutorOptions;
  #processor: Processor | undefined;

  constructor(load: () => Promise<Processor>, options: ExecutorOptions) {
    this.#load = load;
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#processor = await this.#load();
  }

  forConsumer(consumerId: string): ConsumerExecutor {
    const { concurrency, timeout, log } = this.#options;
    const processor = this.#processor;
    if (!processor) throw new TypeError('not started');
    const bench = { consumerId, processor, timeout, log };
    return {
      depth: concurrency,
      closed: false,
      execute: (job, onOutcome) => doJob(job, bench, onOutcome),
      quiet() {},
    };
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}
