/** Shares of the time after which work is interrupted, and after which what is left is left to others. */
const INTERRUPT_AT = 0.7;
const ABANDON_AT = 0.9;

/** The deadlines of a stop, counted from when it was asked for. Their timers keep no process alive. */
export class Deadlines {
  /** What is in work has had its time. */
  readonly interrupt: AbortSignal;
  /** What is not with Redis by now stays pending, for others to take. */
  readonly abandon: AbortSignal;
  readonly over: AbortSignal;

  /** @param timeout ms that the whole stop may take */
  constructor(timeout: number) {
    this.interrupt = AbortSignal.timeout(timeout * INTERRUPT_AT);
    this.abandon = AbortSignal.timeout(timeout * ABANDON_AT);
    this.over = AbortSignal.timeout(timeout);
  }
}

/** Resolves when the signal is aborted. */
export function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
