import { createHmac, timingSafeEqual } from 'node:crypto';

/** The number of a mark, and its proof: an HMAC-SHA1 of the number (https://www.rfc-editor.org/rfc/rfc2104). */
const MARK = /^([1-9]\d{0,15}) ([0-9a-f]{40})$/;

/**
 * The number of a mark as `mark.lua` publishes it. Undefined for any other text: anyone may publish on that channel, but only
 * clients that may read the group's keys have the secret.
 *
 * @param highest no mark has a higher number yet
 */
export function markNumber(text: string, secret: string, highest: number): number | undefined {
  const [, digits = '', proof = ''] = MARK.exec(text) ?? [];
  if (digits === '') return undefined;
  const expected = createHmac('sha1', secret).update(digits).digest();
  if (!timingSafeEqual(expected, Buffer.from(proof, 'hex'))) return undefined;
  const number = Number(digits);
  return Number.isSafeInteger(number) && number <= highest ? number : undefined;
}
