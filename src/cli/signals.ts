/** Exit code of a process that was told to end, and did not finish. */
export const INTERRUPTED = 130;

/**
 * Resolves at the first SIGINT or SIGTERM; the second one ends the process at once.
 *
 * @param onFirst told of the first one
 */
export function untilSignal(onFirst?: (signal: NodeJS.Signals) => void): Promise<void> {
  return new Promise((resolve) => {
    let told = false;
    const onSignal = (signal: NodeJS.Signals) => {
      if (told) process.exit(INTERRUPTED);
      told = true;
      onFirst?.(signal);
      resolve();
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
  });
}
