import { describe, expect, it } from 'vitest';
import { bad, findings } from '../../helpers/facts.js';

describe('the doctor', () => {
  it('finds nothing wrong with a healthy group, and names every check', () => {
    const all = findings({});
    expect(bad(all)).toEqual([]);
    expect(all.map(({ check }) => check)).toEqual([
      'rights',
      'version',
      'role',
      'replicas',
      'persistence',
      'eviction',
      'memory',
      'output buffer',
      'message size',
      'clock',
      'latency',
      'keys',
      'stream ids',
      'owner',
      'bridges',
      'consumers',
      'control',
      'other groups',
    ]);
  });
});
