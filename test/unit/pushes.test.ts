import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PushParser } from '../../src/redis/pushes.js';

const CHANNELS = ['messages:published', 'marks', 'märks'];

const bulk = (bytes: Buffer | string) => {
  const body = Buffer.from(bytes as Buffer);
  return Buffer.concat([Buffer.from(`$${body.length}\r\n`), body, Buffer.from('\r\n')]);
};
const array = (...items: Buffer[]) => Buffer.concat([Buffer.from(`*${items.length}\r\n`), ...items]);
const push = (channel: string, message: Buffer) => array(bulk('message'), bulk(channel), bulk(message));

/** What a parser makes of these chunks, in its order. */
function heard(chunks: readonly Buffer[]): [string, string][] {
  const all: [string, string][] = [];
  const channels = CHANNELS.map(
    (name) =>
      [
        name,
        (bytes: Buffer, start: number, end: number) => all.push([name, bytes.toString('hex', start, end)]),
      ] as const,
  );
  const parser = new PushParser(new Map(channels), (reply) => all.push(['other', reply.toString('hex')]));
  for (const chunk of chunks) parser.feed(chunk);
  return all;
}

const message = fc.oneof(
  { weight: 5, arbitrary: fc.uint8Array({ maxLength: 80 }) },
  { weight: 1, arbitrary: fc.constant(Buffer.from('\r\n*3\r\n$7\r\nmessage\r\n')) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 3_000 }).map((length) => new Uint8Array(length)) },
);
const reply = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.tuple(fc.constantFrom(...CHANNELS), message).map(([channel, bytes]) => ({
      bytes: push(channel, Buffer.from(bytes)),
      heard: [channel, Buffer.from(bytes).toString('hex')] as [string, string],
    })),
  },
  {
    weight: 2,
    arbitrary: fc
      .constantFrom(
        array(bulk('subscribe'), bulk('marks'), Buffer.from(':1\r\n')),
        array(bulk('unsubscribe'), Buffer.from('$-1\r\n'), Buffer.from(':0\r\n')),
        array(bulk('pong'), bulk('')),
        push('elsewhere', Buffer.from('x\r\n')),
        Buffer.from('-ERR no\r\n'),
        Buffer.from('+OK\r\n'),
        Buffer.from('*-1\r\n'),
        array(array(bulk('a'), Buffer.from(':-7\r\n')), array()),
      )
      .map((bytes) => ({ bytes, heard: ['other', bytes.toString('hex')] as [string, string] })),
  },
);

describe('what comes over a subscription', () => {
  it('is told apart, each as it came and in its order, wherever the bytes are cut', () => {
    fc.assert(
      fc.property(
        fc.array(reply, { maxLength: 12 }),
        fc.array(fc.nat(400), { maxLength: 30 }),
        (all, cuts) => {
          const bytes = Buffer.concat(all.map((one) => one.bytes));
          const chunks: Buffer[] = [];
          let at = 0;
          for (const cut of cuts) {
            chunks.push(bytes.subarray(at, at + cut));
            at += cut;
          }
          chunks.push(bytes.subarray(at));
          expect(heard(chunks)).toEqual(all.map((one) => one.heard));
        },
      ),
    );
  });

  it('may come byte by byte', () => {
    const bytes = Buffer.concat([push('marks', Buffer.from('m')), array(bulk('pong'), bulk(''))]);
    expect(heard(Array.from(bytes, (byte) => Buffer.of(byte)))).toHaveLength(2);
  });
});
