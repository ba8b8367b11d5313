import { describe, expect, it } from 'vitest';
import { newestOf, UNKNOWN_EPOCH } from '../../../../src/redis/protocol/seen-master.js';

const seen = (host: string, epoch: number) => ({ host, port: 6379, epoch });
const namesOf = (...all: Parameters<typeof newestOf>[0]) => newestOf(all).map(({ host }) => host);

describe('of several that see a master', () => {
  it('the one with the highest epoch counts, not the first that answers', () => {
    expect(namesOf(seen('old', 3), seen('new', 4), seen('old', 3))).toEqual(['new']);
    expect(namesOf(seen('new', 4), seen('old', 3))).toEqual(['new']);
  });

  it('those with one epoch see one server: it has all their names, each once', () => {
    expect(namesOf(seen('redis-1', 0), seen('10.0.0.1', 0), seen('redis-1', 0))).toEqual([
      'redis-1',
      '10.0.0.1',
    ]);
  });

  it('without epochs the first name counts, and any epoch is newer', () => {
    expect(namesOf(seen('a', UNKNOWN_EPOCH), seen('b', UNKNOWN_EPOCH))).toEqual(['a']);
    expect(namesOf(seen('a', UNKNOWN_EPOCH), seen('b', 0))).toEqual(['b']);
  });

  it('those that do not know it do not count', () => {
    expect(namesOf(undefined, seen('a', 1), undefined)).toEqual(['a']);
    expect(namesOf(undefined)).toEqual([]);
    expect(namesOf()).toEqual([]);
  });
});
