import { isUtf8 } from 'node:buffer';

/** What was published: text, or its bytes where they are no valid UTF-8, which decoding would not give back. */
export type Payload = string | Buffer;

export function payloadOf(bytes: Buffer): Payload {
  return isUtf8(bytes) ? bytes.toString('utf8') : bytes;
}
