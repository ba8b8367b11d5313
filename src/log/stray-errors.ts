import { messageOf } from '../core/errors.js';
import { Digest } from './digest.js';
import type { Logger } from './logger.js';

/** ms for which they are told together: a processor may leave one behind with each message. */
const TELL_EVERY = 1_000;

/**
 * A processor can throw where nobody waits for it: in a timer, in a promise that it forgot. That says nothing about
 * the state of the group, so process or thread go on, and say so. The first is told at once.
 */
export function surviveStrayErrors(log: Logger): Digest<unknown> {
  let quietUntil = 0;
  const tell = (count: number, error: unknown) => {
    const what =
      count === 1
        ? 'an error outside of any attempt'
        : `${count} errors outside of any attempt, the last one`;
    log.error({ error, count }, `${what}, probably of the processor: ${messageOf(error)}`);
  };
  const digest = new Digest<unknown>(TELL_EVERY, tell);
  const onStray = (error: unknown) => {
    digest.add(error);
    if (Date.now() < quietUntil) return;
    quietUntil = Date.now() + TELL_EVERY;
    digest.flush();
  };
  process.on('uncaughtException', onStray);
  process.on('unhandledRejection', onStray);
  return digest;
}
