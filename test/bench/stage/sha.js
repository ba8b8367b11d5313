import { createHash } from 'node:crypto';

/** The name of a script in Redis: the SHA-1 of its text. */
export function shaOf(text) {
  return createHash('sha1').update(text).digest('hex');
}
