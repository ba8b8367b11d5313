import { describe, expect, it } from 'vitest';
import { at, Bench, LEASE, OTHER } from '../../helpers/machine-bench.js';

describe('a full buffer', () => {
  /** Room for some ten messages; leads, and Redis takes nothing. */
  const full = () => {
    const bench = new Bench({ limits: { bytes: 200 } }).lead();
    for (let i = 0; i < 20; i++) bench.hear(`m${i}`);
    return bench;
  };

  it('lets the oldest go, and counts them', () => {
    const { machine } = full();
    expect(machine.buffered + machine.dropped).toBe(20);
    expect(machine.dropped).toBeGreaterThan(8);
  });

  it('tells those it let go as a gap, with their number, once', () => {
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

  it('tells them once where the answer was lost', () => {
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

  it('tells one gap where it also joined too late', () => {
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

  it('tells two where something lies between them that it heard before its first mark', () => {
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

  it('keeps the newest of what came before its first mark, and tells how many it did not', () => {
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

  it('keeps a message longer than all it may keep, as the only one', () => {
    const bench = new Bench({ limits: { bytes: 200 } }).hear('a', 'x'.repeat(2_000));
    expect([bench.machine.dropped, bench.machine.buffered]).toEqual([1, 1]);
  });

  it('does not lose what somebody else has relayed', () => {
    const bench = new Bench({ limits: { bytes: 200 } }).mark({ epoch: 10, token: 4, holder: OTHER });
    for (let i = 0; i < 20; i++) bench.hear(`m${i}`);
    expect(bench.machine.dropped).toBeGreaterThan(0);
    bench.mark({ epoch: 11, token: 4, beat: 1, holder: OTHER, relayed: at(10, 15) });
    expect(bench.machine.dropped).toBe(0);
    expect(bench.machine.buffered).toBe(5);
  });
});

describe('a bridge that would tell a gap', () => {
  const lacking = (bridges: number) =>
    new Bench().mark({ epoch: 10, token: 4, beat: 7, holder: OTHER, bridges, relayed: at(3, 20) });

  it('lets the others go first, for a lease', () => {
    const bench = lacking(2).later(2 * LEASE - 1);
    expect(bench.next()).toBeUndefined();
    expect(bench.later(1).next()).toMatchObject({ kind: 'take' });
  });

  it('lets them go first where nobody leads, too', () => {
    const bench = new Bench().mark({ epoch: 10, bridges: 2, relayed: at(3, 20) });
    expect(bench.later(LEASE - 1).next()).toBeUndefined();
    expect(bench.later(1).next()).toMatchObject({ kind: 'take' });
  });

  it('lets them go first again where its take failed', () => {
    const bench = lacking(2).later(2 * LEASE);
    expect(bench.next()).toMatchObject({ kind: 'take' });
    bench.machine.failed(bench.now);
    expect(bench.later(2 * LEASE - 1).next()).toBeUndefined();
    expect(bench.later(1).next()).toMatchObject({ kind: 'take' });
  });

  it('lets them go first where Redis could not be reached', () => {
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

  it('does not wait where there is no other', () => {
    expect(lacking(1).later(LEASE).next()).toMatchObject({ kind: 'take' });
  });

  it('does not wait where it lacks nothing', () => {
    const bench = new Bench().mark({ epoch: 10, token: 4, holder: OTHER, bridges: 2, relayed: at(10, 0) });
    expect(bench.later(LEASE).next()).toMatchObject({ kind: 'take' });
  });
});
