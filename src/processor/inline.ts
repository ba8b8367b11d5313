import type { Lane, Workshop, WorkshopOptions } from './executor.js';
import { doJob } from './job.js';
import type { Processor } from './processor.js';

/**
 * Runs the processor on the thread of whoever asks, bridge and heartbeats beside it: for functions, which cannot
 * travel to another thread, and for the built-in processor, which is over before a message could get there.
 */
export class InlineWorkshop implements Workshop {
  readonly #load: () => Promise<Processor>;
  readonly #options: WorkshopOptions;
  #processor: Processor | undefined;

  constructor(load: () => Promise<Processor>, options: WorkshopOptions) {
    this.#load = load;
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#processor = await this.#load();
  }

  lane(consumerId: string): Lane {
    const { concurrency, timeout, log } = this.#options;
    const processor = this.#processor;
    if (!processor) throw new TypeError('not started');
    const bench = { consumerId, processor, timeout, log };
    return {
      depth: concurrency,
      closed: false,
      run: (job, onOutcome) => doJob(job, bench, onOutcome),
      quiet() {},
    };
  }

  stop(): Promise<void> {
    return Promise.resolve();
  }
}
