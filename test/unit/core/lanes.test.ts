import fc from 'fast-check';
import { expect, it } from 'vitest';
import { deal, type LanePart, laneAt, laneOfKey } from '../../../src/core/lanes.js';
import { keyLines } from '../../../src/core/order-key.js';
import { packed, textsOf } from '../../helpers/packed.js';

const textsIn = ({ messages }: LanePart) => textsOf(messages);
const EPOCH = 1_790_000_000_000;

it('each message goes to one lane, in order, wherever a batch ends', () => {
  const cases = fc.tuple(fc.integer({ min: 1, max: 1_500 }), fc.integer({ min: 1, max: 64 }), fc.nat(1_499));
  fc.assert(
    fc.property(cases, ([count, lanes, cut]) => {
      const all = Array.from({ length: count }, (_, i) => String(i));
      const none = Array.from({ length: lanes }, () => undefined);
      const at = (offset: number) => ({ epoch: EPOCH, offset });
      const whole = deal({ messages: packed(all), to: at(count) }, none, undefined).map(textsIn);
      const end = Math.min(cut, count);
      const first = deal({ messages: packed(all.slice(0, end)), to: at(end) }, none, undefined).map(textsIn);
      const rest = deal({ messages: packed(all.slice(end)), to: at(count) }, none, undefined).map(textsIn);
      expect(first.map((texts, lane) => [...texts, ...(rest[lane] ?? [])])).toEqual(whole);
      expect(whole.flat().sort()).toEqual([...all].sort());
      // What a lane has already is left out.
      const reached = none.map(() => at(end));
      expect(deal({ messages: packed(all), to: at(count) }, reached, undefined).map(textsIn)).toEqual(rest);
    }),
  );
});

it('messages with the same key go to the same lane, those without a key by their text', () => {
  const path = ['k'];
  const text = (k: number, n: number) => JSON.stringify({ k, n });
  const all = Array.from({ length: 300 }, (_, n) => text(n % 20, n)).concat('no JSON', '{}');
  const lanes = deal(
    { messages: packed(all), to: { epoch: EPOCH, offset: all.length } },
    [undefined, undefined, undefined],
    path,
  );
  const lanesOf = new Map<number, Set<number>>();
  for (const [lane, { messages, keys }] of lanes.entries()) {
    // The keys are those that the lane would find itself.
    expect(keys).toBe(keyLines(messages, path));
    for (const message of textsOf(messages))
      if (message.includes('k')) {
        const { k } = JSON.parse(message) as { k: number };
        lanesOf.set(k, (lanesOf.get(k) ?? new Set()).add(lane));
      }
  }
  expect([...lanesOf.values()].every(({ size }) => size === 1)).toBe(true);
  // Without those of messages that a lane has already.
  const to = { epoch: EPOCH, offset: all.length };
  const [first, ...rest] = deal(
    { messages: packed(all), to },
    [{ ...to, offset: 150 }, undefined, undefined],
    path,
  );
  expect(first?.keys).toBe(keyLines(first?.messages ?? [], path));
  expect(first?.messages.length).toBeLessThan(lanes[0]?.messages.length ?? 0);
  expect(rest.map(({ keys }) => keys)).toEqual(lanes.slice(1).map(({ keys }) => keys));
  expect(lanes.reduce((sum, { messages }) => sum + messages.length, 0)).toBe(all.length);
});

it('lanes get even shares', () => {
  const share = (laneOf: (i: number) => number, count: number) => {
    const shares = [0, 0, 0];
    for (let i = 0; i < count; i++) shares[laneOf(i)] = (shares[laneOf(i)] ?? 0) + 1;
    return shares.map((one) => one / count);
  };
  for (const shares of [
    share((i) => laneAt({ epoch: EPOCH + 50 * Math.floor(i / 1_000), offset: 1 + (i % 1_000) }, 3), 100_000),
    share((i) => laneOfKey(JSON.stringify(`customer-${i}`), 3), 100_000),
    share((i) => laneOfKey(String(i), 3), 100_000),
  ])
    for (const one of shares) expect(Math.abs(one - 1 / 3)).toBeLessThan(0.02);
});
