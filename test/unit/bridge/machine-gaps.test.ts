import { describe, expect, it } from 'vitest';
import type { Lease } from '../../../src/core/bridge-store.js';
import { at, Bench, LEASE, OTHER } from '../../helpers/machine-bench.js';

describe('a full buffer', () => {
  /** Room for some ten messages; it leads, and Redis accepts nothing. */
  const full = () => {
    const bench = new Bench({ limits: { bytes: 200 } }).lead();
    for (let i = 0; i < 20; i++) bench.hear(`m${i}`);
    return bench;
  };

  it('drops the oldest messages, and counts them', () => {
    const { machine } = full();
    expect(machine.buffered + machine.dropped).toBe(20);
    expect(machine.dropped).toBeGreaterThan(8);
  });

  it('records the dropped messages as one gap, with their number', () => {
    const bench = full();
    const { dropped } = bench.machine;
    const gap = { reason: 'the buffer was full', since: undefined, dropped };
    expect(bench.next()).toMatchObject({
      from: at(10, 0),
      messages: [`m${dropped}`, expect.any(String), expect.any(String)],
      gap,
    });
    expect(bench.machine.dropped).toBe(dropped);
    bench.written();
    expect(bench.machine.dropped).toBe(0);
    expect(bench.next()).toMatchObject({ gap: undefined });
  });

  it('records them once if the answer was lost', () => {
    const bench = full();
    bench.next();
    bench.machine.failed(bench.now);
    const repeated = bench.next();
    expect(repeated).toMatchObject({ gap: { dropped: bench.machine.dropped } });
    if (repeated?.kind !== 'relay') throw new Error('no relay');
    bench.elsewhere(repeated.to);
    expect(bench.machine.dropped).toBe(0);
    expect(bench.next()).toMatchObject({ gap: undefined });
  });

  it('records one gap if it also joined too late', () => {
    const bench = new Bench({ limits: { bytes: 200 } }).mark({ epoch: 10, relayed: at(3, 20) });
    for (let i = 0; i < 20; i++) bench.hear(`m${i}`);
    const { dropped } = bench.machine;
    bench.next();
    bench.took(5, at(3, 20));
    expect(bench.next()).toMatchObject({
      from: at(3, 20),
      to: at(10, dropped),
      messages: [],
      gap: { dropped },
    });
    expect(bench.written().next()).toMatchObject({
      messages: [`m${dropped}`, expect.any(String), expect.any(String)],
      gap: undefined,
    });
  });

  it('records two if messages from before its first mark lie between them', () => {
    const bench = new Bench({ seen: 8, limits: { bytes: 200 } });
    bench.hear('p').mark({ epoch: 10, relayed: at(3, 20) });
    for (let i = 0; i < 20; i++) bench.hear(`m${i}`);
    const { dropped } = bench.machine;
    bench.next();
    bench.took(5, at(3, 20));
    const first = { reason: 'no bridge was subscribed', dropped: 0 };
    expect(bench.next()).toMatchObject({ to: at(10, 0), messages: ['p'], gap: first });
    const second = { reason: 'the buffer was full', dropped };
    expect(bench.written().next()).toMatchObject({ from: at(10, 0), gap: second });
    expect(bench.written().next()).toMatchObject({ gap: undefined });
  });

  it('keeps the newest messages from before its first mark, and records how many it dropped', () => {
    const bench = new Bench({ seen: 8, limits: { bytes: 200 } });
    for (let i = 0; i < 20; i++) bench.hear(`m${i}`);
    const { dropped } = bench.machine;
    expect(dropped).toBeGreaterThanOrEqual(10);
    expect(bench.machine.buffered).toBe(20 - dropped);
    bench.mark({ epoch: 10, relayed: at(3, 20) });
    bench.next();
    bench.took(5, at(3, 20));
    const newest = Array.from({ length: 20 - dropped }, (_, i) => `m${dropped + i}`);
    const gap = { reason: 'the buffer was full', dropped };
    expect(bench.next()).toMatchObject({ to: at(10, 0), messages: newest, gap });
    expect(bench.written().next()).toBeUndefined();
  });

  it('says in its gap whether another server took over', () => {
    const reasonOf = (home: Lease['home']) => {
      const bench = new Bench().mark({ epoch: 10, relayed: at(3, 20), home }).hear('a');
      bench.next();
      bench.took(5, at(3, 20));
      const action = bench.next();
      return action?.kind === 'relay' ? action.gap?.reason : action;
    };
    expect(reasonOf(undefined)).toBe('no bridge was subscribed');
    expect(reasonOf({ server: 'here', since: 2 })).toBe('no bridge was subscribed');
    expect(reasonOf({ server: 'here', since: 9 })).toBe(
      'another server took over, and no bridge was subscribed there yet',
    );
  });

  it('keeps one message that is longer than its limit', () => {
    const bench = new Bench({ limits: { bytes: 200 } }).hear('a', 'x'.repeat(2_000));
    expect([bench.machine.dropped, bench.machine.buffered]).toEqual([1, 1]);
  });

  it('does not count messages as dropped that another bridge has relayed', () => {
    const bench = new Bench({ limits: { bytes: 200 } }).mark({ epoch: 10, token: 4, holder: OTHER });
    for (let i = 0; i < 20; i++) bench.hear(`m${i}`);
    expect(bench.machine.dropped).toBeGreaterThan(0);
    bench.mark({ epoch: 11, token: 4, beat: 1, holder: OTHER, relayed: at(10, 15) });
    expect(bench.machine.dropped).toBe(0);
    expect(bench.machine.buffered).toBe(5);
  });
});

