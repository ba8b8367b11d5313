import { describe, expect, it } from 'vitest';
import type { Position } from '../../src/position.js';
import { at, Bench, LEASE, ME, OTHER } from '../helpers/machine-bench.js';

/** Leads with token 5, and has relayed a, b and c, one by one, from mark 10 on. */
const relayed = (bench = new Bench()) => {
  bench.lead();
  for (const message of ['a', 'b', 'c']) {
    bench.hear(message).next();
    bench.written();
  }
  return bench;
};
const mine = (epoch: number, position?: Position) => ({ epoch, token: 5, holder: ME, relayed: position });

describe('a Redis that comes back with an older state', () => {
  /** Is refused with d: the position is that after a. */
  const older = (bench?: Bench) => {
    const leader = relayed(bench).hear('d');
    leader.next();
    return leader.elsewhere(at(10, 1));
  };

  it('is given again what it lacks, and no gap is told', () => {
    const bench = older();
    const again = { from: at(10, 1), to: at(10, 4), messages: ['b', 'c', 'd'], gap: undefined };
    expect(bench.next()).toMatchObject(again);
    bench.written().hear('e');
    expect(bench.next()).toMatchObject({ from: at(10, 4), messages: ['e'], gap: undefined });
  });

  it('is given it once, where the answer was lost and more had come meanwhile', () => {
    const bench = older();
    bench.next();
    bench.machine.failed(bench.now);
    bench.hear('e');
    expect(bench.next()).toMatchObject({ from: at(10, 1), to: at(10, 4), messages: ['b', 'c', 'd'] });
    bench.elsewhere(at(10, 4));
    expect(bench.next()).toMatchObject({ from: at(10, 4), messages: ['e'], gap: undefined });
  });

  it('is given it again where it happens again', () => {
    const bench = older();
    bench.next();
    bench.elsewhere(at(10, 0));
    expect(bench.next()).toMatchObject({ from: at(10, 0), messages: ['a', 'b', 'c'], gap: undefined });
  });

  it('is found out in silence too: a mark that tells an older position makes it ask', () => {
    const bench = relayed().mark(mine(11, at(10, 1)));
    const question = { kind: 'relay', from: at(10, 3), to: at(10, 3), messages: [], gap: undefined };
    expect(bench.next()).toMatchObject(question);
    bench.elsewhere(at(10, 1));
    expect(bench.next()).toMatchObject({ from: at(10, 1), messages: ['b', 'c'], gap: undefined });
  });

  it('is not suspected for long, where a mark only overtook the answer of a relay', () => {
    const bench = relayed().mark(mine(11, at(10, 1)));
    bench.next();
    expect(bench.written().next()).toBeUndefined();
    expect(bench.mark(mine(12, at(10, 3))).next()).toBeUndefined();
  });

  it('is given it by a leader whose subscription has ended, before that gives up the lead', () => {
    const bench = relayed().end();
    expect(bench.next()).toEqual({ kind: 'release', token: 5, position: at(10, 3) });
    bench.notReleased(at(10, 2));
    expect(bench.next()).toMatchObject({ kind: 'relay', from: at(10, 2), messages: ['c'], gap: undefined });
    bench.written();
    expect(bench.next()).toEqual({ kind: 'release', token: 5, position: at(10, 3) });
  });

  it('is given it by a follower that takes the lead', () => {
    const bench = new Bench().mark({ epoch: 10, token: 4, holder: OTHER }).hear('a', 'b', 'c');
    bench.mark({ epoch: 11, token: 4, beat: 1, holder: OTHER, relayed: at(10, 3) });
    expect(bench.machine.buffered).toBe(0);
    bench.later(LEASE).next();
    bench.took(5, at(10, 1));
    expect(bench.relayAll()).toEqual(['b', 'c']);
  });

  it('is given it by a follower whose subscription has ended, where nobody else does', () => {
    const bench = new Bench().mark({ epoch: 10, token: 4, holder: OTHER }).hear('a', 'b');
    bench.mark({ epoch: 11, token: 4, beat: 1, holder: OTHER, relayed: at(10, 2) }).end();
    bench.next();
    bench.looked({ token: 4, beat: 1, holder: '', relayed: at(10, 1) });
    expect(bench.next()).toMatchObject({ kind: 'take' });
    bench.took(5, at(10, 1));
    expect(bench.next()).toMatchObject({ kind: 'relay', messages: ['b'], gap: undefined });
  });

  it('is told as a gap where that was longer ago than is kept', () => {
    const bench = relayed(new Bench({ limits: { retain: 1_000 } }))
      .later(600)
      .mark(mine(11, at(10, 3)))
      .later(600)
      .mark(mine(12, at(10, 3)))
      .hear('d');
    bench.next();
    bench.elsewhere(at(10, 1));
    const gap = { reason: 'Redis came back with an older state', since: undefined, dropped: 0 };
    expect(bench.next()).toMatchObject({ from: at(10, 1), to: at(12, 1), messages: ['d'], gap });
    bench.written().hear('e');
    expect(bench.next()).toMatchObject({ messages: ['e'], gap: undefined });
  });

  it('is told as a gap even in silence, before the position moves on', () => {
    const bench = relayed(new Bench({ limits: { retain: 100 } })).later(200);
    bench
      .mark(mine(11, at(10, 3)))
      .later(200)
      .mark(mine(12, at(10, 1)));
    bench.next();
    bench.elsewhere(at(10, 1));
    expect(bench.machine.markIntent().advance).toBeUndefined();
    const gap = { reason: 'Redis came back with an older state' };
    expect(bench.next()).toMatchObject({ from: at(10, 1), to: at(10, 3), messages: [], gap });
    bench.written();
    expect(bench.machine.markIntent().advance).toEqual({ from: at(10, 3), to: at(12, 0) });
  });
});

