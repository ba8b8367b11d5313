import ms, { type StringValue } from 'ms';

/**
 * Durations as people write them: `250ms`, `1.5s`, `2m`, `1h`.
 * The digits are limited, because a number too long for `ms` would make it throw.
 */
export const DURATION = /^\d{1,9}(\.\d{1,9})?(ms|s|m|h)$/;

const UNITS = [
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

/** The whole milliseconds of `text`, which must match {@link DURATION}. */
export function parseDuration(text: string): number {
  // Redis takes whole milliseconds only.
  return Math.round(ms(text as StringValue));
}

/**
 * Writes milliseconds the way they are read: `3000` is `3s`, `1500` is `1500ms`. Exact, unlike
 * `ms()`, which would call both 1500 and 2000 milliseconds `2s`.
 */
export function formatDuration(milliseconds: number): string {
  const unit = UNITS.find(([, size]) => milliseconds >= size && milliseconds % size === 0);
  return unit ? `${milliseconds / unit[1]}${unit[0]}` : `${milliseconds}ms`;
}