describe('a gap before a subscription', () => {
  it('ends at its first mark, however late the bridge takes the lead', () => {
    const bench = new Bench({ seen: 8 })
      .hear('a')
      .mark({ epoch: 10, relayed: at(3, 20) })
      .hear('b');
    bench.mark({ epoch: 11, relayed: at(3, 20) }).later(5 * LEASE);
    bench.next();
    bench.took(5, at(3, 20));
    const gap = { reason: 'no bridge was subscribed', since: 3, until: 10, dropped: 0 };
    expect(bench.next()).toMatchObject({ to: at(10, 0), messages: ['a'], gap });
  });

  it('has no known end where there are other servers', () => {
    const bench = new Bench();
    bench.machine.subscribed(0, 'one');
    bench.mark({ epoch: 10, relayed: at(3, 20) }).later(LEASE);
    bench.next();
    bench.took(5, at(3, 20));
    const gap = { reason: 'no bridge was subscribed', since: 3, until: undefined, dropped: 0 };
    expect(bench.next()).toMatchObject({ gap });
  });

  it('has no known end if messages were dropped after its first mark', () => {
    const bench = new Bench({ limits: { bytes: 200 } }).mark({ epoch: 10, relayed: at(3, 20) });
    for (let i = 0; i < 20; i++) bench.hear(`m${i}`);
    bench.next();
    bench.took(5, at(3, 20));
    const action = bench.next();
    expect(action).toMatchObject({ gap: { reason: 'the buffer was full' } });
    expect(action).not.toHaveProperty('gap.until');
  });
});

describe('a bridge that would record a gap', () => {
  const lacking = (bridges: number) =>
    new Bench().mark({ epoch: 10, token: 4, beat: 7, holder: OTHER, bridges, relayed: at(3, 20) });

  it('lets the others go first, for a lease', () => {
    const bench = lacking(2).later(2 * LEASE - 1);
    expect(bench.next()).toBeUndefined();
    expect(bench.later(1).next()).toMatchObject({ kind: 'take' });
  });

  it('lets them go first also if no bridge leads', () => {
    const bench = new Bench().mark({ epoch: 10, bridges: 2, relayed: at(3, 20) });
    expect(bench.later(LEASE - 1).next()).toBeUndefined();
    expect(bench.later(1).next()).toMatchObject({ kind: 'take' });
  });

  it('lets them go first again if its take failed', () => {
    const bench = lacking(2).later(2 * LEASE);
    expect(bench.next()).toMatchObject({ kind: 'take' });
    bench.machine.failed(bench.now);
    expect(bench.later(2 * LEASE - 1).next()).toBeUndefined();
    expect(bench.later(1).next()).toMatchObject({ kind: 'take' });
  });

  it('lets them go first after Redis could not be reached', () => {
    const bench = lacking(2).hear('a').end();
    const look = () => bench.looked({ token: 4, beat: 7, holder: OTHER, relayed: at(3, 20) });
    bench.next();
    bench.later(5 * LEASE).machine.failed(bench.now);
    expect(bench.next()).toEqual({ kind: 'look' });
    look();
    expect(bench.later(2 * LEASE - 1).next()).toEqual({ kind: 'look' });
    look();
    expect(bench.later(1).next()).toMatchObject({ kind: 'take' });
  });

  it('does not wait if there is no other', () => {
    expect(lacking(1).later(LEASE).next()).toMatchObject({ kind: 'take' });
  });

  it('does not wait if it lacks nothing', () => {
    const bench = new Bench().mark({ epoch: 10, token: 4, holder: OTHER, bridges: 2, relayed: at(10, 0) });
    expect(bench.later(LEASE).next()).toMatchObject({ kind: 'take' });
  });
});

it('a leader that takes over a position that cannot be read records a gap since the last beat', () => {
  const bench = new Bench().mark({ epoch: 10 }).hear('a');
  expect(bench.next()).toMatchObject({ kind: 'take' });
  bench.took(5, undefined, 7, true);
  expect(bench.next()).toMatchObject({ kind: 'relay', from: undefined, gap: { since: 7, dropped: 0 } });
  bench.written();
  expect(bench.next()).toMatchObject({ kind: 'relay', messages: ['a'], gap: undefined });
});
