import { describe, expect, it } from 'vitest';
import { BridgeMachine } from '../../../src/bridge/machine.js';
import type { Position } from '../../../src/core/position.js';
import { at, BENCH_OPTIONS, Bench, LEASE, ME, OTHER } from '../../helpers/machine-bench.js';

describe('joining', () => {
  it('does nothing before the first mark, however long that takes', () => {
    const bench = new Bench().hear('a', 'b').later(3_600_000);
    expect(bench.machine.phase).toBe('joining');
    expect(bench.next()).toBeUndefined();
    expect(bench.machine.buffered).toBe(2);
    expect(bench.machine.markIntent()).toEqual({ seen: 0, token: undefined, advance: undefined });
  });

  it('sends with its first mark the highest mark of earlier subscriptions', () => {
    const bench = new Bench({ seen: 99 });
    expect(bench.machine.markIntent().seen).toBe(99);
    expect(bench.mark({ epoch: 10 }).machine.seen).toBe(99);
  });

  it('ignores marks until it knows which were made before its subscription, and those then', () => {
    const late = new BridgeMachine({ ...BENCH_OPTIONS, seen: 5 });
    expect(late.cut(20, 0)).toBe(true);
    expect(late.phase).toBe('joining');
    late.subscribed(30);
    expect(late.cut(30, 0)).toBe(false);
    expect(late.phase).toBe('joining');
    expect(late.cut(31, 0)).toBe(true);
    expect(late.phase).toBe('following');
  });

  it('follows from the first mark on', () => {
    const bench = new Bench().mark({ epoch: 10, holder: OTHER });
    expect(bench.machine.phase).toBe('following');
    expect(bench.machine.holder).toBe(OTHER);
    expect(bench.machine.markIntent()).toEqual({ seen: 10, token: undefined, advance: undefined });
  });
});

describe('following', () => {
  const following = () => new Bench().mark({ epoch: 10, token: 4, beat: 7, holder: OTHER });

  it('keeps messages until a mark says that they are relayed', () => {
    const bench = following()
      .hear('a', 'b')
      .mark({ epoch: 11, token: 4, beat: 8, holder: OTHER })
      .hear('c', 'd');
    expect(bench.machine.buffered).toBe(4);
    bench.mark({ epoch: 12, token: 4, beat: 9, holder: OTHER, relayed: at(10, 1) });
    expect(bench.machine.buffered).toBe(3);
    bench.mark({ epoch: 13, token: 4, beat: 10, holder: OTHER, relayed: at(11, 1) });
    expect(bench.machine.buffered).toBe(1);
  });

  it('keeps the messages from before its first mark until all of them are known to be relayed', () => {
    const bench = new Bench()
      .hear('a', 'b')
      .mark({ epoch: 10, token: 4, holder: OTHER, relayed: at(9, 500) });
    expect(bench.machine.buffered).toBe(2);
    bench.mark({ epoch: 11, token: 4, beat: 1, holder: OTHER, relayed: at(10, 0) });
    expect(bench.machine.buffered).toBe(0);
  });

  it('remembers the highest mark: the next one must be above it', () => {
    const bench = following().mark({ epoch: 30, holder: OTHER }).mark({ epoch: 12, holder: OTHER });
    expect(bench.machine.markIntent().seen).toBe(30);
  });

  it('ignores a mark that is heard again: later messages stay in their epoch', () => {
    const bench = following().hear('a').mark({ epoch: 11, holder: OTHER }).hear('b');
    for (const epoch of [10, 11, 3]) expect(bench.machine.cut(epoch, bench.now)).toBe(false);
    bench.hear('c').reply({ token: 4, beat: 8, holder: OTHER, relayed: at(11, 1) });
    expect(bench.machine.buffered).toBe(1);
    expect(bench.later(LEASE).next()).toMatchObject({ kind: 'take' });
    bench.took(5, at(11, 1));
    expect(bench.next()).toMatchObject({ messages: ['c'], to: at(11, 2) });
  });

  it('does not take a lead of which Redis has not told yet', () => {
    const bench = new Bench();
    expect(bench.machine.cut(10, bench.now)).toBe(true);
    expect(bench.later(10 * LEASE).next()).toBeUndefined();
    expect(bench.reply({}).next()).toMatchObject({ kind: 'take', token: 0, beat: 0 });
  });

  it('takes the lead when there was no new beat for the lease, with the last token and beat', () => {
    const bench = following().later(LEASE - 1);
    expect(bench.next()).toBeUndefined();
    expect(bench.later(1).next()).toEqual({ kind: 'take', token: 4, beat: 7 });
  });

  it('waits for the lease again after each new beat', () => {
    const bench = following();
    for (let beat = 8; beat < 20; beat++) {
      expect(bench.later(LEASE - 1).next()).toBeUndefined();
      bench.mark({ epoch: 10 + beat, token: 4, beat, holder: OTHER });
    }
  });

  it('does not count the mark of another follower, without a new beat, as a sign of the leader', () => {
    const bench = following();
    for (let n = 0; n < 9; n++) bench.later(100).mark({ epoch: 11 + n, token: 4, beat: 7, holder: OTHER });
    expect(bench.later(100).next()).toEqual({ kind: 'take', token: 4, beat: 7 });
  });

  it('counts a new token with the same beat as a sign of life', () => {
    const bench = following().later(900).mark({ epoch: 11, token: 5, beat: 7, holder: 'third#1' });
    expect(bench.later(900).next()).toBeUndefined();
    expect(bench.later(100).next()).toEqual({ kind: 'take', token: 5, beat: 7 });
  });

  it.each([
    ['no bridge leads', ''],
    ['it leads itself, by a take that was not answered', ME],
  ])('takes the lead at once if %s', (_name, holder) => {
    const bench = new Bench().mark({ epoch: 10, token: 4, beat: 7, holder });
    expect(bench.next()).toEqual({ kind: 'take', token: 4, beat: 7 });
  });

  it('keeps following when its take is refused, and waits one lease', () => {
    const bench = following().later(LEASE);
    bench.next();
    expect(bench.refused().machine.phase).toBe('following');
    expect(bench.later(LEASE - 1).next()).toBeUndefined();
    expect(bench.later(1).next()).toMatchObject({ kind: 'take' });
  });

  it('waits for the next mark when its take of a free lead is refused', () => {
    const bench = new Bench().mark({ epoch: 10 });
    bench.next();
    expect(bench.refused().next()).toBeUndefined();
    bench.mark({ epoch: 11, token: 1, beat: 0, holder: OTHER });
    expect(bench.next()).toBeUndefined();
    // The faster one is gone already: the lead is free again.
    bench.mark({ epoch: 12, token: 1, beat: 0, holder: '' });
    expect(bench.next()).toEqual({ kind: 'take', token: 1, beat: 0 });
  });

  it('asks again if a take is not answered', () => {
    const bench = new Bench().mark({ epoch: 10, token: 4, beat: 7 });
    const take = bench.next();
    bench.machine.failed(bench.now);
    expect(bench.next()).toEqual(take);
  });
});

