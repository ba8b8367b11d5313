import { resolve } from 'node:path';
import type { ConsumerExecutor, Executor } from '../../core/executor.js';
import { Thread, type ThreadOptions } from './thread.js';

export interface ThreadPoolOptions extends ThreadOptions {
  /** How many threads; at most one per consumer is made. */
  readonly threads: number;
}

/** Runs the processor in threads of its own, where it can neither delay bridge and heartbeats nor end the process. */
export class ThreadPool implements Executor {
  readonly #threads: readonly Thread[];
  readonly #executors = new Map<string, ConsumerExecutor>();

  constructor({ path, threads, consumers, ...options }: ThreadPoolOptions) {
    const count = Math.min(threads, consumers.length);
    this.#threads = Array.from({ length: count }, (_, index) => {
      const own = consumers.filter((_id, i) => i % count === index);
      const thread = new Thread({ ...options, path: resolve(path), consumers: own });
      for (const [slot, id] of own.entries()) this.#executors.set(id, thread.executorFor(slot));
      return thread;
    });
  }

  async start(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.start()));
  }

  forConsumer(consumerId: string): ConsumerExecutor {
    const executor = this.#executors.get(consumerId);
    if (!executor) throw new TypeError(`no executor was made for ${consumerId}`);
    return executor;
  }

  async stop(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.stop()));
  }
}