describe('an emptied database', () => {
  const gap = { reason: 'Redis lost its data', since: undefined, dropped: 0 };

  it('before a live leader is given what was not relayed yet, and not again what was; a gap is told, once', () => {
    const bench = relayed().hear('d');
    bench.next();
    bench.elsewhere(undefined);
    expect(bench.next()).toMatchObject({ from: undefined, to: at(10, 0), messages: [], gap });
    bench.written();
    expect(bench.next()).toMatchObject({ from: at(10, 0), to: at(10, 4), messages: ['d'], gap: undefined });
  });

  it('is found out in silence too', () => {
    const bench = relayed().mark(mine(11));
    bench.next();
    bench.elsewhere(undefined);
    expect(bench.next()).toMatchObject({ from: undefined, messages: [], gap });
  });

  it('after the subscription has ended is an accident, and is given all again; a gap is told', () => {
    const bench = relayed().end();
    bench.next();
    bench.notReleased(undefined);
    expect(bench.next()).toMatchObject({ from: undefined, to: at(10, 0), gap });
    bench.written();
    expect(bench.next()).toMatchObject({ messages: ['a', 'b', 'c'], gap: undefined });
    expect(bench.written().next()).toMatchObject({ kind: 'release', position: at(10, 3) });
  });

  it('after the subscription has ended is told of by a follower that has nothing to relay', () => {
    const bench = new Bench().mark({ epoch: 10, token: 4, holder: OTHER, relayed: at(10, 0) }).end();
    bench.next();
    bench.looked({ relayed: undefined });
    expect(bench.next()).toMatchObject({ kind: 'take' });
    bench.took(1);
    expect(bench.next()).toMatchObject({ kind: 'relay', from: undefined, messages: [], gap });
    expect(bench.written().next()).toEqual({ kind: 'release', token: 1, position: at(10, 0) });
  });

  it('has lost nothing where there never was a position', () => {
    const bench = new Bench().mark({ epoch: 10 });
    bench.next();
    bench.took(1);
    expect(bench.next()).toMatchObject({ from: undefined, gap: undefined });
  });
});

describe('a full buffer', () => {
  /** Room for some ten messages; leads, and Redis takes nothing. */
  const full = () => {
    const bench = new Bench({ limits: { bytes: 1_100 } }).lead();
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
    const bench = new Bench({ limits: { bytes: 1_100 } }).mark({ epoch: 10, relayed: at(3, 20) });
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
    const bench = new Bench({ seen: 8, limits: { bytes: 1_100 } });
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

  it('does not lose what somebody else has relayed', () => {
    const bench = new Bench({ limits: { bytes: 1_100 } }).mark({ epoch: 10, token: 4, holder: OTHER });
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
