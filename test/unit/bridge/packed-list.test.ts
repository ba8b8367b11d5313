import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ChunkPool } from '../../../src/bridge/chunks.js';
import { PackedList } from '../../../src/bridge/packed-list.js';
import { Packed } from '../../../src/core/packed.js';
import { textsOf } from '../../helpers/packed.js';

const message = fc.oneof(
  { weight: 5, arbitrary: fc.uint8Array({ maxLength: 200 }) },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 0, max: 70_000 }).map((length) => new Uint8Array(length).fill(length)),
  },
);
const messages = fc.array(
  message.map((bytes) => Buffer.from(bytes)),
  { maxLength: 60 },
);
const read = (list: PackedList, from: number, to: number) =>
  textsOf(new Packed(to - from, list.parts(from, to)));

it('returns any range of messages as they were added', () => {
  fc.assert(
    fc.property(messages, fc.nat(60), fc.nat(60), fc.boolean(), (all, a, b, trims) => {
      const list = new PackedList();
      for (const one of all) {
        list.append(one);
        if (trims) list.trim();
      }
      const [from, to] = [Math.min(a, b, all.length), Math.min(Math.max(a, b), all.length)];
      const wanted = all.slice(from, to);
      expect(list.length).toBe(all.length);
      expect(read(list, from, to)).toEqual(textsOf(wanted));
      expect(list.bytes(from, to)).toBe(wanted.reduce((sum, { length }) => sum + length, 0));
    }),
  );
});

it('keeps its indices when the front is dropped', () => {
  fc.assert(
    fc.property(messages, messages, fc.array(fc.nat(60), { maxLength: 4 }), (first, later, drops) => {
      const list = new PackedList();
      for (const one of first) list.append(one);
      let base = 0;
      for (const drop of drops) {
        base = Math.max(base, Math.min(drop, first.length));
        list.dropBefore(base);
      }
      for (const one of later) list.append(one);
      const all = [...first, ...later];
      expect(list.base).toBe(base);
      expect(list.length).toBe(all.length);
      expect(read(list, base, all.length)).toEqual(textsOf(all.slice(base)));
    }),
  );
});

it('adds a message from the middle of other bytes', () => {
  const list = new PackedList();
  list.append(Buffer.from('..one..'), 2, 5);
  list.append(Buffer.from(`..${'x'.repeat(100)}..`), 2, 102);
  expect(read(list, 0, 2)).toEqual(['one', 'x'.repeat(100)]);
});

it('does not write over kept messages when chunks are used again', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ of: fc.nat(3), push: messages, drop: fc.nat(80), trims: fc.boolean() }), {
        maxLength: 12,
      }),
      (steps) => {
        const pool = new ChunkPool();
        // The next chunks come from a slab.
        for (let i = 0; i < 60; i++) pool.allocate(1);
        const lists = Array.from({ length: 4 }, () => ({ list: new PackedList(pool), all: [] as Buffer[] }));
        for (const { of, push, drop, trims } of steps) {
          const { list, all } = lists[of] as (typeof lists)[number];
          for (const one of push) list.append(one);
          all.push(...push);
          list.dropBefore(Math.min(list.base + drop, list.length));
          if (trims) list.trim();
          for (const each of lists)
            expect(read(each.list, each.list.base, each.list.length)).toEqual(
              textsOf(each.all.slice(each.list.base)),
            );
        }
      },
    ),
  );
});

it('wastes little, however long the messages are', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 70_000 }), { minLength: 5, maxLength: 60 }), (lengths) => {
      const list = new PackedList();
      for (const length of lengths) list.append(Buffer.alloc(length));
      const memory = list.parts(0, list.length).reduce((sum, part) => sum + part.buffer.byteLength, 0);
      // A quarter of each chunk at most, but for the one that grows.
      expect(memory).toBeLessThanOrEqual((list.bytes(0, list.length) + 5 * list.length) / 0.75 + 65_536);
    }),
  );
});

it('allocates no new memory while messages come as fast as others are dropped', () => {
  const taken = new Set<ArrayBufferLike>();
  class Watched extends ChunkPool {
    override allocate(bytes: number) {
      const chunk = super.allocate(bytes);
      taken.add(chunk.buffer);
      return chunk;
    }
  }
  const pool = new Watched();
  const kept: PackedList[] = [];
  for (let second = 0; second < 100; second++) {
    const list = new PackedList(pool);
    for (let i = 0; i < 400; i++) list.append(Buffer.alloc(1_000));
    kept.push(list);
    if (kept.length > 5) {
      const oldest = kept.shift() as PackedList;
      oldest.dropBefore(oldest.length);
    }
  }
  // Seven in each of the lists kept, and of the one that grows.
  expect(taken.size).toBe(6 * 7);
});
