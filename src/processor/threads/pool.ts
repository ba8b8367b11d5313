import { resolve } from 'node:path';
import type { ConsumerExecutor, Executor, ExecutorOptions } from '../executor.js';
import { Thread } from './thread.js';

export interface ThreadPoolOptions extends ExecutorOptions {
  /** Of the processor's module. */
  readonly path: string;
  /** How many threads; no more are made than there are consumers. */
  readonly threads: number;
}

/** Runs the processor in threads of their own, where it can neither delay bridge and heartbeats, nor end the process. */
export class ThreadPool implements Executor {
  readonly #threads: readonly Thread[];
  readonly #lanes = new Map<string, ConsumerExecutor>();

  constructor({ path, threads, consumers, ...options }: ThreadPoolOptions) {
    const count = Math.min(threads, consumers.length);
    this.#threads = Array.from({ length: count }, (_, index) => {
      const own = consumers.filter((_id, i) => i % count === index);
      const thread = new Thread({ ...options, path: resolve(path), consumers: own });
      for (const [slot, id] of own.entries()) this.#lanes.set(id, thread.lane(slot));
      return thread;
    });
  }

  async start(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.start()));
  }

  forConsumer(consumerId: string): ConsumerExecutor {
    const lane = this.#lanes.get(consumerId);
    if (!lane) throw new TypeError(`no lane was made for ${consumerId}`);
    return lane;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.stop()));
  }
}
