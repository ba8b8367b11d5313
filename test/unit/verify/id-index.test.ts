import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { IdIndex } from '../../../src/verify/id-index.js';

describe('the index of ids', () => {
  it('numbers ids in the order of their first appearance, in as many maps as needed', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ maxLength: 2 })), fc.integer({ min: 1, max: 10 }), (ids, mostKeys) => {
        const index = new IdIndex(mostKeys);
        const distinct = [...new Set(ids)];
        expect(ids.map((id) => index.add(id))).toEqual(ids.map((id) => distinct.indexOf(id)));
        expect([...index]).toEqual(distinct);
        expect(index.size).toBe(distinct.length);
        expect(distinct.map((id) => index.get(id))).toEqual(distinct.map((_, number) => number));
        expect(index.get('no such id')).toBeUndefined();
      }),
    );
  });
});
