import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type Limits, MessageBuffer } from '../../../src/bridge/buffer.js';
import { OVERHEAD } from '../../../src/bridge/packed-list.js';
import type { Position } from '../../../src/core/position.js';

const at = (epoch: number, offset: number): Position => ({ epoch, offset });
const COST = 200;
/** Messages that cost as much to keep. */
const message = (name: string) => Buffer.from(name.padEnd(COST - OVERHEAD, '.'));
const held = (buffer: MessageBuffer) =>
  Array.from(buffer.head(Infinity, Infinity)?.messages ?? [], (m) => String(m).replaceAll('.', ''));

function bufferOf(limits: Partial<Limits>) {
  const buffer = new MessageBuffer(1, 0, { retain: 1_000, retainBytes: 1e6, bytes: 1e7, ...limits });
  const push = (...names: string[]) =>
    names.reduce((dropped, name) => dropped + buffer.append(message(name)), 0);
  return { buffer, push };
}

describe('a relayed message', () => {
  it('is kept for a while: after a rewind the messages past the position are relayed again', () => {
    const { buffer, push } = bufferOf({});
    push('a', 'b');
    buffer.cut(2, 100);
    push('c');
    buffer.relayedThrough(at(2, 1));
    expect(held(buffer)).toEqual([]);
    buffer.rewind(at(1, 1));
    expect(held(buffer)).toEqual(['b', 'c']);
    buffer.rewind(undefined);
    expect(held(buffer)).toEqual(['a', 'b', 'c']);
    expect(buffer.length).toBe(3);
  });

  it('is dropped with its segment when the mark of the segment is older than the retention', () => {
    const { buffer, push } = bufferOf({ retain: 1_000 });
    push('a');
    buffer.cut(2, 600);
    push('b');
    buffer.relayedThrough(at(2, 1));
    buffer.cut(3, 1_000);
    expect(buffer.floor).toEqual(at(1, 0));
    buffer.cut(4, 1_001);
    expect(buffer.floor).toEqual(at(1, 1));
    expect(buffer.floorCause).toBe('retained');
    buffer.rewind(undefined);
    expect(held(buffer)).toEqual(['b']);
  });

  it('leaves its memory to the next messages', () => {
    const taken = vi.spyOn(Buffer, 'allocUnsafeSlow');
    onTestFinished(() => taken.mockRestore());
    const buffer = new MessageBuffer(1, 0, { retain: 500, retainBytes: 1e9, bytes: 1e9 });
    const second = (epoch: number) => {
      for (let i = 0; i < 60; i++) buffer.append(Buffer.alloc(1_000));
      buffer.relayedThrough(buffer.end);
      buffer.cut(epoch, epoch * 100);
    };
    for (let epoch = 2; epoch < 10; epoch++) second(epoch);
    const { length } = taken.mock.calls;
    expect(length).toBeGreaterThan(0);
    for (let epoch = 10; epoch < 100; epoch++) second(epoch);
    expect(taken.mock.calls).toHaveLength(length);
  });

  it('is dropped, the oldest first, when relayed messages have more bytes than the retention', () => {
    const { buffer, push } = bufferOf({ retainBytes: 3 * COST });
    for (let epoch = 2; epoch < 6; epoch++) {
      push(`${epoch}a`, `${epoch}b`);
      buffer.relayedThrough(buffer.end);
      buffer.cut(epoch, 0);
    }
    buffer.rewind(undefined);
    expect(held(buffer)).toEqual(['5a', '5b']);
    expect(buffer.floor).toEqual(at(3, 2));
  });

  it('is dropped at the next mark if the retention is 0', () => {
    const { buffer, push } = bufferOf({ retain: 0 });
    push('a');
    buffer.relayedThrough(at(1, 1));
    buffer.cut(2, 1);
    buffer.rewind(undefined);
    expect(held(buffer)).toEqual([]);
  });

  it('is dropped no earlier than it is relayed, however old and however many', () => {
    const { buffer, push } = bufferOf({ retain: 0, retainBytes: 0 });
    push('a', 'b');
    buffer.cut(2, 3_600_000);
    push('c');
    buffer.cut(3, 7_200_000);
    expect(held(buffer)).toEqual(['a', 'b', 'c']);
    expect(buffer.floor).toEqual(at(1, 0));
    expect(buffer.floorCause).toBe('start');
  });
});

