import { setTimeout as sleep } from 'node:timers/promises';
import type { Processor } from './processor.js';

/**
 * The built-in processor: adds the property `random`, from 0 to 1, to the message.
 *
 * @param simulateMs ms to wait for each message, as if there were work to do
 */
export function builtinProcessor(simulateMs: number): Processor {
  if (simulateMs === 0) return (message) => ({ ...message, random: Math.random() });
  return async (message, { signal }) => {
    await sleep(simulateMs, undefined, { signal });
    return { ...message, random: Math.random() };
  };
}
