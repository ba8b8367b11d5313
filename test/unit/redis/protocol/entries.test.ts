import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { payloadOf } from '../../../../src/core/message.js';
import { EntryParser } from '../../../../src/redis/protocol/entries.js';
import { array, bulk, cut, cuts, line, payload } from '../../../helpers/resp.js';

const STREAM = 'cgroup:{märchen}:inbox';
const PACKS = 'cgroup:{märchen}:packs';

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

const streamReply = (name: string, entries: readonly Given[]) =>
  array(bulk(name), array(...entries.map(({ id, fields }) => array(bulk(id), array(...fields.map(bulk))))));

const entriesReply = (entries: readonly Given[]) => array(streamReply(STREAM, entries));

/** A pack of these messages. */
const packOf = (ms: number, messages: readonly Buffer[]): Given => {
  const texts = messages.map((text) => {
    const head = Buffer.from([0xdb, 0, 0, 0, 0]);
    head.writeUInt32BE(text.length, 1);
    return Buffer.concat([head, text]);
  });
  return { id: `${ms}-${1_000_000 + messages.length}`, fields: [Buffer.from('pack'), Buffer.concat(texts)] };
};

/** Packs, some of them foreign, and entries of the inbox, in one reply or two. */
const packsReply = fc
  .record({
    packs: fc.array(fc.array(payload, { minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 5 }),
    broken: fc.array(fc.constantFrom('count', 'cut', 'field', 'more', 'length'), { maxLength: 5 }),
    entries: fc.array(entry, { maxLength: 5 }),
  })
  .map(({ packs, broken, entries }) => {
    const given = packs.map((messages, i) => {
      const { id, fields } = packOf(i + 1, messages);
      const [name, blob] = fields as [Buffer, Buffer];
      if (broken[i] === 'count') return { id: `${i + 1}-${1_000_001 + messages.length}`, fields };
      if (broken[i] === 'cut') return { id, fields: [name, blob.subarray(0, -1)] };
      if (broken[i] === 'field') return { id, fields: [Buffer.from('Pack'), blob] };
      if (broken[i] === 'more') return { id, fields: [name, blob, name, blob] };
      if (broken[i] === 'length')
        return { id, fields: [name, Buffer.concat([blob, Buffer.from([0xdb, 0xff])])] };
      return { id, fields };
    });
    const streams = [
      streamReply(PACKS, given),
      ...(entries.length > 0 ? [streamReply(STREAM, entries)] : []),
    ];
    return {
      bytes: array(...streams),
      heard: {
        packs: given.flatMap(({ id }, i) =>
          broken[i] ? [] : [{ id, messages: (packs[i] ?? []).map(payloadOf) }],
        ),
        foreign: given.filter((_, i) => broken[i]).length,
        entries: entries.map(({ id, fields }) => ({ id, message: messageIn(fields), attempts: 0 })),
      } as unknown,
    };
  });

const reply = fc.oneof(
  { weight: 2, arbitrary: packsReply },
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
  const parser: EntryParser = new EntryParser(PACKS, (other) => {
    const { entries, packs, foreign } = parser.take();
    counted = entries.length + packs.length + foreign > 0;
    if (counted) expect(other.toString()).toBe(':1\r\n');
    if (packs.length + foreign > 0) all.push({ packs, foreign, entries });
    else all.push(counted ? entries : other.toString());
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

  it('says what an entry that came out of a pack says of itself, and passes over what it cannot say', () => {
    const outcome = { kind: 'failed', reason: 'timeout', error: 'é', retryAfter: 5 };
    const read = (marks: Record<string, string>) => {
      const fields = Object.entries({ message: '{}', ...marks })
        .flat()
        .map((text) => Buffer.from(text));
      return (heard([entriesReply([{ id: '1-1', fields }])])[0] as object[])[0];
    };
    const entry = { id: '1-1', message: '{}', attempts: 0 };
    expect(read({ id: '7-1000003', attempts: '2', outcome: JSON.stringify(outcome) })).toEqual({
      ...entry,
      identity: '7-1000003',
      attempts: 2,
      outcome,
    });
    for (const [foreign, text] of [
      ...['', '0-0', '1-', 'x', '99999999999999999999-1'].map((text) => ['id', text]),
      ...['', '-1', '1.5', '1e3', '1234567', '99999999999999999999'].map((text) => ['attempts', text]),
      ...['', '{', 'null', '[]', '{"kind":"failed"}', '{"kind":"processed","data":"{}"}'].map((text) => [
        'outcome',
        text,
      ]),
      ['outcome', '{"kind":"failed","reason":"other","error":"x"}'],
      ['outcome', '{"kind":"invalid","reason":"failed","error":"x"}'],
      ['other', 'x'],
    ] as const)
      expect(read({ [foreign as string]: text as string })).toEqual(entry);
    expect(
      read({ outcome: '{"kind":"failed","reason":"failed","error":"x","retryAfter":-1,"more":1}' }),
    ).toEqual({ ...entry, outcome: { kind: 'failed', reason: 'failed', error: 'x' } });
  });

  it('does not parse a long message again before all of it has come', () => {
    const message = Buffer.alloc(2_000_000, 'x');
    const bytes = entriesReply([{ id: '1-1', fields: [Buffer.from('message'), message] }]);
    const chunks = cut(bytes, Array(Math.floor(bytes.length / 100)).fill(100));
    expect(heard(chunks)).toEqual([[{ id: '1-1', message: message.toString(), attempts: 0 }]]);
  });
});
