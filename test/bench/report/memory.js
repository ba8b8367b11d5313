import { groupBy, median } from './statistics.js';

const MINUTE_MS = 60_000;
/** A minute is incomplete if its readings span less than this share of it. */
const WHOLE = 0.9;

/**
 * The median of the resident memory in each whole minute.
 *
 * @param {{ at: number, rss: number }[]} readings `at` in ms
 * @returns {number[]} bytes
 */
export function byMinute(readings) {
  const minutes = [...groupBy(readings, ({ at }) => Math.floor(at / MINUTE_MS)).values()];
  return minutes
    .filter((minute) => minute.at(-1).at - minute[0].at >= WHOLE * MINUTE_MS)
    .map((minute) => median(minute.map(({ rss }) => rss)));
}
