/** Sizes as in Redis's own configuration: `64mb`, `1.5gb`. */
export const SIZE = /^\d{1,6}(\.\d{1,3})?(b|kb|mb|gb)$/;

const BYTES: Readonly<Record<string, number>> = { b: 1, kb: 1_024, mb: 1_024 ** 2, gb: 1_024 ** 3 };

/** The bytes of `text`, which must match {@link SIZE}. */
export function parseSize(text: string): number {
  const unit = text.replace(/^[\d.]+/, '');
  return Math.round(Number.parseFloat(text) * (BYTES[unit] ?? Number.NaN));
}
