/** Exit code of a process that was told to end, and did not finish. */
export const INTERRUPTED = 130;

/**
 * Resolves at the first SIGINT or SIGTERM; the second one ends the process at once. Those that come in the same turn of the event
 * loop are one: `timeout` sends its own to the process, and to its group.
 *
 * @param onFirst told of the first one
 */
export function untilSignal(onFirst?: (signal: NodeJS.Signals) => void): Promise<void> {
  return new Promise((resolve) => {
    let told = false;
    let over = false;
    const onSignal = (signal: NodeJS.Signals) => {
      if (over) process.exit(INTERRUPTED);
      if (told) return;
      told = true;
      setImmediate(() => {
        over = true;
      });
      onFirst?.(signal);
      resolve();
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
  });
}
