/** Waits until a condition holds that other code brings about. One wait at a time. */
export class Wait {
  #check: (() => void) | undefined;

  /** Waits until something is over, or the signal is aborted. */
  until(over: () => boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const check = () => {
        if (!signal.aborted && !over()) return;
        signal.removeEventListener('abort', check);
        this.#check = undefined;
        resolve();
      };
      signal.addEventListener('abort', check);
      this.#check = check;
      check();
    });
  }

  /** It may be over now. */
  check(): void {
    this.#check?.();
  }
}
