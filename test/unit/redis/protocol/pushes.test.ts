import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pushSplitter } from '../../../../src/redis/protocol/pushes.js';
import { array, bulk, cut, cuts, payload } from '../../../helpers/resp.js';

const CHANNELS = ['messages:published', 'marks', 'märks'];

const push = (channel: string, message: Buffer) => array(bulk('message'), bulk(channel), bulk(message));

/** What a parser gives for these chunks, in order. */
function heard(chunks: readonly Buffer[]): [string, string][] {
  const all: [string, string][] = [];
  const channels = CHANNELS.map(
    (name) =>
      [
        name,
        (bytes: Buffer, start: number, end: number) => all.push([name, bytes.toString('hex', start, end)]),
      ] as const,
  );
  const parser = pushSplitter(new Map(channels), (reply) => all.push(['other', reply.toString('hex')]));
  for (const chunk of chunks) parser.feed(chunk);
  return all;
}

const reply = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.tuple(fc.constantFrom(...CHANNELS), payload).map(([channel, bytes]) => ({
      bytes: push(channel, bytes),
      heard: [channel, bytes.toString('hex')] as [string, string],
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
  it('is split into messages and other replies, in order, wherever the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(reply, { maxLength: 12 }), cuts, (all, lengths) => {
        const bytes = Buffer.concat(all.map((one) => one.bytes));
        expect(heard(cut(bytes, lengths))).toEqual(all.map((one) => one.heard));
      }),
    );
  });

  it('may come byte by byte', () => {
    const bytes = Buffer.concat([push('marks', Buffer.from('m')), array(bulk('pong'), bulk(''))]);
    expect(heard(Array.from(bytes, (byte) => Buffer.of(byte)))).toHaveLength(2);
  });
});
