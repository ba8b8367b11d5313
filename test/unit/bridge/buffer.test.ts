import { describe, expect, it } from 'vitest';
import { type Limits, MessageBuffer } from '../../../src/bridge/buffer.js';
import { comparePositions, type Position } from '../../../src/core/position.js';

/** Enough for any test that is not about limits. */
const ROOMY: Limits = { retain: 5_000, retainBytes: 1e6, bytes: 1e7 };

const at = (epoch: number, offset: number): Position => ({ epoch, offset });
const text = (messages: Iterable<Buffer> = []) => Array.from(messages, String);
const fill = (buffer: MessageBuffer, ...messages: string[]) => {
  for (const message of messages) buffer.append(Buffer.from(message));
};
const all = (buffer: MessageBuffer) => text(buffer.head(Infinity, Infinity)?.messages);

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
  it('is empty at first, and ends at its first mark', () => {
    const buffer = new MessageBuffer(7, 0, ROOMY);
    expect(buffer.length).toBe(0);
    expect(buffer.end).toEqual(at(7, 0));
    expect(buffer.head(10, 10)).toBeUndefined();
  });

  it('counts messages from the last mark', () => {
    const buffer = new MessageBuffer(7, 0, ROOMY);
    fill(buffer, 'a', 'b');
    expect(buffer.end).toEqual(at(7, 2));
    buffer.cut(8, 0);
    expect(buffer.end).toEqual(at(8, 0));
    fill(buffer, 'c');
    expect(buffer.end).toEqual(at(8, 1));
    const batch = buffer.head(10, 10);
    expect(text(batch?.messages)).toEqual(['a', 'b', 'c']);
    expect(batch?.to).toEqual(at(8, 1));
  });

  it('returns the first messages and keeps them', () => {
    const buffer = new MessageBuffer(7, 0, ROOMY);
    fill(buffer, 'a', 'b', 'c');
    for (let twice = 0; twice < 2; twice++) {
      const batch = buffer.head(2, Infinity);
      expect(text(batch?.messages)).toEqual(['a', 'b']);
      expect(batch?.to).toEqual(at(7, 2));
    }
    expect(buffer.length).toBe(3);
  });

  it('returns the position of the last message of a batch, not of the mark after it', () => {
    const buffer = new MessageBuffer(7, 0, ROOMY);
    fill(buffer, 'a', 'b');
    buffer.cut(8, 0);
    fill(buffer, 'c');
    expect(buffer.head(2, Infinity)?.to).toEqual(at(7, 2));
    buffer.relayedThrough(at(8, 0));
    buffer.cut(9, 0);
    expect(buffer.head(2, Infinity)?.to).toEqual(at(8, 1));
  });

  it('returns no more bytes than allowed, but at least one message', () => {
    const buffer = new MessageBuffer(1, 0, ROOMY);
    fill(buffer, 'aaa', 'bbb', 'c');
    expect(text(buffer.head(10, 6)?.messages)).toEqual(['aaa', 'bbb']);
    expect(text(buffer.head(10, 5)?.messages)).toEqual(['aaa']);
    expect(text(buffer.head(10, 1)?.messages)).toEqual(['aaa']);
  });

  it('counts messages up to the position as relayed, also those still to come', () => {
    const buffer = new MessageBuffer(3, 0, ROOMY);
    fill(buffer, 'a');
    buffer.relayedThrough(at(5, 1));
    fill(buffer, 'b');
    buffer.cut(4, 0);
    fill(buffer, 'c');
    buffer.cut(5, 0);
    fill(buffer, 'd', 'e');
    expect(all(buffer)).toEqual(['e']);
    expect(buffer.end).toEqual(at(5, 2));
  });

  it('counts them as relayed even if an earlier position comes meanwhile', () => {
    const buffer = new MessageBuffer(3, 0, ROOMY);
    fill(buffer, 'a');
    buffer.relayedThrough(at(3, 3));
    buffer.relayedThrough(at(3, 1));
    fill(buffer, 'b', 'c', 'd');
    expect(all(buffer)).toEqual(['d']);
  });

  it('keeps all its messages if the position is before them', () => {
    const buffer = new MessageBuffer(3, 0, ROOMY);
    fill(buffer, 'a', 'b');
    buffer.relayedThrough(at(2, 1_000));
    expect(all(buffer)).toEqual(['a', 'b']);
    fill(buffer, 'c');
    expect(all(buffer)).toEqual(['a', 'b', 'c']);
  });

  it('counts no message twice as relayed', () => {
    const buffer = new MessageBuffer(3, 0, ROOMY);
    fill(buffer, 'a', 'b', 'c');
    for (const offset of [2, 2, 1]) {
      buffer.relayedThrough(at(3, offset));
      expect(buffer.length).toBe(1);
    }
  });
});
