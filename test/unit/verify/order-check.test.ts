import { describe, expect, it } from 'vitest';
import { orderKeyOf, pathOf } from '../../../src/core/order-key.js';
import type { OutputEntry } from '../../../src/redis/output.js';
import { OrderCheck, type OrderKind } from '../../../src/verify/order-check.js';

const TIMES = { publishedAt: 1, startedAt: 2, finishedAt: 3 };

function entry(n: number, data: unknown = {}, times: OutputEntry['times'] | null = TIMES): OutputEntry {
  return {
    id: `${times?.finishedAt ?? 0}-${n}`,
    inboxId: `1-${n}`,
    messageId: `m${n}`,
    times: times ?? undefined,
    data: () => data,
  };
}

function checked(kind: Omit<OrderKind, 'outputType'>, entries: readonly OutputEntry[]) {
  const check = new OrderCheck({ outputType: 'stream', ...kind });
  for (const one of entries) check.take(one);
  return [check.outOfOrder, check.examples];
}

describe('the check of the order', () => {
  it.each([
    [[1, 2, 3, 10, 11], 0, []],
    [[1, 3, 2, 4], 1, ['m2']],
    [[2, 3, 4, 1, 5, 6], 1, ['m1']],
    [[5, 4, 3, 2, 1], 4, ['m4', 'm3', 'm2', 'm1']],
    [[1, 1], 0, []],
  ])('total: %j', (order, outOfOrder, examples) => {
    const entries = order.map((n) => entry(n));
    expect(checked({ order: 'total' }, entries)).toEqual([outOfOrder, examples]);
    expect(checked({ order: 'none' }, entries)).toEqual([0, []]);
  });

  it('total: results that were made before there was this order are not checked', () => {
    const old = [3, 2, 1].map((n) => entry(n));
    const made = [5, 4].map((n) => entry(n, {}, { publishedAt: 1, startedAt: 2, finishedAt: 9 }));
    expect(checked({ order: 'total', orderSince: 8 }, [...old, ...made])).toEqual([1, ['m4']]);
  });

  it('key: only results of one key have an order, and 1 is another key than "1"', () => {
    const of = (n: number, id: unknown) => entry(n, { customer: { id } });
    const order = { order: 'key', orderKey: 'customer.id' } as const;
    expect(checked(order, [of(5, 'a'), of(4, 'b'), of(3, 1), of(2, '1'), of(1, true)])).toEqual([0, []]);
    expect(checked(order, [of(5, 'a'), of(4, 'b'), of(3, 'a'), of(6, 'b')])).toEqual([1, ['m3']]);
    const none = [entry(5, {}), entry(4, { customer: 1 }), entry(3, null), of(2, null), of(1, {})];
    expect(checked(order, none)).toEqual([0, []]);
  });

  it('key: takes the key out of a result in the same way as out of a message', () => {
    const results = (data: unknown) => [entry(2, data), entry(1, data)];
    for (const [orderKey, data] of [
      ['customer.0', { customer: ['a'] }],
      ['customer.length', { customer: ['a'] }],
      ['name.length', { name: 'a' }],
      ['toString', {}],
      ['__proto__.x', {}],
      ['n', JSON.parse('{"n":1e999}')],
    ] as const) {
      expect(orderKeyOf(Buffer.from(JSON.stringify(data)), pathOf(orderKey))).toBeUndefined();
      expect(checked({ order: 'key', orderKey }, results(data))).toEqual([0, []]);
    }
    expect(checked({ order: 'key', orderKey: 'a.b' }, results({ a: { b: '' } }))).toEqual([1, ['m1']]);
  });

  it('total: passes over messages of packs of a time without an order, which stand where they were unpacked', () => {
    const unpacked = [1_000_001, 1_000_002, 1_000_250].map((n) => entry(n));
    const entries = [entry(1), entry(5), ...unpacked, entry(7), ...unpacked.reverse(), entry(8), entry(6)];
    expect(checked({ order: 'total' }, entries)).toEqual([1, ['m6']]);
  });

  it('key: passes over messages that came in before the order began, unpacked ones and others', () => {
    const at = (time: number, n: number) => ({ ...entry(n, { k: 'a' }), inboxId: `${time}-${n}` });
    const before = [at(90, 3), at(80, 1_000_002), at(80, 1_000_001), at(85, 1)];
    // Runs of the order have ids of packs, too.
    const after = [at(100, 0), at(101, 1_000_001), at(101, 1_000_002)];
    const order = { order: 'key', orderKey: 'k' } as const;
    const mixed = [after[0], before[0], after[1], before[1], ...before, after[2]] as OutputEntry[];
    expect(checked({ ...order, orderSince: 100 }, mixed)).toEqual([0, []]);
    expect(checked(order, mixed)[0]).toBeGreaterThan(0);
    const wrong = [...after, at(100, 9)];
    expect(checked({ ...order, orderSince: 100 }, wrong)).toEqual([1, ['m9']]);
  });

  it('passes over results that were written without an order, and entries of others', () => {
    const before = entry(9, {}, null);
    const foreign = { ...entry(8), inboxId: undefined };
    expect(checked({ order: 'total' }, [before, foreign, entry(1), entry(2)])).toEqual([0, []]);
  });
});
