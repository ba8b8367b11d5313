import { describe, expect, it } from 'vitest';
import { ReadLimiter } from '../../../src/consumer/read-limiter.js';

const NEVER = new AbortController().signal;

/** A limiter, and the reads that had their turn, in order. */
function setUp(most: number) {
  const limiter = new ReadLimiter(most);
  const begun: string[] = [];
  const read = async (name: string, count: number, signal = NEVER) => {
    if ((await limiter.acquire(() => count, signal)) === count) begun.push(name);
  };
  /** The reads that have begun by now. */
  const now = async () => {
    await new Promise(setImmediate);
    return begun;
  };
  return { limiter, read, now };
}

describe('what consumers may read', () => {
  it('is as much as allowed, and reads wait for their turn', async () => {
    const { limiter, read, now } = setUp(100);
    for (const name of ['a', 'b', 'c', 'd']) void read(name, 60);
    expect(await now()).toEqual(['a', 'b']);
    limiter.release(60);
    expect(await now()).toEqual(['a', 'b', 'c']);
    limiter.release(60);
    limiter.release(60);
    expect(await now()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('is nothing while results are on their way', async () => {
    const { limiter, read, now } = setUp(3);
    void read('a', 3);
    limiter.committing(1);
    limiter.committing(2);
    limiter.release(3);
    void read('b', 3);
    expect(await now()).toEqual(['a']);
    limiter.committed(1);
    expect(await now()).toEqual(['a', 'b']);
  });

  it('is any amount for one read at a time, however little is allowed', async () => {
    const { limiter, read, now } = setUp(10);
    void read('a', 10_000);
    void read('b', 10_000);
    expect(await now()).toEqual(['a']);
    limiter.release(10_000);
    expect(await now()).toEqual(['a', 'b']);
  });

  it('is what they want when their turn comes', async () => {
    const limiter = new ReadLimiter(10);
    let wanted = 10;
    const first = limiter.acquire(() => wanted, NEVER);
    const second = limiter.acquire(() => wanted, NEVER);
    wanted = 4;
    limiter.release(await first);
    expect([await first, await second]).toEqual([10, 4]);
  });

  it('is nothing for a read that gives up waiting, and those behind it move up', async () => {
    const { limiter, read, now } = setUp(10);
    void read('a', 10);
    const { signal, abort } = aborter();
    void read('b', 10, signal);
    void read('c', 10);
    abort();
    void read('d', 10, signal);
    expect(await now()).toEqual(['a']);
    limiter.release(10);
    expect(await now()).toEqual(['a', 'c']);
  });
});

function aborter() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}
