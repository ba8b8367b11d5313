import { expect, it, onTestFinished, vi } from 'vitest';
import { ChunkPool } from '../../../src/bridge/chunks.js';

/** A pool, chunks taken from it, and how much memory was made for them. */
function open() {
  const made = vi.spyOn(Buffer, 'allocUnsafeSlow');
  onTestFinished(() => made.mockRestore());
  const pool = new ChunkPool();
  const take = (count: number) => Array.from({ length: count }, () => pool.allocate(1));
  const give = (chunks: readonly Buffer[]) => {
    for (const chunk of chunks) pool.free(chunk);
  };
  return { pool, take, give, made: () => made.mock.calls.map(([size]) => size) };
}

it('gives no chunk to two at a time', () => {
  const { take, give } = open();
  const chunks = take(2_000);
  give(chunks.splice(0, 1_200));
  const all = [...chunks, ...take(1_700)];
  const LAST = 65_536 - 4;
  for (const [index, chunk] of all.entries()) for (const at of [0, LAST]) chunk.writeUInt32LE(index, at);
  for (const [index, chunk] of all.entries())
    expect([0, LAST].map((at) => chunk.readUInt32LE(at))).toEqual([index, index]);
});

it('makes chunks one by one, then in slabs of more than 32 MB, and uses all of them again', () => {
  const { take, give, made } = open();
  const chunks = take(64 + 544 + 1);
  expect(made()).toEqual([...Array<number>(64).fill(65_536), 544 * 65_536, 544 * 65_536]);
  expect(544 * 65_536).toBeGreaterThan(32 * 2 ** 20);
  give(chunks.slice(0, 20));
  take(20);
  expect(made()).toHaveLength(66);
});

it('lets go of a slab of which all is free, unless a few chunks more would want it back', () => {
  const { take, give, made } = open();
  const [kept, slab] = [take(64), take(544)];
  give(slab);
  take(544);
  expect(made(), 'it is still there').toHaveLength(65);
  give(slab);
  give(kept);
  take(64);
  expect(made(), 'these are kept').toHaveLength(65);
  take(1);
  expect(made(), 'it is made anew').toHaveLength(66);
});

it('lets go of what a burst took, though some is in use all the time', () => {
  const { take, give, made } = open();
  take(60);
  give(take(4 + 3 * 544));
  expect(made()).toHaveLength(64 + 3);
  take(4 + 544);
  expect(made(), 'one slab is left').toHaveLength(64 + 3);
  take(1);
  expect(made(), 'and no other').toHaveLength(64 + 4);
});

it('is as long as what it is asked for, and keeps none of other lengths', () => {
  const { pool } = open();
  expect(pool.allocate(1_000_000)).toHaveLength(1_000_000);
  const short = Buffer.alloc(10);
  pool.free(short);
  expect(pool.allocate(10)).not.toBe(short);
});
