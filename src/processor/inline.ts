import type { ConsumerExecutor, Executor } from '../core/executor.js';
import { type AttemptOptions, attemptAll, beginAttempt } from './attempt.js';
import type { Processor } from './processor.js';

/** What every executor is made with. */
export interface ExecutorOptions extends Pick<AttemptOptions, 'timeout' | 'log'> {
  /** Attempts of one consumer that run at a time. */
  readonly concurrency: number;
}

/**
 * Runs the processor on the calling thread, beside bridge and heartbeats: for functions, which cannot be sent to
 * another thread, and for the built-in processor, which takes less time than sending the message would.
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

  async add(consumerId: string): Promise<ConsumerExecutor> {
    const { concurrency, timeout, log } = this.#options;
    const processor = this.#processor;
    if (!processor) throw new TypeError('not started');
    const options = { consumerId, processor, timeout, log };
    return {
      depth: concurrency,
      closed: false,
      execute: (delivery, onOutcome) => beginAttempt(delivery, options, onOutcome),
      executeAll: (pack, goOn) => attemptAll(pack, options, goOn),
      quiet() {},
      resume() {},
    };
  }

  remove(): void {}

  stop(): Promise<void> {
    return Promise.resolve();
  }
}
