import { describe, expect, it } from 'vitest';
import { LeaseWatch } from '../../../src/bridge/lease-watch.js';
import type { Lease } from '../../../src/core/bridge-store.js';

const lease: Lease = { token: 4, beat: 7, holder: 'other#1', relayed: undefined };

describe('a lease watch', () => {
  it.each([
    ['token', { token: 5 }],
    ['beat', { beat: 8 }],
    ['holder', { holder: 'third#1' }],
  ])('measures the time since the last change of the %s', (_name, change) => {
    const watch = new LeaseWatch();
    watch.observe(lease, 1_000);
    watch.observe(lease, 1_500);
    expect(watch.unchangedFor(1_600)).toBe(600);
    watch.observe({ ...lease, ...change }, 1_700);
    expect(watch.unchangedFor(2_000)).toBe(300);
  });

  it('keeps the last position, which is no change of the lease', () => {
    const watch = new LeaseWatch();
    watch.observe(lease, 1_000);
    const moved = { ...lease, relayed: { epoch: 1, offset: 2 } };
    watch.observe(moved, 1_500);
    expect(watch.lease).toEqual(moved);
    expect(watch.unchangedFor(2_000)).toBe(1_000);
  });

  it.each([
    ['no bridge', '', true],
    ['the same bridge', 'me#1', true],
    ['another bridge', 'other#1', false],
  ])('with %s as the holder ("%s"): vacant is %s', (_name, holder, vacant) => {
    const watch = new LeaseWatch();
    watch.observe({ ...lease, holder }, 1_000);
    expect(watch.isVacantFor('me#1')).toBe(vacant);
  });

  it('is not vacant between a refused take and the next report', () => {
    const watch = new LeaseWatch();
    const vacant = { ...lease, holder: '' };
    watch.observe(vacant, 1_000);
    watch.outdate(1_500);
    expect(watch.isVacantFor('me#1')).toBe(false);
    expect(watch.unchangedFor(1_600)).toBe(100);
    watch.observe(vacant, 1_700);
    expect(watch.isVacantFor('me#1')).toBe(true);
  });
});
