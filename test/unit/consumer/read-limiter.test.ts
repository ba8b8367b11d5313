import { describe, expect, it } from 'vitest';
import { ReadLimiter } from '../../../src/consumer/read-limiter.js';

const NEVER = new AbortController().signal;

/** Notes who was admitted, in which order. */
function door(most: number) {
  const admission = new ReadLimiter(most);
  const admitted: string[] = [];
  const enter = async (name: string, count: number, signal = NEVER) => {
    if ((await admission.acquire(() => count, signal)) === count) admitted.push(name);
  };
  /** What is to happen at once has happened. */
  const now = async () => {
    await new Promise(setImmediate);
    return admitted;
  };
  return { admission, enter, now };
}

describe('what consumers may read', () => {
  it('is as much as is allowed, and is waited for in turn', async () => {
    const { admission, enter, now } = door(100);
    for (const name of ['a', 'b', 'c', 'd']) void enter(name, 60);
    expect(await now()).toEqual(['a', 'b']);
    admission.release(60);
    expect(await now()).toEqual(['a', 'b', 'c']);
    admission.release(60);
    admission.release(60);
    expect(await now()).toEqual(['a', 'b', 'c', 'd']);
  });

  it('is nothing while results are on their way', async () => {
    const { admission, enter, now } = door(3);
    void enter('a', 3);
    for (let i = 0; i < 3; i++) admission.committing();
    admission.release(3);
    void enter('b', 3);
    expect(await now()).toEqual(['a']);
    admission.committed(1);
    expect(await now()).toEqual(['a', 'b']);
  });

  it('is any amount for one at a time, however little is allowed', async () => {
    const { admission, enter, now } = door(10);
    void enter('a', 10_000);
    void enter('b', 10_000);
    expect(await now()).toEqual(['a']);
    admission.release(10_000);
    expect(await now()).toEqual(['a', 'b']);
  });

  it('is as much as there is room for when the turn has come', async () => {
    const admission = new ReadLimiter(10);
    let room = 10;
    const first = admission.acquire(() => room, NEVER);
    const second = admission.acquire(() => room, NEVER);
    room = 4;
    admission.release(await first);
    expect([await first, await second]).toEqual([10, 4]);
  });

  it('is nothing for who gives up waiting, and those behind move up', async () => {
    const { admission, enter, now } = door(10);
    void enter('a', 10);
    const { signal, abort } = aborter();
    void enter('b', 10, signal);
    void enter('c', 10);
    abort();
    void enter('d', 10, signal);
    expect(await now()).toEqual(['a']);
    admission.release(10);
    expect(await now()).toEqual(['a', 'c']);
  });
});

function aborter() {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}
