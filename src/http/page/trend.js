/** What becomes of a number, from the points of the charts. No document is touched here. */

/** ms: what is now, and what it is compared with. */
const NOW = 5_000;
const BEFORE = 60_000;
/** Values that the minute before must have to be one. */
const LEAST = 20;
/** A part by which a number may differ and still be steady. */
const STEADY = 0.05;

/**
 * Compares the last 5 s of a number with the minute before.
 *
 * @param {readonly { time: number }[]} points the oldest first
 * @param {(point) => number | null} value
 * @returns undefined if there are no such points; else the direction, and by how much in words
 */
export function trendOf(points, value) {
  const end = points.at(-1)?.time;
  const now = meanOf(points, value, end - NOW, end, 1);
  const before = meanOf(points, value, end - NOW - BEFORE, end - NOW, LEAST);
  if (now === undefined || before === undefined) return undefined;
  if (Math.abs(now - before) <= STEADY * before) return { direction: 'steady', text: 'steady' };
  const direction = now > before ? 'up' : 'down';
  if (before === 0) return { direction, text: 'from 0' };
  const times = now / before;
  const text = times >= 3 ? `× ${Math.round(times)}` : `${Math.round(Math.abs(times - 1) * 100)} %`;
  return { direction, text };
}

/** The mean of those after `from`; undefined if they are fewer than `least`. */
function meanOf(points, value, from, to, least) {
  const values = points
    .filter(({ time }) => time > from && time <= to)
    .map(value)
    .filter((one) => one !== null);
  return values.length < least ? undefined : values.reduce((sum, one) => sum + one, 0) / values.length;
}
