import bytes from 'bytes';

/** Sizes as in Redis's own configuration: `64mb`, `1.5gb`. */
export const SIZE = /^\d{1,6}(\.\d{1,3})?(b|kb|mb|gb)$/;

/** The bytes of `text`, which must match {@link SIZE}. */
export function parseSize(text: string): number {
  return Math.round(bytes.parse(text) ?? Number.NaN);
}
