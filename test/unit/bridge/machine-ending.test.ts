import { describe, expect, it } from 'vitest';
import { at, Bench, LEASE, ME, OTHER } from '../../helpers/machine-bench.js';

const RELEASE = { kind: 'release', token: 5 };

describe('the end of the subscription', () => {
  it('joining: gives up at once, for nothing that it has can be told from what others relayed', () => {
    const bench = new Bench().hear('a').end();
    expect(bench.machine.phase).toBe('ended');
    expect(bench.next()).toBeUndefined();
  });

  describe('following', () => {
    const ended = () => new Bench().mark({ epoch: 10, token: 4, holder: OTHER }).hear('a').end();

    it('looks at the lease, and gives up when all it received is relayed', () => {
      const bench = ended();
      expect(bench.next()).toEqual({ kind: 'look' });
      bench.looked({ token: 4, holder: OTHER, relayed: at(10, 1) });
      expect(bench.machine.phase).toBe('ended');
      expect(bench.next()).toBeUndefined();
    });

    it.each([
      ['what it received', at(10, 0)],
      ['what came before its first mark', at(9, 3)],
    ])('looks again while the leader has not relayed %s', (_name, relayed) => {
      const bench = new Bench().hear('p').mark({ epoch: 10, token: 4, holder: OTHER }).hear('a').end();
      for (let beat = 1; beat < 20; beat++) {
        expect(bench.later(LEASE - 1).next()).toEqual({ kind: 'look' });
        bench.looked({ token: 4, beat, holder: OTHER, relayed });
        expect(bench.machine.phase).toBe('following');
      }
    });

    it('looks again where the look was not answered', () => {
      const bench = ended();
      bench.next();
      bench.machine.failed(bench.now);
      expect(bench.next()).toEqual({ kind: 'look' });
    });

    it('takes the lead for the rest when the leader is silent for the lease, relays it, and gives it up', () => {
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

    it('takes the lead for the rest at once where nobody leads', () => {
      const bench = ended();
      bench.next();
      bench.looked({ token: 4, beat: 1, holder: '', relayed: at(10, 0) });
      expect(bench.next()).toEqual({ kind: 'take', token: 4, beat: 1 });
    });

    it('does not take the lead by what a mark said of it long ago', () => {
      const bench = new Bench().mark({ epoch: 10 }).hear('a').end().later(60_000);
      expect(bench.next()).toEqual({ kind: 'look' });
    });

    it('leaves the lead alone while an earlier subscription of its bridge has messages left', () => {
      const bench = ended();
      bench.next();
      bench.looked({ token: 4, holder: '', relayed: at(10, 0) });
      expect(bench.next(false)).toEqual({ kind: 'look' });
    });

    it('whose take went through without an answer relays as the leader that it is', () => {
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

  it('leading: relays the rest, then gives up the lead', () => {
    const bench = new Bench().lead().hear('a', 'b', 'c', 'd').end();
    expect(bench.next()).toMatchObject({ messages: ['a', 'b', 'c'] });
    bench.written();
    expect(bench.next()).toMatchObject({ messages: ['d'] });
    bench.written();
    expect(bench.next()).toEqual({ ...RELEASE, position: at(10, 4) });
  });

  it('while it takes the lead: relays before it gives up, for it may be the only one', () => {
    const bench = new Bench().mark({ epoch: 10 }).hear('a');
    bench.next();
    bench.end().took(5, at(10, 0));
    expect(bench.next()).toMatchObject({ kind: 'relay', messages: ['a'] });
    bench.written();
    expect(bench.next()).toEqual({ ...RELEASE, position: at(10, 1) });
  });

  it('leading, but fenced: sees to it that the other one relays the rest', () => {
    const bench = new Bench().lead().hear('a').end();
    bench.next();
    bench.fenced();
    expect(bench.next()).toEqual({ kind: 'look' });
    bench.looked({ token: 6, holder: OTHER, relayed: at(10, 0) });
    expect(bench.next()).toEqual({ kind: 'look' });
    bench.looked({ token: 6, beat: 1, holder: OTHER, relayed: at(10, 1) });
    expect(bench.machine.phase).toBe('ended');
  });

  it('is final only when the release was answered', () => {
    const bench = new Bench().lead().end();
    expect(bench.next()).toEqual({ ...RELEASE, position: at(10, 0) });
    bench.machine.failed(bench.now);
    expect(bench.next()).toEqual({ ...RELEASE, position: at(10, 0) });
  });

  it('whose release is fenced looks whether the rest is relayed', () => {
    const bench = new Bench().lead().end();
    bench.next();
    bench.machine.released({ kind: 'fenced' }, bench.now);
    expect(bench.next()).toEqual({ kind: 'look' });
    bench.looked({ token: 6, holder: OTHER, relayed: at(10, 0) });
    expect(bench.machine.phase).toBe('ended');
  });

  it('is at once where it is told to abandon what it has', () => {
    const bench = new Bench().lead().hear('a').end();
    bench.machine.abandon();
    expect(bench.machine.phase).toBe('ended');
    expect(bench.next()).toBeUndefined();
  });
});
