import { describe, expect, it } from 'vitest';
import type { Position } from '../../../src/core/position.js';
import { at, Bench, LEASE, ME, OTHER } from '../../helpers/machine-bench.js';

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

describe('when Redis comes back with an older state', () => {
  /** The relay of d is refused: the position is the one after a. */
  const older = (bench?: Bench) => {
    const leader = relayed(bench).hear('d');
    leader.next();
    return leader.elsewhere(at(10, 1));
  };

  it('the leader relays again what Redis lacks, and records no gap', () => {
    const bench = older();
    const again = { from: at(10, 1), to: at(10, 4), messages: ['b', 'c', 'd'], gap: undefined };
    expect(bench.next()).toMatchObject(again);
    bench.written().hear('e');
    expect(bench.next()).toMatchObject({ from: at(10, 4), messages: ['e'], gap: undefined });
  });

  it('the leader relays it once if the answer is lost and more messages come meanwhile', () => {
    const bench = older();
    bench.next();
    bench.machine.failed(bench.now);
    bench.hear('e');
    expect(bench.next()).toMatchObject({ from: at(10, 1), to: at(10, 4), messages: ['b', 'c', 'd'] });
    bench.elsewhere(at(10, 4));
    expect(bench.next()).toMatchObject({ from: at(10, 4), messages: ['e'], gap: undefined });
  });

  it('the leader relays it again if it happens again', () => {
    const bench = older();
    bench.next();
    bench.elsewhere(at(10, 0));
    expect(bench.next()).toMatchObject({ from: at(10, 0), messages: ['a', 'b', 'c'], gap: undefined });
  });

  it('the leader asks for the position when a mark has an older one, even without messages', () => {
    const bench = relayed().mark(mine(11, at(10, 1)));
    const question = { kind: 'relay', from: at(10, 3), to: at(10, 3), messages: [], gap: undefined };
    expect(bench.next()).toMatchObject(question);
    bench.elsewhere(at(10, 1));
    expect(bench.next()).toMatchObject({ from: at(10, 1), messages: ['b', 'c'], gap: undefined });
  });

  it('the leader asks once if a mark only overtook the answer to a relay', () => {
    const bench = relayed().mark(mine(11, at(10, 1)));
    bench.next();
    expect(bench.written().next()).toBeUndefined();
    expect(bench.mark(mine(12, at(10, 3))).next()).toBeUndefined();
  });

  it('a leader whose subscription has ended relays it before it gives up the lead', () => {
    const bench = relayed().end();
    expect(bench.next()).toEqual({ kind: 'release', token: 5, position: at(10, 3) });
    bench.notReleased(at(10, 2));
    expect(bench.next()).toMatchObject({ kind: 'relay', from: at(10, 2), messages: ['c'], gap: undefined });
    bench.written();
    expect(bench.next()).toEqual({ kind: 'release', token: 5, position: at(10, 3) });
  });

  it('a follower that takes the lead relays it', () => {
    const bench = new Bench().mark({ epoch: 10, token: 4, holder: OTHER }).hear('a', 'b', 'c');
    bench.mark({ epoch: 11, token: 4, beat: 1, holder: OTHER, relayed: at(10, 3) });
    expect(bench.machine.buffered).toBe(0);
    bench.later(LEASE).next();
    bench.took(5, at(10, 1));
    expect(bench.relayAll()).toEqual(['b', 'c']);
  });

  it('a follower whose subscription has ended relays it if no other bridge does', () => {
    const bench = new Bench().mark({ epoch: 10, token: 4, holder: OTHER }).hear('a', 'b');
    bench.mark({ epoch: 11, token: 4, beat: 1, holder: OTHER, relayed: at(10, 2) }).end();
    bench.next();
    bench.looked({ token: 4, beat: 1, holder: '', relayed: at(10, 1) });
    expect(bench.next()).toMatchObject({ kind: 'take' });
    bench.took(5, at(10, 1));
    expect(bench.next()).toMatchObject({ kind: 'relay', messages: ['b'], gap: undefined });
  });

  it('the leader records a gap if the messages are no longer retained', () => {
    const bench = relayed(new Bench({ limits: { retain: 1_000 } }))
      .later(600)
      .mark(mine(11, at(10, 3)))
      .later(600)
      .mark(mine(12, at(10, 3)))
      .hear('d');
    bench.next();
    bench.elsewhere(at(10, 1));
    const gap = { reason: 'Redis came back with an older state', since: 10, dropped: 0 };
    expect(bench.next()).toMatchObject({ from: at(10, 1), to: at(12, 1), messages: ['d'], gap });
    bench.written().hear('e');
    expect(bench.next()).toMatchObject({ messages: ['e'], gap: undefined });
  });

  it('the leader records that gap before the position moves on, even without messages', () => {
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

describe('when the database is emptied', () => {
  // Since the last mark received: its number is a time.
  const gap = { reason: 'Redis lost its data', since: 10, dropped: 0 };

  it('a live leader relays only messages that were not relayed yet, and records one gap', () => {
    const bench = relayed().hear('d');
    bench.next();
    bench.elsewhere(undefined);
    expect(bench.next()).toMatchObject({ from: undefined, to: at(10, 0), messages: [], gap });
    bench.written();
    expect(bench.next()).toMatchObject({ from: at(10, 0), to: at(10, 4), messages: ['d'], gap: undefined });
  });

  it('the leader records one gap if the answer to the relay with the gap is lost', () => {
    const bench = relayed().hear('d');
    bench.next();
    bench.elsewhere(undefined);
    expect(bench.next()).toMatchObject({ to: at(10, 0), gap });
    bench.machine.failed(bench.now);
    expect(bench.next()).toMatchObject({ to: at(10, 0), gap }); // it may have been written
    bench.elsewhere(at(10, 0));
    expect(bench.next()).toMatchObject({ from: at(10, 0), messages: ['a', 'b', 'c'], gap: undefined });
  });

  it('the leader notices it even without messages', () => {
    const bench = relayed().mark(mine(11));
    bench.next();
    bench.elsewhere(undefined);
    expect(bench.next()).toMatchObject({ from: undefined, messages: [], gap: { ...gap, since: 11 } });
  });

  it('a leader whose subscription has ended relays all messages again, and records a gap', () => {
    const bench = relayed().end();
    bench.next();
    bench.notReleased(undefined);
    expect(bench.next()).toMatchObject({ from: undefined, to: at(10, 0), gap });
    bench.written();
    expect(bench.next()).toMatchObject({ messages: ['a', 'b', 'c'], gap: undefined });
    expect(bench.written().next()).toMatchObject({ kind: 'release', position: at(10, 3) });
  });

  it('a follower whose subscription has ended records a gap, even if it has nothing to relay', () => {
    const bench = new Bench().mark({ epoch: 10, token: 4, holder: OTHER, relayed: at(10, 0) }).end();
    bench.next();
    bench.looked({ relayed: undefined });
    expect(bench.next()).toMatchObject({ kind: 'take' });
    bench.took(1);
    expect(bench.next()).toMatchObject({ kind: 'relay', from: undefined, messages: [], gap });
    expect(bench.written().next()).toEqual({ kind: 'release', token: 1, position: at(10, 0) });
  });

  it('no gap is recorded if there never was a position', () => {
    const bench = new Bench().mark({ epoch: 10 });
    bench.next();
    bench.took(1);
    expect(bench.next()).toMatchObject({ from: undefined, gap: undefined });
  });
});
