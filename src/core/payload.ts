import { isUtf8 } from 'node:buffer';

/** What was published: text, or bytes if they are not valid UTF-8, because decoding would change them. */
export type Payload = string | Buffer;

export function payloadOf(bytes: Buffer): Payload {
  return isUtf8(bytes) ? bytes.toString('utf8') : bytes;
}
