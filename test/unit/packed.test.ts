import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Packed, PackedList, packTexts } from '../../src/packed.js';

const message = fc.oneof(
  { weight: 5, arbitrary: fc.uint8Array({ maxLength: 200 }) },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 0, max: 5_000 }).map((length) => new Uint8Array(length).fill(length)),
  },
);
const messages = fc.array(
  message.map((bytes) => Buffer.from(bytes)),
  { maxLength: 60 },
);

it('messages come out as they went in, whichever are asked for', () => {
  fc.assert(
    fc.property(messages, fc.nat(60), fc.nat(60), fc.boolean(), (all, a, b, trims) => {
      const list = new PackedList();
      for (const one of all) {
        list.push(one);
        if (trims) list.trim();
      }
      const [from, to] = [Math.min(a, b, all.length), Math.min(Math.max(a, b), all.length)];
      const wanted = all.slice(from, to);
      const slice = list.slice(from, to);
      expect(list.length).toBe(all.length);
      expect(slice.length).toBe(wanted.length);
      expect([...slice]).toEqual(wanted);
      expect(list.bytes(from, to)).toBe(wanted.reduce((sum, { length }) => sum + length, 0));
    }),
  );
});

it('keeps its indices when the front is let go of', () => {
  fc.assert(
    fc.property(messages, messages, fc.array(fc.nat(60), { maxLength: 4 }), (first, later, drops) => {
      const list = new PackedList();
      for (const one of first) list.push(one);
      let base = 0;
      for (const drop of drops) {
        base = Math.max(base, Math.min(drop, first.length));
        list.dropBefore(base);
      }
      for (const one of later) list.push(one);
      const all = [...first, ...later];
      expect(list.base).toBe(base);
      expect(list.length).toBe(all.length);
      expect([...list.slice(base, all.length)]).toEqual(all.slice(base));
    }),
  );
});

it('takes a message out of the middle of other bytes', () => {
  const list = new PackedList();
  list.push(Buffer.from('..one..'), 2, 5);
  list.push(Buffer.from(`..${'x'.repeat(100)}..`), 2, 102);
  expect(Array.from(list.slice(0, 2), String)).toEqual(['one', 'x'.repeat(100)]);
});

it('nothing is no argument', () => {
  expect(Packed.of([]).args).toEqual([]);
  expect(Packed.of([Buffer.alloc(0)]).args).not.toEqual([]);
});

it('texts are an array of MessagePack in UTF-8, whatever they are', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.string({ maxLength: 10 }),
    fc.constant('\ud800'),
  );
  fc.assert(
    fc.property(fc.array(text, { maxLength: 30 }), (all) => {
      const bytes = Buffer.concat(packTexts(all));
      expect([bytes[0], bytes.readUInt32BE(1)]).toEqual([0xdd, all.length]);
      expect([...new Packed(all.length, [bytes.subarray(5)])]).toEqual(all.map((one) => Buffer.from(one)));
    }),
  );
});
