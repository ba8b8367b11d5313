import fc from 'fast-check';

/** Replies in the protocol of Redis, for tests of parsers. */

export const bulk = (bytes: Buffer | string) => {
  const body = Buffer.from(bytes as Buffer);
  return Buffer.concat([Buffer.from(`$${body.length}\r\n`), body, Buffer.from('\r\n')]);
};

export const array = (...items: Buffer[]) => Buffer.concat([Buffer.from(`*${items.length}\r\n`), ...items]);

export const line = (text: string) => Buffer.from(`${text}\r\n`);

/** Payloads of messages: bytes, texts, and text that looks like the protocol. */
export const payload = fc.oneof(
  { weight: 4, arbitrary: fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes)) },
  { weight: 4, arbitrary: fc.string({ unit: 'binary', maxLength: 80 }).map((text) => Buffer.from(text)) },
  { weight: 4, arbitrary: fc.string({ maxLength: 80 }).map((text) => Buffer.from(text)) },
  { weight: 1, arbitrary: fc.constant(Buffer.from('\r\n*3\r\n$7\r\nmessage\r\n')) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 3_000 }).map((length) => Buffer.alloc(length, 'x')) },
);

/** Lengths of the chunks that a socket gives. */
export const cuts = fc.array(fc.nat(400), { maxLength: 30 });

/** Cuts the bytes into chunks of these lengths, and the rest. */
export function cut(bytes: Buffer, lengths: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  let at = 0;
  for (const length of lengths) {
    chunks.push(bytes.subarray(at, at + length));
    at += length;
  }
  chunks.push(bytes.subarray(at));
  return chunks;
}
