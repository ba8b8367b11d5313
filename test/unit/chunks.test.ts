import { expect, it } from 'vitest';
import { ChunkPool } from '../../src/bridge/chunks.js';

it('gives out what it was given, but keeps no more than 4 MB of it', () => {
  const pool = new ChunkPool();
  const taken = Array.from({ length: 100 }, () => pool.take(1));
  const old = new Set(taken);
  expect(old.size).toBe(100);
  for (const chunk of taken) pool.give(chunk);
  const again = Array.from({ length: 100 }, () => pool.take(1)).filter((chunk) => old.has(chunk));
  expect(again.reduce((sum, { length }) => sum + length, 0)).toBe(4 * 1024 * 1024);
});

it('is as long as what it is asked for, and keeps none of other lengths', () => {
  const pool = new ChunkPool();
  expect(pool.take(1_000_000)).toHaveLength(1_000_000);
  const short = Buffer.alloc(10);
  pool.give(short);
  expect(pool.take(10)).not.toBe(short);
});
