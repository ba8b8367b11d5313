import { describe, expect, it } from 'vitest';
import { ReadSize } from '../../../src/core/read-size.js';

const MB = 1_000_000;

describe('the size of a read', () => {
  it('begins with few entries, and doubles while they are small, up to the most', () => {
    const size = new ReadSize(500);
    const counts = Array.from({ length: 8 }, () => {
      const { count } = size;
      size.came(count, count * 100);
      return count;
    });
    expect(counts).toEqual([8, 16, 32, 64, 128, 256, 500, 500]);
  });

  it('is as many as have the bytes, at least one', () => {
    const size = new ReadSize(500);
    size.came(8, 8 * 300_000);
    expect(size.count).toBe(3);
    size.came(3, 3 * 20 * MB);
    expect(size.count).toBe(1);
    size.came(1, 100);
    expect(size.count).toBe(2);
  });

  it('is half after a reply that did not come, at least one, and goes on from there', () => {
    const size = new ReadSize(500);
    size.failed();
    expect(size.count).toBe(4);
    for (let i = 0; i < 5; i++) size.failed();
    expect(size.count).toBe(1);
    size.came(1, 10);
    expect(size.count).toBe(2);
  });

  it('stays as it is after an empty reply', () => {
    const size = new ReadSize(500);
    size.came(0, 0);
    expect(size.count).toBe(8);
  });

  it('never exceeds a small most', () => {
    expect(new ReadSize(3).count).toBe(3);
  });
});
