import { messageOf } from '../core/errors.js';
import { plural } from '../core/words.js';
import type { Logger } from './logger.js';
import { ThrottledLog } from './throttle.js';

/** ms between two lines: a processor may leave an error behind with each message. */
const LINE_EVERY = 1_000;

/**
 * Keeps process or thread running when the processor throws outside of an attempt: in a timer, or in a promise
 * that it does not await. Such an error says nothing about the state of the group. The first is logged at once.
 */
export function surviveStrayErrors(log: Logger): ThrottledLog<unknown> {
  const strays = new ThrottledLog<unknown>({
    interval: LINE_EVERY,
    write: (count, error) => {
      const what =
        count === 1
          ? 'an error outside of any attempt'
          : `${plural(count, 'error')} outside of any attempt, the last one`;
      log.error({ error, count }, `${what}, probably of the processor: ${messageOf(error)}`);
    },
  });
  const onStray = (error: unknown) => strays.add(error);
  process.on('uncaughtException', onStray);
  process.on('unhandledRejection', onStray);
  return strays;
}
