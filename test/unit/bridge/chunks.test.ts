import { expect, it, onTestFinished, vi } from 'vitest';
import { ChunkPool } from '../../../src/bridge/chunks.js';

/** A pool, and how much memory was allocated for its chunks. */
function open() {
  const made = vi.spyOn(Buffer, 'allocUnsafeSlow');
  onTestFinished(() => made.mockRestore());
  const pool = new ChunkPool();
  const allocate = (count: number) => Array.from({ length: count }, () => pool.allocate(1));
  const free = (chunks: readonly Buffer[]) => {
    for (const chunk of chunks) pool.free(chunk);
  };
  return { pool, allocate, free, made: () => made.mock.calls.map(([size]) => size) };
}

it('never allocates a chunk that is in use', () => {
  const { allocate, free } = open();
  const chunks = allocate(2_000);
  free(chunks.splice(0, 1_200));
  const all = [...chunks, ...allocate(1_700)];
  const LAST = 65_536 - 4;
  for (const [index, chunk] of all.entries()) for (const at of [0, LAST]) chunk.writeUInt32LE(index, at);
  for (const [index, chunk] of all.entries())
    expect([0, LAST].map((at) => chunk.readUInt32LE(at))).toEqual([index, index]);
});

it('makes the first chunks one by one, then slabs of more than 32 MB, and uses all of them again', () => {
  const { allocate, free, made } = open();
  const chunks = allocate(64 + 544 + 1);
  expect(made()).toEqual([...Array<number>(64).fill(65_536), 544 * 65_536, 544 * 65_536]);
  expect(544 * 65_536).toBeGreaterThan(32 * 2 ** 20);
  free(chunks.slice(0, 20));
  allocate(20);
  expect(made()).toHaveLength(66);
});

it('drops a slab whose chunks are all free, unless a few more chunks would need it again', () => {
  const { allocate, free, made } = open();
  const [kept, slab] = [allocate(64), allocate(544)];
  free(slab);
  allocate(544);
  expect(made(), 'it is still there').toHaveLength(65);
  free(slab);
  free(kept);
  allocate(64);
  expect(made(), 'these are kept').toHaveLength(65);
  allocate(1);
  expect(made(), 'it is made anew').toHaveLength(66);
});

it('drops the slabs of a burst, though some chunks are always in use', () => {
  const { allocate, free, made } = open();
  allocate(60);
  free(allocate(4 + 3 * 544));
  expect(made()).toHaveLength(64 + 3);
  allocate(4 + 544);
  expect(made(), 'one slab is left').toHaveLength(64 + 3);
  allocate(1);
  expect(made(), 'and no other').toHaveLength(64 + 4);
});

it('allocates longer chunks at their size, and keeps no chunk of another size', () => {
  const { pool } = open();
  expect(pool.allocate(1_000_000)).toHaveLength(1_000_000);
  const short = Buffer.alloc(10);
  pool.free(short);
  expect(pool.allocate(10)).not.toBe(short);
});
