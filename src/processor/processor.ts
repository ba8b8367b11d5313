import { CgroupError } from '../core/errors.js';
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

/**
 * Refuses functions that look like a processor and cannot be one.
 *
 * @param source what the function comes from, for the error
 * @throws {CgroupError} PROCESSOR
 */
export function checkedProcessor(own: Processor, source: string): Processor {
  const refuse = (why: string) => new CgroupError('PROCESSOR', `${source} is ${why}`);
  if (/Generator/.test(Object.prototype.toString.call(own)))
    throw refuse(
      'a generator (function*), whose steps would never run: take a function that returns its result',
    );
  if (/^class\b/.test(Function.prototype.toString.call(own)))
    throw refuse('a class: take a function, such as (message, context) => handler.handle(message, context)');
  return own;
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