describe('taking the lead', () => {
  it('drops the messages up to the stored position, and relays the rest in order', () => {
    const bench = new Bench()
      .mark({ epoch: 10, holder: OTHER })
      .hear('a', 'b')
      .mark({ epoch: 11, holder: OTHER })
      .hear('c', 'd');
    bench.later(LEASE).next();
    bench.took(5, at(10, 1), 40_000);
    expect(bench.machine.phase).toBe('leading');
    expect(bench.machine.holder).toBe(ME);
    expect(bench.next()).toEqual({
      kind: 'relay',
      token: 5,
      from: at(10, 1),
      to: at(11, 2),
      messages: ['b', 'c', 'd'],
      gap: undefined,
    });
  });

  it('drops messages still to come if the leader before had relayed them', () => {
    const bench = new Bench().mark({ epoch: 10, holder: OTHER }).hear('a');
    bench.later(LEASE).next();
    bench.took(5, at(10, 3)).hear('b', 'c', 'd');
    expect(bench.relayAll()).toEqual(['d']);
  });

  it('of a new group relays all messages, also those from before the first mark, and records no gap', () => {
    const bench = new Bench().hear('a', 'b', 'c', 'd').mark({ epoch: 1 }).hear('e');
    bench.next();
    bench.took(1);
    // In one batch, however many: only its end has a position.
    expect(bench.next()).toEqual({
      kind: 'relay',
      token: 1,
      from: undefined,
      to: at(1, 0),
      messages: ['a', 'b', 'c', 'd'],
      gap: undefined,
    });
    expect(bench.written().relayAll()).toEqual(['e']);
  });

  describe('from a position before its first mark', () => {
    /** Has seen mark 8, then two messages before mark 10 and one after it; the stored position is given. */
    const late = (position: Position, lastBeat?: number) => {
      const bench = new Bench({ seen: 8 }).hear('a', 'b').mark({ epoch: 10 }).hear('c');
      bench.next();
      return bench.took(5, position, lastBeat);
    };

    it.each([
      ['the position, if the leader beat after it', 40_000, 3],
      ['the last beat, if that is earlier', 2, 2],
    ])('records one gap since %s', (_, lastBeat, since) => {
      const bench = late(at(3, 20), lastBeat);
      const gap = { reason: 'no bridge was subscribed', since, dropped: 0 };
      expect(bench.next()).toMatchObject({ from: at(3, 20), to: at(10, 0), messages: ['a', 'b'], gap });
      bench.written();
      expect(bench.next()).toMatchObject({ from: at(10, 0), messages: ['c'], gap: undefined });
    });

    it('records it even if it has nothing to relay', () => {
      const bench = new Bench().mark({ epoch: 10 });
      bench.next();
      bench.took(5, at(3, 20));
      expect(bench.next()).toMatchObject({ messages: [], to: at(10, 0), gap: { since: 3 } });
    });

    it.each([at(9, 1), at(8, 1)])('relays nothing twice: %j may be after its first messages', (position) => {
      const bench = late(position);
      expect(bench.next()).toMatchObject({ to: at(10, 0), messages: [] });
      expect(bench.written().relayAll()).toEqual(['c']);
    });

    it.each([at(9, 0), at(7, 5)])('relays all its messages if %j is before them', (position) => {
      expect(late(position).next()).toMatchObject({ messages: ['a', 'b'] });
    });

    it('sends the gap again if the outcome is unknown, and not a third time', () => {
      const bench = late(at(3, 20));
      const first = bench.next();
      bench.machine.failed(bench.now);
      expect(bench.next()).toEqual(first);
      bench.elsewhere(at(10, 0));
      expect(bench.next()).toMatchObject({ from: at(10, 0), messages: ['c'], gap: undefined });
    });
  });
});
