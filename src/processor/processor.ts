import type { Message } from '../core/message.js';
import type { Context } from './context.js';

/**
 * The user's function: gets a message, returns the result. The result is written to the output as JSON; it may
 * be any JSON value, or a promise of one. A thrown error is a failed attempt.
 *
 * Effects outside of Redis may happen more than once (a process can die after the effect and before the
 * commit): make them idempotent, by `context.inboxId` for instance.
 *
 * As the default export of a module it runs in threads, and each thread imports the module for itself. As a function
 * given to a group it runs on the group's thread, which it must not block for long.
 *
 * @typeParam Input what the messages look like: not checked, beyond their `message_id`
 */
export type Processor<Input extends Message = Message, Result = unknown> = (
  message: Input,
  context: Context,
) => Result | Promise<Result>;

/** Larger results (bytes of JSON) are refused: Redis takes no value above 512 MB, and a large one would delay all others. */
const LARGEST_RESULT = 64 * 1024 * 1024;

/**
 * The JSON of a result.
 *
 * @throws {TypeError} if it has none, or is too large
 */
export function encodeResult(result: unknown): string {
  const json = JSON.stringify(result) as string | undefined;
  if (json === undefined)
    throw new TypeError(
      `the processor returned ${result === undefined ? 'undefined' : `a ${typeof result}`}, which has no JSON: return the result, or null`,
    );
  // A character is at most three bytes: only long texts must be measured.
  if (json.length > LARGEST_RESULT / 3 && Buffer.byteLength(json) > LARGEST_RESULT)
    throw new TypeError(`the result is larger than ${LARGEST_RESULT / 2 ** 20} MB of JSON`);
  return json;
}

/**
 * The built-in processor: adds the property `random`, from 0 to 1, to the message.
 *
 * @param simulateMs ms to wait for each message, as if there were work to do
 */
export function builtinProcessor(simulateMs: number): Processor {
  // Each attempt parses its message anew: so it may be changed, and a copy would cost more than everything else.
  if (simulateMs === 0) return (message) => Object.assign(message, { random: Math.random() });
  // The timer cannot be cancelled (a signal per message would cost more than everything else), but keeps no process alive.
  return (message) =>
    new Promise((resolve) => {
      setTimeout(() => resolve(Object.assign(message, { random: Math.random() })), simulateMs).unref();
    });
}
