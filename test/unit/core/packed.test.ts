import fc from 'fast-check';
import { expect, it } from 'vitest';
import { packInPieces, packTexts, packValue } from '../../../src/core/packed.js';
import { packed, textsOf } from '../../helpers/packed.js';

/** What a script gets, joined as it joins it: the count in the head, and the texts. */
function read(args: readonly Buffer[]): { count: number; texts: string[] } {
  const bytes = Buffer.concat(args);
  expect(bytes[0]).toBe(0xdd);
  const texts: string[] = [];
  for (let at = 5; at < bytes.length; ) {
    expect(bytes[at]).toBe(0xdb);
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    texts.push(bytes.toString('latin1', at + 5, end));
    at = end;
  }
  return { count: bytes.readUInt32BE(1), texts };
}

const messages = fc.array(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  { maxLength: 60 },
);

it('messages are an array of MessagePack', () => {
  fc.assert(
    fc.property(messages, (all) => {
      const sent = packed(all);
      expect(sent.length).toBe(all.length);
      expect(textsOf(sent)).toEqual(textsOf(all));
      expect(read(sent.args)).toEqual({ count: all.length, texts: textsOf(all) });
    }),
  );
});

it('messages are one argument, which Lua need not join, unless it is too long', () => {
  expect(packed([Buffer.alloc(400_000), Buffer.alloc(400_000)]).args).toHaveLength(1);
  const long = [Buffer.alloc(600_000, 'a'), Buffer.alloc(1_600_000, 'b')];
  const { args } = packed(long);
  expect(args.map(({ length }) => length)).toEqual([1_000_000, 1_000_000, 200_015]);
  expect(read(args)).toEqual({ count: 2, texts: textsOf(long) });
});

it('any texts are an array of MessagePack in UTF-8', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.string({ maxLength: 10 }),
    fc.constant('\ud800'),
  );
  fc.assert(
    fc.property(fc.array(text, { maxLength: 30 }), (all) => {
      expect(read(packTexts(all))).toEqual({
        count: all.length,
        texts: textsOf(all.map((one) => Buffer.from(one))),
      });
    }),
  );
});

/** Reads one value, as cmsgpack does in a script: bytes are latin1 texts. */
function unpack(bytes: Buffer): unknown {
  let at = 0;
  const next = (): unknown => {
    const kind = bytes[at];
    if (kind === 0xc2 || kind === 0xc3) {
      at++;
      return kind === 0xc3;
    }
    const size = bytes.readUInt32BE(at + 1);
    at += 5;
    if (kind === 0xdd) return Array.from({ length: size }, next);
    if (kind === 0xdf) return Object.fromEntries(Array.from({ length: size }, () => [next(), next()]));
    expect(kind).toBe(0xdb);
    at += size;
    return bytes.toString('latin1', at - size, at);
  };
  const value = next();
  expect(at).toBe(bytes.length);
  return value;
}

it('options are a map: numbers are texts, and what is undefined is left out', () => {
  const gap = { reason: 'é', since: undefined, dropped: 0 };
  const options = {
    token: 1795251095809,
    gap,
    deaf: false,
    led: true,
    ids: ['1-1', Buffer.from([0xff])],
    none: [],
  };
  expect(unpack(packValue({ ...options, nothing: {} }))).toEqual({
    token: '1795251095809',
    gap: { reason: '\xc3\xa9', dropped: '0' },
    deaf: false,
    led: true,
    ids: ['1-1', '\xff'],
    none: [],
    nothing: {},
  });
});

it('a value is packed whole, however long its texts are', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 2_000 }),
    fc.integer({ min: 0, max: 3_000 }).map((length) => 'é'.repeat(length)),
  );
  fc.assert(
    fc.property(fc.array(fc.dictionary(fc.stringMatching(/^[a-z]{1,5}$/), text), { maxLength: 5 }), (all) => {
      const expected = all.map((one) =>
        Object.fromEntries(
          Object.entries(one).map(([name, value]) => [name, Buffer.from(value).toString('latin1')]),
        ),
      );
      expect(unpack(Buffer.concat(packInPieces(all)))).toEqual(expected);
    }),
  );
});
