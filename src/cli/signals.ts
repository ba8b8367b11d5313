import { performance } from 'node:perf_hooks';

/** Exit code of a process that was told to end, and did not finish. */
export const INTERRUPTED = 130;

/** ms within which two signals are one: `timeout` sends its own to the process, and to its group. */
const SAME = 20;

/**
 * Resolves at the first SIGINT or SIGTERM; the second one, unless it comes with the first, ends the process at once.
 *
 * @param onFirst told of the first one
 */
export function untilSignal(onFirst?: (signal: NodeJS.Signals) => void): Promise<void> {
  return new Promise((resolve) => {
    let first: number | undefined;
    const onSignal = (signal: NodeJS.Signals) => {
      const now = performance.now();
      if (first === undefined) {
        first = now;
        onFirst?.(signal);
        resolve();
      } else if (now - first >= SAME) process.exit(INTERRUPTED);
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
  });
}
