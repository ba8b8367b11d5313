/**
 * The contract of everything that runs: it may be stopped before it started, while it starts, twice, and
 * twice at the same time. When `stop` resolves, it has stopped.
 */
export interface Service {
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Waits so many ms, or until the signal is aborted; never rejects. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
  });
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}

/**
 * Calls `work` again and again, with a pause after each call, until it is stopped. `stop` waits for the call under
 * way. An error goes to `onError`, and the loop goes on: a process that runs for months meets every error once.
 */
export class Loop implements Service {
  readonly #work: () => Promise<void>;
  readonly #every: number;
  readonly #onError: (error: unknown) => void;
  /** Aborted to end the pause between two calls. */
  #pause = new AbortController();
  #stopping = false;
  #running: Promise<void> | undefined;

  /** @param every ms between the end of a call and the start of the next */
  constructor(every: number, work: () => Promise<void>, onError: (error: unknown) => void) {
    this.#work = work;
    this.#every = every;
    this.#onError = onError;
  }

  start(): Promise<void> {
    this.#running ??= this.#run();
    return Promise.resolve();
  }

  /** Begins the next call at once; if one is under way, right after it. */
  hurry(): void {
    this.#pause.abort();
  }

  async stop(): Promise<void> {
    this.#stopping = true;
    this.#pause.abort();
    await this.#running;
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      this.#pause = new AbortController();
      try {
        await this.#work();
      } catch (error) {
        this.#onError(error);
      }
      await pause(this.#every, this.#pause.signal);
    }
  }
}
