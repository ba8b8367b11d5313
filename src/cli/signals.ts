import type { Logger } from '../logger.js';

/** Exit code of a process that was told to end, and did not finish. */
export const INTERRUPTED = 130;

/** Resolves at the first SIGINT or SIGTERM; the second one ends the process at once. */
export function untilSignal(log: Logger): Promise<void> {
  return new Promise((resolve) => {
    let told = false;
    const onSignal = (signal: NodeJS.Signals) => {
      if (told) process.exit(INTERRUPTED);
      told = true;
      log.info({ signal }, `${signal}: finishing what is in work; a second signal ends at once`);
      resolve();
    };
    process.on('SIGINT', onSignal);
    process.on('SIGTERM', onSignal);
  });
}
