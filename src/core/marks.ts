import { createHmac, timingSafeEqual } from 'node:crypto';

/**
 * The number of a mark; its proof, an HMAC-SHA1 of all the rest (https://www.rfc-editor.org/rfc/rfc2104); and the run id of the
 * server on which it was published, unless the Redis is plain.
 */
const MARK = /^([1-9]\d{0,15}) ([0-9a-f]{40})(?: (\w{1,64}))?$/;

/** A genuine mark. */
export interface Mark {
  readonly number: number;
  /** Undefined if a bridge published it that knows of one server only. */
  readonly server: string | undefined;
}

/**
 * Reads a mark as it is published, by `mark.lua` or {@link markText}. Undefined for any other text: anyone may publish on that channel, but only clients that
 * may read the group's keys have the secret.
 *
 * @param highest no mark has a higher number yet
 */
export function readMark(text: string, secret: string, highest: number): Mark | undefined {
  const [, digits = '', proof = '', server] = MARK.exec(text) ?? [];
  if (digits === '') return undefined;
  if (!timingSafeEqual(proofOf(digits, secret, server), Buffer.from(proof, 'hex'))) return undefined;
  const number = Number(digits);
  return Number.isSafeInteger(number) && number <= highest ? { number, server } : undefined;
}

/** A mark as it is published. */
export function markText(number: number, secret: string, server: string | undefined): string {
  const proof = proofOf(String(number), secret, server).toString('hex');
  return server === undefined ? `${number} ${proof}` : `${number} ${proof} ${server}`;
}

function proofOf(number: string, secret: string, server: string | undefined): Buffer {
  const text = server === undefined ? number : `${number} ${server}`;
  return createHmac('sha1', secret).update(text).digest();
}
