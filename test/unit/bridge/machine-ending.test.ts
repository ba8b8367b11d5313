import { describe, expect, it } from 'vitest';
import { at, Bench, LEASE, ME, OTHER } from '../../helpers/machine-bench.js';

const RELEASE = { kind: 'release', token: 5 };

describe('the end of the subscription', () => {
  it('while joining gives up at once: others may have relayed any of its messages', () => {
    const bench = new Bench().hear('a').end();
    expect(bench.machine.phase).toBe('ended');
    expect(bench.next()).toBeUndefined();
  });

  describe('following', () => {
    const ended = () => new Bench().mark({ epoch: 10, token: 4, holder: OTHER }).hear('a').end();

    it('reads the lease, and ends when all its messages are relayed', () => {
      const bench = ended();
      expect(bench.next()).toEqual({ kind: 'look' });
      bench.looked({ token: 4, holder: OTHER, relayed: at(10, 1) });
      expect(bench.machine.phase).toBe('ended');
      expect(bench.next()).toBeUndefined();
    });

    it.each([
      ['its messages', at(10, 0)],
      ['the messages before its first mark', at(9, 3)],
    ])('reads it again while the leader has not relayed %s', (_name, relayed) => {
      const bench = new Bench().hear('p').mark({ epoch: 10, token: 4, holder: OTHER }).hear('a').end();
      for (let beat = 1; beat < 20; beat++) {
        expect(bench.later(LEASE - 1).next()).toEqual({ kind: 'look' });
        bench.looked({ token: 4, beat, holder: OTHER, relayed });
        expect(bench.machine.phase).toBe('following');
      }
    });

    it('reads it again if there was no answer', () => {
      const bench = ended();
      bench.next();
      bench.machine.failed(bench.now);
      expect(bench.next()).toEqual({ kind: 'look' });
    });

    it('takes the lead when the leader is silent for the lease, relays the rest, and gives up the lead', () => {
      const bench = ended();
      bench.next();
      bench.looked({ token: 4, beat: 1, holder: OTHER, relayed: at(10, 0) });
      expect(bench.later(LEASE - 1).next()).toEqual({ kind: 'look' });
      bench.looked({ token: 4, beat: 1, holder: OTHER, relayed: at(10, 0) });
      expect(bench.later(1).next()).toEqual({ kind: 'take', token: 4, beat: 1 });
      bench.took(5, at(10, 0));
      expect(bench.next()).toMatchObject({ kind: 'relay', messages: ['a'], gap: undefined });
      expect(bench.written().next()).toEqual({ ...RELEASE, position: at(10, 1) });
      expect(bench.released().machine.phase).toBe('ended');
    });

    it('takes the lead at once if no bridge leads', () => {
      const bench = ended();
      bench.next();
      bench.looked({ token: 4, beat: 1, holder: '', relayed: at(10, 0) });
      expect(bench.next()).toEqual({ kind: 'take', token: 4, beat: 1 });
    });

    it('does not take the lead by the lease of an old mark', () => {
      const bench = new Bench().mark({ epoch: 10 }).hear('a').end().later(60_000);
      expect(bench.next()).toEqual({ kind: 'look' });
    });

    it('does not take the lead while an earlier subscription of its bridge has messages left', () => {
      const bench = ended();
      bench.next();
      bench.looked({ token: 4, holder: '', relayed: at(10, 0) });
      expect(bench.next(false)).toEqual({ kind: 'look' });
    });

    it('takes the lead again if its take worked but was not answered', () => {
      const bench = ended();
      bench.next();
      bench.looked({ token: 4, holder: '', relayed: at(10, 0) }).next();
      bench.machine.failed(bench.now);
      expect(bench.next()).toMatchObject({ kind: 'take' });
      bench.machine.failed(bench.now);
      bench.machine.looked({ token: 5, beat: 0, holder: ME, relayed: at(10, 1) }, bench.now);
      expect(bench.machine.phase).toBe('following');
      expect(bench.next()).toEqual({ kind: 'take', token: 5, beat: 0 });
    });
  });

  it('while leading relays the rest, then gives up the lead', () => {
    const bench = new Bench().lead().hear('a', 'b', 'c', 'd').end();
    expect(bench.next()).toMatchObject({ messages: ['a', 'b', 'c'] });
    bench.written();
    expect(bench.next()).toMatchObject({ messages: ['d'] });
    bench.written();
    expect(bench.next()).toEqual({ ...RELEASE, position: at(10, 4) });
  });

  it('while taking the lead relays the rest first: no other bridge may have it', () => {
    const bench = new Bench().mark({ epoch: 10 }).hear('a');
    bench.next();
    bench.end().took(5, at(10, 0));
    expect(bench.next()).toMatchObject({ kind: 'relay', messages: ['a'] });
    bench.written();
    expect(bench.next()).toEqual({ ...RELEASE, position: at(10, 1) });
  });

  it('while leading, but fenced, waits until the new leader has relayed the rest', () => {
    const bench = new Bench().lead().hear('a').end();
    bench.next();
    bench.fenced();
    expect(bench.next()).toEqual({ kind: 'look' });
    bench.looked({ token: 6, holder: OTHER, relayed: at(10, 0) });
    expect(bench.next()).toEqual({ kind: 'look' });
    bench.looked({ token: 6, beat: 1, holder: OTHER, relayed: at(10, 1) });
    expect(bench.machine.phase).toBe('ended');
  });

  it('asks again for a release that was not answered', () => {
    const bench = new Bench().lead().end();
    expect(bench.next()).toEqual({ ...RELEASE, position: at(10, 0) });
    bench.machine.failed(bench.now);
    expect(bench.next()).toEqual({ ...RELEASE, position: at(10, 0) });
  });

  it('reads the lease after a fenced release: the rest may not be relayed', () => {
    const bench = new Bench().lead().end();
    bench.next();
    bench.machine.released({ kind: 'fenced' }, bench.now);
    expect(bench.next()).toEqual({ kind: 'look' });
    bench.looked({ token: 6, holder: OTHER, relayed: at(10, 0) });
    expect(bench.machine.phase).toBe('ended');
  });

  it('abandons its messages at once when asked to', () => {
    const bench = new Bench().lead().hear('a').end();
    bench.machine.abandon();
    expect(bench.machine.phase).toBe('ended');
    expect(bench.next()).toBeUndefined();
  });
});
