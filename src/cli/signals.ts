/** Exit code of a process that a signal ended before it was done. */
export const INTERRUPTED_CODE = 130;
const ENDING = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Resolves at the first SIGINT, SIGTERM or SIGHUP; a second one ends the process at once. Signals in the same turn of
 * the event loop count as one: `timeout` sends its signal to the process and to its process group. A SIGHUP is never
 * the second: shell and kernel both send one when a terminal closes.
 *
 * @param onFirst called at the first signal, before the promise resolves
 */
export function untilSignal(onFirst?: (signal: NodeJS.Signals) => void): Promise<void> {
  return new Promise((resolve) => {
    let received = false;
    let turnOver = false;
    const onSignal = (signal: NodeJS.Signals) => {
      if (turnOver && signal !== 'SIGHUP') process.exit(INTERRUPTED_CODE);
      if (received) return;
      received = true;
      setImmediate(() => {
        turnOver = true;
      });
      onFirst?.(signal);
      resolve();
    };
    for (const signal of ENDING) process.on(signal, onSignal);
  });
}