describe('a full buffer', () => {
  it('drops relayed messages before the others', () => {
    const { buffer, push } = bufferOf({ bytes: 4 * COST });
    push('a', 'b');
    buffer.relayedThrough(at(1, 2));
    buffer.cut(2, 0);
    expect(push('c', 'd')).toBe(0);
    expect(push('e')).toBe(0);
    expect(held(buffer)).toEqual(['c', 'd', 'e']);
    expect(buffer.floor).toEqual(at(1, 2));
    expect(buffer.floorCause).toBe('retained');
  });

  it('drops the oldest messages that are not relayed, and returns how many', () => {
    const { buffer, push } = bufferOf({ bytes: 4 * COST });
    push('a', 'b');
    buffer.cut(2, 0);
    push('c', 'd');
    // Down to 95 % of the limit: one message more than is needed.
    expect(push('e')).toBe(2);
    expect(held(buffer)).toEqual(['c', 'd', 'e']);
    expect(buffer.length).toBe(3);
    expect(buffer.floor).toEqual(at(1, 2));
    expect(buffer.floorCause).toBe('full');
  });

  it('does not change the positions of the messages left', () => {
    const { buffer, push } = bufferOf({ bytes: 4 * COST });
    push('a', 'b', 'c', 'd', 'e', 'f');
    expect(held(buffer)).toEqual(['c', 'd', 'e', 'f']);
    expect(buffer.head(1, Infinity)?.to).toEqual(at(1, 3));
    buffer.relayedThrough(at(1, 4));
    expect(held(buffer)).toEqual(['e', 'f']);
    buffer.rewind(at(1, 1));
    expect(held(buffer)).toEqual(['c', 'd', 'e', 'f']);
  });

  it('does not count the relayed messages of a segment that is relayed in part', () => {
    const { buffer, push } = bufferOf({ bytes: 4 * COST });
    push('a', 'b', 'c');
    buffer.relayedThrough(at(1, 1));
    expect(push('d', 'e')).toBe(1);
    expect(held(buffer)).toEqual(['c', 'd', 'e']);
  });

  it('keeps the newest message, however long it is, until the next one comes', () => {
    const { buffer } = bufferOf({ bytes: 500 });
    expect(buffer.append(Buffer.alloc(1_000))).toBe(0);
    expect(buffer.length).toBe(1);
    expect(buffer.append(Buffer.from('a'))).toBe(1);
    expect(buffer.length).toBe(1);
    expect(buffer.floor).toEqual(at(1, 1));
  });
});

describe('the floor', () => {
  it('is not raised by empty segments: nothing is missing there', () => {
    const { buffer } = bufferOf({ retain: 0 });
    for (let epoch = 2; epoch < 9; epoch++) buffer.cut(epoch, epoch);
    expect(buffer.floor).toEqual(at(1, 0));
    expect(buffer.floorCause).toBe('start');
  });

  it('keeps its cause when empty segments are dropped after others', () => {
    const { buffer, push } = bufferOf({ retain: 100, bytes: 4 * COST });
    push('a', 'b', 'c', 'd', 'e');
    expect(buffer.floorCause).toBe('full');
    const { floor } = buffer;
    buffer.cut(2, 0);
    buffer.cut(3, 0);
    buffer.relayedThrough(at(1, 0));
    for (let epoch = 4; epoch < 9; epoch++) buffer.cut(epoch, 1_000 * epoch);
    expect(buffer.floor).toEqual(floor);
    expect(buffer.floorCause).toBe('full');
  });
});

describe('holdsAfter', () => {
  it('counts relayed messages too', () => {
    const { buffer, push } = bufferOf({});
    expect(buffer.holdsAfter(undefined)).toBe(false);
    push('a', 'b');
    buffer.cut(2, 0);
    for (let relayed = 0; relayed <= 2; relayed++) {
      buffer.relayedThrough(at(1, relayed));
      expect(buffer.holdsAfter(undefined)).toBe(true);
      expect(buffer.holdsAfter(at(1, 1))).toBe(true);
      expect(buffer.holdsAfter(at(1, 2))).toBe(false);
      expect(buffer.holdsAfter(at(2, 0))).toBe(false);
    }
  });
});
