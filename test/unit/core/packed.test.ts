import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type ListArguments, packBytes, packTexts } from '../../../src/core/packed.js';
import { packed, textsOf } from '../../helpers/packed.js';

/** A list, read as a script reads it: the count in the head, and the texts. */
function read({ large = [], args }: ListArguments): { count: number; texts: string[] } {
  const left = [...args];
  const apart = new Map<number, string>();
  for (let i = large.length - 2; i >= 0; i -= 2) {
    const pieces = left.splice(-(large[i + 1] as number));
    apart.set((large[i] as number) - 1, Buffer.concat(pieces).toString('latin1'));
  }
  const bytes = Buffer.concat(left);
  expect(bytes[0]).toBe(0xdd);
  const texts: string[] = [];
  for (let at = 5; at < bytes.length; ) {
    expect(bytes[at]).toBe(0xdb);
    const end = at + 5 + bytes.readUInt32BE(at + 1);
    texts.push(bytes.toString('latin1', at + 5, end));
    at = end;
  }
  for (const [index, text] of apart) {
    expect(texts[index]).toBe('');
    texts[index] = text;
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
      expect(read(sent.list)).toEqual({ count: all.length, texts: textsOf(all) });
    }),
  );
});

/** How long the arguments of a list are. */
function lengthsOf({ args }: ListArguments): number[] {
  return args.map(({ length }) => length);
}

it('small messages are one argument, which Lua need not join, unless it is too long', () => {
  const small = Array.from({ length: 20 }, (_, i) => Buffer.alloc(60_000, String.fromCharCode(97 + i)));
  expect(lengthsOf(packed(small.slice(0, 16)).list)).toEqual([960_085]);
  const { list } = packed(small);
  expect(list.large).toBeUndefined();
  expect(lengthsOf(list)).toEqual([1_000_000, 200_105]);
  expect(read(list)).toEqual({ count: 20, texts: textsOf(small) });
});

it('a large text stands apart, in pieces that Redis takes', () => {
  const all = ['a', 'b'.repeat(65_536), 'c'.repeat(65_537), '', 'd'.repeat(2_300_000), 'e'];
  const lists = [packed(all).list, packTexts(all), packBytes(all)];
  for (const list of lists) {
    expect(list.large).toEqual([3, 1, 5, 3]);
    expect(lengthsOf(list)).toEqual([35 + 65_538, 65_537, 1_000_000, 1_000_000, 300_000]);
    expect(read(list)).toEqual({ count: 6, texts: all });
  }
});

it('large and small texts in any order are the same texts', () => {
  const near = fc.integer({ min: 65_530, max: 65_542 });
  const length = fc.oneof(
    fc.integer({ min: 0, max: 50 }),
    near,
    fc.constantFrom(40_000, 1_000_000, 1_100_000),
  );
  const text = fc
    .record({ length, unit: fc.constantFrom('x', 'é', '\0', '語') })
    .map(({ length: most, unit }) => {
      return unit.repeat(Math.floor(most / Buffer.byteLength(unit)));
    });
  fc.assert(
    fc.property(fc.array(text, { maxLength: 12 }), (all) => {
      const expected = { count: all.length, texts: textsOf(all.map((one) => Buffer.from(one))) };
      for (const list of [packed(all).list, packTexts(all), packBytes(all)]) {
        expect(read(list)).toEqual(expected);
        expect(Math.max(...lengthsOf(list))).toBeLessThanOrEqual(1_000_000);
      }
      expect(textsOf(packed(all))).toEqual(expected.texts);
    }),
    { numRuns: 30 },
  );
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

it('texts and bytes are an array of MessagePack', () => {
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
});
