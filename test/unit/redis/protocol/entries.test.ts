import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { payloadOf } from '../../../../src/core/message.js';
import { EntryParser } from '../../../../src/redis/protocol/entries.js';
import { array, bulk, cut, cuts, line, payload } from '../../../helpers/resp.js';

const STREAM = 'cgroup:{märchen}:inbox';

interface Given {
  readonly id: string;
  readonly fields: readonly Buffer[];
}

const entry = fc.record({
  id: fc.tuple(fc.nat(), fc.nat(9_999)).map(([ms, seq]) => `${ms}-${seq}`),
  fields: fc.oneof(
    { weight: 9, arbitrary: payload.map((message) => [Buffer.from('message'), message]) },
    // Written by another client.
    { weight: 1, arbitrary: fc.array(payload, { minLength: 2, maxLength: 6 }) },
  ),
});

/** The message, or what stands for it in an entry that another client wrote. */
function messageIn(fields: readonly Buffer[]): unknown {
  if (String(fields[0]) === 'message') return payloadOf(fields[1] as Buffer);
  return payloadOf(
    Buffer.concat([Buffer.from('foreign entry:'), ...fields.flatMap((text) => [Buffer.from(' '), text])]),
  );
}

const entriesReply = (entries: readonly Given[]) =>
  array(
    array(
      bulk(STREAM),
      array(...entries.map(({ id, fields }) => array(bulk(id), array(...fields.map(bulk))))),
    ),
  );

const reply = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.array(entry, { minLength: 1, maxLength: 40 }).map((entries) => ({
      bytes: entriesReply(entries),
      heard: entries.map(({ id, fields }) => ({
        id,
        message: messageIn(fields),
        attempts: 0,
      })) as unknown,
    })),
  },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom(
        line('*-1'),
        line('+PONG'),
        line(':7'),
        line('-NOGROUP no such group'),
        bulk('x'),
        array(),
      )
      .map((bytes) => ({ bytes, heard: bytes.toString() as unknown })),
  },
);

/** What a parser gives for these chunks, in order: entries, or the bytes that it hands on. */
function heard(chunks: readonly Buffer[]): unknown[] {
  const all: unknown[] = [];
  let counted = false;
  const parser: EntryParser = new EntryParser((other) => {
    const entries = parser.take();
    counted = entries.length > 0;
    if (counted) expect(other.toString()).toBe(`:${entries.length}\r\n`);
    all.push(counted ? entries : other.toString());
  });
  for (const chunk of chunks) parser.feed(chunk);
  return all;
}

describe('what comes over the connection of a consumer', () => {
  it('is split into entries and other replies, wherever the bytes are cut', () => {
    fc.assert(
      fc.property(fc.array(reply, { maxLength: 6 }), cuts, (all, lengths) => {
        const bytes = Buffer.concat(all.map((one) => one.bytes));
        expect(heard(cut(bytes, lengths))).toEqual(all.map((one) => one.heard));
      }),
    );
  });

  it('may come byte by byte', () => {
    const entries = [{ id: '1-1', fields: [Buffer.from('message'), Buffer.from('{"größe":1}')] }];
    const chunks = Array.from(entriesReply(entries), (byte) => Buffer.of(byte));
    expect(heard(chunks)).toEqual([[{ id: '1-1', message: '{"größe":1}', attempts: 0 }]]);
  });

  it('does not parse a long message again before all of it has come', () => {
    const message = Buffer.alloc(2_000_000, 'x');
    const bytes = entriesReply([{ id: '1-1', fields: [Buffer.from('message'), message] }]);
    const chunks = cut(bytes, Array(Math.floor(bytes.length / 100)).fill(100));
    expect(heard(chunks)).toEqual([[{ id: '1-1', message: message.toString(), attempts: 0 }]]);
  });
});
