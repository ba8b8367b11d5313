import { describe, expect, it } from 'vitest';
import { nearest } from '../../../src/settings/nearest.js';
import { settingNames } from '../../../src/settings/schema.js';

describe('nearest', () => {
  it.each([
    ['sise', 'size'],
    ['Size', 'size'],
    ['zise', 'size'],
    ['claim-after', 'claimAfter'],
    ['claim_after', 'claimAfter'],
    ['timout', 'timeout'],
    ['redisUrl', 'redis'],
    ['maxAttempt', 'maxAttempts'],
    ['loglevle', 'logLevel'],
    ['bridgess', 'bridges'],
  ])('suggests for %s: %s', (word, meant) => {
    expect(nearest(word, settingNames)).toBe(meant);
  });

  it.each(['foo', '', 'x', 'kubernetes', '__proto__'])('suggests nothing for %j', (word) => {
    expect(nearest(word, settingNames)).toBeUndefined();
  });
});
