import fc from 'fast-check';
import { expect, it } from 'vitest';
import { MessageBuffer } from '../../../src/bridge/buffer.js';
import { OVERHEAD } from '../../../src/bridge/packed-list.js';
import { comparePositions, type Position } from '../../../src/core/position.js';

const at = (epoch: number, offset: number): Position => ({ epoch, offset });

/** What happens to a buffer; positions are given by their distance from its end. */
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant('push' as const), bytes: fc.nat(99) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('cut' as const), by: fc.integer({ min: 1, max: 3 }) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom('relayed' as const, 'rewind' as const),
      epochs: fc.integer({ min: -6, max: 2 }),
      offset: fc.nat(6),
    }),
  },
  { weight: 1, arbitrary: fc.constant({ do: 'rewind to the start' as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('wait' as const), ms: fc.nat(400) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: fc.constant('head' as const),
      messages: fc.integer({ min: 1, max: 6 }),
      bytes: fc.nat(300),
    }),
  },
);
const steps = fc.array(step, { maxLength: 80 });
/** Factor of the length of messages: only long ones fill chunks of memory, so that chunks are used again. */
const scale = fc.constantFrom(1, 1, 1, 1, 700);

interface Held {
  readonly message: Buffer;
  readonly position: Position;
}
const bytes = (of: readonly Held[]) => of.reduce((sum, { message }) => sum + message.length, 0);

/** Like `toEqual`, but fast. */
function expectSame(messages: Iterable<Buffer> = [], held: readonly Held[]): void {
  const all = [...messages];
  expect(all.length).toBe(held.length);
  expect(all.findIndex((one, index) => !one.equals(held[index]?.message as Buffer))).toBe(-1);
}

it('with enough room has exactly the messages after the position, each with its own position, after any steps', () => {
  fc.assert(
    fc.property(steps, scale, (all, times) => {
      const buffer = new MessageBuffer(5, 0, { retain: 1e9, retainBytes: 1e9, bytes: 1e9 });
      let end = at(5, 0);
      let relayed = at(0, 0);
      const received: Held[] = [];
      let now = 0;
      for (const [index, s] of all.entries()) {
        if (s.do === 'push') {
          const message = Buffer.alloc(s.bytes * times, index);
          expect(buffer.append(message)).toBe(0);
          end = at(end.epoch, end.offset + 1);
          received.push({ message, position: end });
        } else if (s.do === 'cut') {
          end = at(end.epoch + s.by, 0);
          buffer.cut(end.epoch, now);
        } else if (s.do === 'relayed' || s.do === 'rewind') {
          const position = at(end.epoch + s.epochs, s.offset);
          if (s.do === 'rewind') buffer.rewind(position);
          else buffer.relayedThrough(position);
          if (s.do === 'rewind' || comparePositions(position, relayed) > 0) relayed = position;
        } else if (s.do === 'rewind to the start') {
          buffer.rewind(undefined);
          relayed = at(0, 0);
        } else if (s.do === 'wait') now += s.ms;

        const held = received.filter(({ position }) => comparePositions(position, relayed) > 0);
        if (s.do === 'head') {
          const batch = buffer.head(s.messages, s.bytes * times);
          const count = batch?.messages.length ?? 0;
          const expected = held.slice(0, count);
          expect(batch !== undefined).toBe(count > 0);
          expectSame(batch?.messages, expected);
          expect(batch?.to).toEqual(expected.at(-1)?.position);
          // As many as both limits allow, but at least one.
          if (count > 1) expect(count <= s.messages && bytes(expected) <= s.bytes * times).toBe(true);
          if (count < held.length)
            expect(count >= s.messages || bytes(held.slice(0, count + 1)) > s.bytes * times).toBe(true);
        }
        expect(buffer.end).toEqual(end);
        expect(buffer.length).toBe(held.length);
        expect(buffer.floor).toEqual(at(5, 0));
        const last = received.at(-1);
        for (const position of [undefined, relayed, end])
          expect(buffer.holdsAfter(position)).toBe(
            last !== undefined && (!position || comparePositions(last.position, position) > 0),
          );
      }
      buffer.rewind(undefined);
      expectSame(buffer.head(Infinity, Infinity)?.messages, received);
    }),
  );
});

it('with little room has all messages after its floor, and returns how many it dropped', () => {
  fc.assert(
    fc.property(steps, scale, (all, times) => {
      const limits = { retain: 500, retainBytes: 600 * times, bytes: 1_200 * times };
      const buffer = new MessageBuffer(5, 0, limits);
      let end = at(5, 0);
      let relayed = at(0, 0);
      const received: Held[] = [];
      let now = 0;
      for (const [index, s] of all.entries()) {
        const before = buffer.length;
        const { floor } = buffer;
        if (s.do === 'push') {
          const message = Buffer.alloc(s.bytes * times, index);
          end = at(end.epoch, end.offset + 1);
          received.push({ message, position: end });
          const isNew = comparePositions(end, relayed) > 0 ? 1 : 0;
          expect(buffer.append(message)).toBe(before + isNew - buffer.length);
        } else if (s.do === 'cut') {
          end = at(end.epoch + s.by, 0);
          buffer.cut(end.epoch, now);
          expect(buffer.length, 'a mark drops only relayed messages').toBe(before);
        } else if (s.do === 'relayed' || s.do === 'rewind') {
          const position = at(end.epoch + s.epochs, s.offset);
          if (s.do === 'rewind') buffer.rewind(position);
          else buffer.relayedThrough(position);
          if (s.do === 'rewind' || comparePositions(position, relayed) > 0) relayed = position;
        } else if (s.do === 'rewind to the start') {
          buffer.rewind(undefined);
          relayed = at(0, 0);
        } else if (s.do === 'wait') now += s.ms;

        expect(comparePositions(buffer.floor, floor), 'the floor never falls').toBeGreaterThanOrEqual(0);
        const here = received.filter(({ position }) => comparePositions(position, buffer.floor) > 0);
        const wanted = here.filter(({ position }) => comparePositions(position, relayed) > 0);
        expectSame(buffer.head(Infinity, Infinity)?.messages, wanted);
        expect(buffer.length).toBe(wanted.length);
        expect(here.reduce((sum, { message }) => sum + message.length + OVERHEAD, 0)).toBeLessThanOrEqual(
          limits.bytes,
        );
      }
      const kept = received.filter(({ position }) => comparePositions(position, buffer.floor) > 0);
      expect(buffer.floorCause === 'start').toBe(kept.length === received.length);
    }),
  );
});
