import { Writable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { boundWrites, written } from '../../../src/log/bounded-writes.js';

type Done = (error?: Error) => void;

/** A stream with a reader that reads when the test says so. */
function stream() {
  const got: string[] = [];
  const waiting: Done[] = [];
  const raw = new Writable({
    decodeStrings: false,
    // As Node does it for stdout: an error does not end the stream.
    destroy(error, done) {
      done(error);
      (this as unknown as { _undestroy(): void })._undestroy();
    },
    write(chunk: string, _encoding, done) {
      waiting.push((error) => {
        if (!error) got.push(chunk);
        done(error);
      });
    },
  });
  const target = raw as unknown as NodeJS.WriteStream;
  const counts = { dropped: 0, written: 0 };
  boundWrites(target, {
    onDropped: () => {
      counts.dropped++;
    },
    onWritten: () => {
      counts.written++;
    },
  });
  const readAll = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      next();
      await turn();
    }
  };
  return { target, got, waiting, counts, readAll };
}

it('counts what a full disk did not take, and begins a new line where there is room again', async () => {
  const { target, got, waiting, counts, readAll } = stream();
  const fail = async () => {
    waiting.shift()?.(Object.assign(new Error('no space'), { code: 'ENOSPC' }));
    await turn();
  };
  target.write('one\n');
  await readAll();
  target.write('two\n');
  await fail();
  target.write('three\n');
  await fail();
  expect(counts).toEqual({ dropped: 2, written: 1 });
  target.write('four\n');
  await readAll();
  target.write('five\n');
  await readAll();
  expect(got).toEqual(['one\n', '\nfour\n', 'five\n']);
  expect(counts).toEqual({ dropped: 2, written: 3 });
});

describe('a stream without a reader', () => {
  it.each([
    ['bytes', 'x'.repeat(100_000), 11],
    ['pieces', 'x', 10_000],
  ])('takes a limited number of %s; the rest is dropped and counted', async (_name, piece, most) => {
    const { target, got, counts, readAll } = stream();
    for (let i = 0; i < most + 25; i++) target.write(piece);
    expect(counts).toEqual({ dropped: 25, written: 0 });
    await readAll();
    expect(got).toHaveLength(most);
    expect(counts.written).toBeGreaterThan(0);
    expect(counts.written).toBeLessThan(most); // not before there is room again
    target.write('later');
    await readAll();
    expect(got.at(-1)).toBe('later');
    expect(counts.dropped).toBe(25);
  });

  it('calls back for dropped pieces, too, and says that it is full', async () => {
    const { target, counts } = stream();
    while (counts.dropped === 0) target.write('x'.repeat(100_000));
    await new Promise<void>((resolve) => {
      expect(target.write('a', () => resolve())).toBe(false);
    });
    await new Promise<void>((resolve) => {
      target.write('a', 'utf8', () => resolve());
    });
    expect(counts.dropped).toBe(3);
  });

  it('calls back in the next tick, each callback as often as it was given', async () => {
    const { target, counts } = stream();
    while (counts.dropped === 0) target.write('x'.repeat(100_000));
    const called: string[] = [];
    const first = () => called.push('first');
    const second = () => {
      if (called.push('second') === 3) target.write('a', () => called.push('a later one'));
    };
    for (const callback of [first, second, first]) target.write('a', callback);
    expect(called).toEqual([]);
    await turn();
    expect(called).toEqual(['first', 'first', 'second', 'a later one']);
  });

  it('calls the others if a callback throws', async () => {
    const { target, counts } = stream();
    while (counts.dropped === 0) target.write('x'.repeat(100_000));
    const thrown: unknown[] = [];
    const catchIt = (error: unknown) => thrown.push(error);
    const listeners = process.listeners('uncaughtException');
    process.removeAllListeners('uncaughtException').on('uncaughtException', catchIt);
    try {
      const called = new Promise<void>((resolve) => {
        target.write('a', () => {
          throw new Error('mine');
        });
        target.write('a', () => resolve());
      });
      await called;
      expect(thrown).toEqual([new Error('mine')]);
    } finally {
      process.off('uncaughtException', catchIt);
      for (const listener of listeners) process.on('uncaughtException', listener);
    }
  });

  it('is waited for at the end, but not for long', async () => {
    const { target, readAll } = stream();
    await written([target], 10_000);
    target.write('x');
    await written([target], 30);
    expect(target.writableLength).toBe(1);
    const end = written([target], 10_000);
    await readAll();
    await end;
    expect(target.writableLength).toBe(0);
  });
});
