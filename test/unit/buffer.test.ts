import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PositionedBuffer } from '../../src/bridge/buffer.js';
import { comparePositions, type Position } from '../../src/position.js';

const at = (epoch: number, offset: number): Position => ({ epoch, offset });
const text = (messages: readonly Buffer[] = []) => messages.map(String);
const fill = (buffer: PositionedBuffer, ...messages: string[]) => {
  for (const message of messages) buffer.push(Buffer.from(message));
};
const all = (buffer: PositionedBuffer) => text(buffer.head(Infinity, Infinity)?.messages);

describe('positions', () => {
  it.each([
    [at(1, 0), at(2, 0), -1],
    [at(1, 900), at(2, 0), -1],
    [at(2, 3), at(2, 4), -1],
    [at(2, 4), at(2, 4), 0],
    [at(10, 0), at(9, 0), 1],
  ])('%o against %o: %i', (a, b, sign) => {
    expect(Math.sign(comparePositions(a, b))).toBe(sign);
    expect(Math.sign(comparePositions(b, a))).toBe(0 - sign);
  });
});

describe('the buffer', () => {
  it('is empty at first, and ends at its mark', () => {
    const buffer = new PositionedBuffer(7);
    expect(buffer.length).toBe(0);
    expect(buffer.end).toEqual(at(7, 0));
    expect(buffer.head(10, 10)).toBeUndefined();
  });

  it('counts messages from the last mark', () => {
    const buffer = new PositionedBuffer(7);
    fill(buffer, 'a', 'b');
    expect(buffer.end).toEqual(at(7, 2));
    buffer.cut(8);
    expect(buffer.end).toEqual(at(8, 0));
    fill(buffer, 'c');
    expect(buffer.end).toEqual(at(8, 1));
    expect(buffer.head(10, 10)).toEqual({
      messages: ['a', 'b', 'c'].map((m) => Buffer.from(m)),
      to: at(8, 1),
    });
  });

  it('hands out the first messages without letting go of them', () => {
    const buffer = new PositionedBuffer(7);
    fill(buffer, 'a', 'b', 'c');
    for (let twice = 0; twice < 2; twice++) {
      const batch = buffer.head(2, Infinity);
      expect(text(batch?.messages)).toEqual(['a', 'b']);
      expect(batch?.to).toEqual(at(7, 2));
    }
    expect(buffer.length).toBe(3);
  });

  it('gives the position of the last message handed out, not of the mark after it', () => {
    const buffer = new PositionedBuffer(7);
    fill(buffer, 'a', 'b');
    buffer.cut(8);
    fill(buffer, 'c');
    expect(buffer.head(2, Infinity)?.to).toEqual(at(7, 2));
    buffer.dropThrough(at(8, 0));
    buffer.cut(9);
    expect(buffer.head(2, Infinity)?.to).toEqual(at(8, 1));
  });

  it('keeps to the bytes allowed, but hands out one message however long it is', () => {
    const buffer = new PositionedBuffer(1);
    fill(buffer, 'aaa', 'bbb', 'c');
    expect(text(buffer.head(10, 6)?.messages)).toEqual(['aaa', 'bbb']);
    expect(text(buffer.head(10, 5)?.messages)).toEqual(['aaa']);
    expect(text(buffer.head(10, 1)?.messages)).toEqual(['aaa']);
  });

  it('forgets messages that are still to come, up to the position', () => {
    const buffer = new PositionedBuffer(3);
    fill(buffer, 'a');
    buffer.dropThrough(at(5, 1));
    fill(buffer, 'b');
    buffer.cut(4);
    fill(buffer, 'c');
    buffer.cut(5);
    fill(buffer, 'd', 'e');
    expect(all(buffer)).toEqual(['e']);
    expect(buffer.end).toEqual(at(5, 2));
  });

  it('keeps everything when asked to forget what was before it', () => {
    const buffer = new PositionedBuffer(3);
    fill(buffer, 'a', 'b');
    buffer.dropThrough(at(2, 1_000));
    expect(all(buffer)).toEqual(['a', 'b']);
    fill(buffer, 'c');
    expect(all(buffer)).toEqual(['a', 'b', 'c']);
  });

  it('forgets nothing twice', () => {
    const buffer = new PositionedBuffer(3);
    fill(buffer, 'a', 'b', 'c');
    for (const offset of [2, 2, 1]) {
      buffer.dropThrough(at(3, offset));
      expect(buffer.length).toBe(1);
    }
  });

  /** What a buffer does, told by the position of each message alone. */
  type Step =
    | { readonly do: 'push'; readonly bytes: number }
    | { readonly do: 'cut'; readonly by: number }
    | { readonly do: 'drop'; readonly epochs: number; readonly offset: number }
    | { readonly do: 'head'; readonly messages: number; readonly bytes: number };
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 6, arbitrary: fc.record({ do: fc.constant('push' as const), bytes: fc.nat(9) }) },
    {
      weight: 2,
      arbitrary: fc.record({ do: fc.constant('cut' as const), by: fc.integer({ min: 1, max: 3 }) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('drop' as const),
        epochs: fc.integer({ min: -3, max: 2 }),
        offset: fc.nat(6),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        do: fc.constant('head' as const),
        messages: fc.integer({ min: 1, max: 6 }),
        bytes: fc.nat(30),
      }),
    },
  );

  it('holds, after any steps, exactly the messages after the last position forgotten, each with its position', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const buffer = new PositionedBuffer(5);
        let end = at(5, 0);
        let dropped = at(0, 0);
        let held: { readonly message: Buffer; readonly position: Position }[] = [];
        for (const [index, s] of steps.entries()) {
          if (s.do === 'push') {
            const message = Buffer.alloc(s.bytes, index);
            buffer.push(message);
            end = at(end.epoch, end.offset + 1);
            if (comparePositions(end, dropped) > 0) held.push({ message, position: end });
          } else if (s.do === 'cut') {
            end = at(end.epoch + s.by, 0);
            buffer.cut(end.epoch);
          } else if (s.do === 'drop') {
            dropped = at(end.epoch + s.epochs, s.offset);
            buffer.dropThrough(dropped);
            held = held.filter(({ position }) => comparePositions(position, dropped) > 0);
          } else {
            const batch = buffer.head(s.messages, s.bytes);
            const count = batch?.messages.length ?? 0;
            const expected = held.slice(0, count);
            expect(batch?.messages).toEqual(count > 0 ? expected.map(({ message }) => message) : undefined);
            expect(batch?.to).toEqual(expected.at(-1)?.position);
            const bytes = (of: typeof held) => of.reduce((sum, { message }) => sum + message.length, 0);
            // As many as both limits allow, and one in any case.
            if (count > 1) expect(count <= s.messages && bytes(expected) <= s.bytes).toBe(true);
            if (count < held.length)
              expect(count >= s.messages || bytes(held.slice(0, count + 1)) > s.bytes).toBe(true);
          }
          expect(buffer.end).toEqual(end);
          expect(buffer.length).toBe(held.length);
        }
        expect(buffer.head(Infinity, Infinity)?.messages ?? []).toEqual(held.map(({ message }) => message));
      }),
    );
  });
});
