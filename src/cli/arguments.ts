import { InvalidArgumentError } from 'commander';
import { DURATION, parseDuration } from '../settings/durations.js';

/** A parser of flags that take a whole number. */
export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  const range = most === Number.MAX_SAFE_INTEGER ? `${least} or more` : `from ${least} to ${most}`;
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`It must be a whole number, ${range}.`);
  };
}

/** Parses the value of a flag that takes a duration. Returns ms. */
export function durationArgument(text: string): number {
  if (!DURATION.test(text)) throw new InvalidArgumentError('It must be a duration such as 250ms, 3s or 2m.');
  const value = parseDuration(text);
  if (value > 0) return value;
  throw new InvalidArgumentError('It must be above 0, at least 1ms.');
}
