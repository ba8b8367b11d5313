import fc from 'fast-check';
import { expect, it } from 'vitest';
import { packBytes, packTexts } from '../../../src/core/packed.js';
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

it('texts and bytes are an array of MessagePack, packed whole however long they are', () => {
  const one = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 2_000 }),
    fc.integer({ min: 0, max: 3_000 }).map((length) => 'é'.repeat(length)),
    fc.constant('\ud800'),
    fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  );
  fc.assert(
    fc.property(fc.array(one, { maxLength: 10 }), (all) => {
      expect(read(packBytes(all))).toEqual({
        count: all.length,
        texts: all.map((each) => (typeof each === 'string' ? Buffer.from(each) : each).toString('latin1')),
      });
    }),
  );
  expect(packBytes(['a'.repeat(1_500_000)]).map(({ length }) => length)).toEqual([1_000_000, 500_010]);
});
