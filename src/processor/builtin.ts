import type { Processor } from './processor.js';

/**
 * The built-in processor: adds the property `random`, from 0 to 1, to the message.
 *
 * @param simulateMs ms to wait for each message, as if there were work to do
 */
export function builtinProcessor(simulateMs: number): Processor {
  // A message is parsed for each attempt anew: it may be changed, and a copy costs more than all the rest.
  if (simulateMs === 0) return (message) => Object.assign(message, { random: Math.random() });
  // A timer that nobody can end, but that keeps no process alive either: a signal for each would cost more than the rest.
  return (message) =>
    new Promise((resolve) => {
      setTimeout(() => resolve(Object.assign(message, { random: Math.random() })), simulateMs).unref();
    });
}
