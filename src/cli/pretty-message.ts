import { isLosslessNumber, parse, stringify } from 'lossless-json';

/** Levels of a message that is shown in lines. Each is indented: ten thousand would be megabytes of blanks. */
const MOST_LEVELS = 100;
/** Characters of one that is shown in lines. */
const LONGEST = 64_000;

/**
 * A message as it is shown to people: JSON in lines, with its numbers as they were written.
 *
 * @returns the text itself if it is no JSON, has a name twice, or is very long or nested too deeply
 */
export function prettyMessage(message: string): string {
  if (message.length > LONGEST) return message;
  try {
    const value = parse(message);
    return hasMoreLevels(value, MOST_LEVELS) ? message : (stringify(value, null, 2) ?? message);
  } catch {
    return message;
  }
}

function hasMoreLevels(value: unknown, most: number): boolean {
  if (typeof value !== 'object' || value === null || isLosslessNumber(value)) return false;
  return most === 0 || Object.values(value).some((one) => hasMoreLevels(one, most - 1));
}
