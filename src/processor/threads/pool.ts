import { resolve } from 'node:path';
import { CgroupError } from '../../core/errors.js';
import type { ConsumerExecutor, Executor } from '../../core/executor.js';
import { Thread, type ThreadOptions } from './thread.js';

export interface ThreadPoolOptions extends ThreadOptions {
  /** Most threads; there is at most one per consumer. */
  readonly threads: number;
}

/** Runs the processor in threads of its own, where it can neither delay bridge and heartbeats nor end the process. */
export class ThreadPool implements Executor {
  readonly #options: ThreadOptions;
  readonly #most: number;
  readonly #threads = new Set<Thread>();
  readonly #places = new Map<string, { readonly thread: Thread; readonly slot: number }>();
  /** Threads without consumers, which end. */
  readonly #ending = new Set<Promise<void>>();
  #stopped = false;

  constructor({ threads, path, ...options }: ThreadPoolOptions) {
    this.#options = { ...options, path: resolve(path) };
    this.#most = threads;
  }

  async start(consumers: number): Promise<void> {
    const count = Math.min(this.#most, consumers);
    await Promise.all(Array.from({ length: count }, () => this.#makeThread().start()));
  }

  /** It goes to the thread with the fewest consumers. */
  async add(consumerId: string): Promise<ConsumerExecutor> {
    if (this.#stopped) throw new CgroupError('STATE', 'the threads have stopped');
    let [thread] = [...this.#threads].sort((a, b) => a.size - b.size);
    if (!thread || (thread.size > 0 && this.#threads.size < this.#most)) thread = this.#makeThread();
    const slot = thread.add(consumerId);
    this.#places.set(consumerId, { thread, slot });
    try {
      await thread.start();
    } catch (error) {
      this.remove(consumerId);
      throw error;
    }
    return thread.executorFor(slot);
  }

  /** A thread without consumers ends. */
  remove(consumerId: string): void {
    const place = this.#places.get(consumerId);
    if (!place) return;
    const { thread, slot } = place;
    this.#places.delete(consumerId);
    thread.remove(slot);
    if (thread.size > 0) return;
    this.#threads.delete(thread);
    const ending = thread.stop().finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all([...[...this.#threads].map((thread) => thread.stop()), ...this.#ending]);
  }

  #makeThread(): Thread {
    const thread = new Thread(this.#options);
    this.#threads.add(thread);
    return thread;
  }
}
