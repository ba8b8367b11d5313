import { describe, expect, it } from 'vitest';
import { countIn, identitiesIn, identityIn } from '../../../src/core/pack.js';
import { compareIds } from '../../../src/core/stream-id.js';

describe('the id of a pack', () => {
  it.each([
    ['1764378000000-0', 1],
    ['1764378000000-999999', 1],
    ['1764378000000-1000002', 2],
    ['1764378000000-7123250', 250],
    ['5-1000000', 1],
  ])('%s says how many messages it holds: %d', (id, count) => {
    expect(countIn(id)).toBe(count);
  });

  it.each(['1764378000000-1000250', '17-98765003', '5-1000001'])('%s is that of its last message', (id) => {
    const count = countIn(id);
    const identities = identitiesIn(id, count);
    expect(identities).toEqual(Array.from({ length: count }, (_, i) => identityIn(id, i + 1)));
    expect(identities.at(-1)).toBe(id);
    expect(identities.toSorted(compareIds)).toEqual(identities);
  });
});
