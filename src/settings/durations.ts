/**
 * Durations as people write them: `250ms`, `1.5s`, `2m`, `1h`.
 * The digits are limited: so the milliseconds are exact.
 */
export const DURATION = /^\d{1,9}(\.\d{1,9})?(ms|s|m|h)$/;

const UNITS = [
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
  ['ms', 1],
] as const;

/** The whole milliseconds of `text`, which must match {@link DURATION}. */
export function parseDuration(text: string): number {
  const unit = text.replace(/^[\d.]+/, '');
  const size = UNITS.find(([name]) => name === unit)?.[1] ?? Number.NaN;
  // Redis takes whole milliseconds only.
  return Math.round(Number.parseFloat(text) * size);
}

/** Writes milliseconds the way they are read: `3000` is `3s`, `1500` is `1500ms`. Nothing is rounded. */
export function formatDuration(milliseconds: number): string {
  const unit = UNITS.find(([, size]) => milliseconds >= size && milliseconds % size === 0);
  return unit ? `${milliseconds / unit[1]}${unit[0]}` : `${milliseconds}ms`;
}
