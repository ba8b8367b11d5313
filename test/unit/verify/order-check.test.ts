import { describe, expect, it } from 'vitest';
import type { OutputKind } from '../../../src/core/output.js';
import type { OutputEntry } from '../../../src/redis/output.js';
import { OrderCheck } from '../../../src/verify/order-check.js';

const TIMES = { publishedAt: 1, startedAt: 2, finishedAt: 3 };

function entry(n: number, data: unknown = {}, times: OutputEntry['times'] | null = TIMES): OutputEntry {
  return {
    id: String(n),
    inboxId: `1-${n}`,
    messageId: `m${n}`,
    times: times ?? undefined,
    data: () => data,
  };
}

function checked(kind: Omit<OutputKind, 'outputType'>, entries: readonly OutputEntry[]) {
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

  it('key: only results of one key have an order, and 1 is another key than "1"', () => {
    const of = (n: number, id: unknown) => entry(n, { customer: { id } });
    const order = { order: 'key', orderKey: 'customer.id' } as const;
    expect(checked(order, [of(5, 'a'), of(4, 'b'), of(3, 1), of(2, '1'), of(1, true)])).toEqual([0, []]);
    expect(checked(order, [of(5, 'a'), of(4, 'b'), of(3, 'a'), of(6, 'b')])).toEqual([1, ['m3']]);
    const none = [entry(5, {}), entry(4, { customer: 1 }), entry(3, null), of(2, null), of(1, {})];
    expect(checked(order, none)).toEqual([0, []]);
  });

  it('passes over results that were written without an order, and entries of others', () => {
    const before = entry(9, {}, null);
    const foreign = { ...entry(8), inboxId: undefined };
    expect(checked({ order: 'total' }, [before, foreign, entry(1), entry(2)])).toEqual([0, []]);
  });
});
