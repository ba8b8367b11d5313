import type { Message } from '../core/message.js';
import type { Context } from './context.js';

/**
 * The user's function: a message in, the result out. The result is written to the output as JSON; it may
 * be any JSON value, and it may be a promise of one. A thrown error is a failed attempt.
 *
 * Effects outside of Redis may happen more than once (a process can die after the effect and before the
 * commit): make them idempotent, by `context.inboxId` for instance.
 *
 * As the default export of a module it runs in threads, each of which imports the module for itself. As a function
 * given to a group it runs on the group's thread, which it must not keep busy for long.
 *
 * @typeParam Input what the messages look like: not checked, beyond their `message_id`
 */
export type Processor<Input extends Message = Message, Result = unknown> = (
  message: Input,
  context: Context,
) => Result | Promise<Result>;

/** Results larger than this (bytes of JSON) are refused: Redis takes no value above 512 MB, and one would block all others. */
const LARGEST_RESULT = 64 * 1024 * 1024;

/**
 * The JSON of a result.
 *
 * @throws {TypeError} where it has none, or is too large
 */
export function encodeResult(result: unknown): string {
  const json = JSON.stringify(result) as string | undefined;
  if (json === undefined)
    throw new TypeError(
      `the processor returned ${result === undefined ? 'undefined' : `a ${typeof result}`}, which has no JSON: return the result, or null`,
    );
  // A character is at most three bytes: only long texts have to be measured.
  if (json.length > LARGEST_RESULT / 3 && Buffer.byteLength(json) > LARGEST_RESULT)
    throw new TypeError(`the result is larger than ${LARGEST_RESULT / 2 ** 20} MB of JSON`);
  return json;
}
