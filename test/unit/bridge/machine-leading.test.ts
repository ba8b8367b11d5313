import { describe, expect, it } from 'vitest';
import { at, Bench, LEASE, ME, OTHER } from '../../helpers/machine-bench.js';

describe('leading', () => {
  it('relays messages in batches, each from the end of the last one', () => {
    const bench = new Bench().lead().hear('a', 'b', 'c', 'd');
    expect(bench.next()).toMatchObject({ from: at(10, 0), to: at(10, 3), messages: ['a', 'b', 'c'] });
    bench.written();
    expect(bench.next()).toMatchObject({ from: at(10, 3), to: at(10, 4), messages: ['d'] });
    bench.written();
    expect(bench.next()).toBeUndefined();
    expect(bench.machine.buffered).toBe(0);
  });

  it('relays an eighth of a long queue at once, and no more than eight times the usual', () => {
    const queue = (length: number) => Array.from({ length }, (_, i) => String(i));
    const counts = (length: number) => {
      const action = new Bench()
        .lead()
        .hear(...queue(length))
        .next();
      return action?.kind === 'relay' ? action.messages.length : undefined;
    };
    expect([24, 40, 96, 192, 1_000].map(counts)).toEqual([3, 5, 12, 24, 24]);
    const bench = new Bench().lead().hear(...queue(1_000));
    expect(bench.relayAll()).toEqual(queue(1_000));
  });

  it('does one thing at a time', () => {
    const bench = new Bench().lead().hear('a');
    expect(bench.next()).toBeDefined();
    bench.hear('b').mark({ epoch: 11, token: 5, beat: 1, holder: ME }).machine.end();
    expect(bench.next()).toBeUndefined();
    expect(bench.written().next()).toMatchObject({ messages: ['b'] });
  });

  it('goes on from the true position if the inbox has more than it knew', () => {
    const bench = new Bench().lead().hear('a', 'b');
    bench.next();
    bench.machine.failed(bench.now);
    bench.hear('c');
    expect(bench.next()).toMatchObject({ from: at(10, 0), messages: ['a', 'b', 'c'] });
    // The first relay was written, though its answer was lost.
    bench.elsewhere(at(10, 2));
    expect(bench.next()).toMatchObject({ from: at(10, 2), messages: ['c'], gap: undefined });
  });

  it('sends a relay again that was not written', () => {
    const bench = new Bench().lead().hear('a');
    const relay = bench.next();
    bench.machine.failed(bench.now);
    expect(bench.next()).toEqual(relay);
  });

  it('follows when it is fenced, keeps its messages, and waits for the next mark', () => {
    const bench = new Bench().lead().mark({ epoch: 11, token: 5, beat: 1, holder: ME }).hear('a');
    bench.next();
    bench.fenced();
    expect(bench.machine.phase).toBe('following');
    expect(bench.next()).toBeUndefined();
    bench.mark({ epoch: 12, token: 6, beat: 1, holder: OTHER });
    expect(bench.later(LEASE - 1).next()).toBeUndefined();
    expect(bench.machine.buffered).toBe(1);
    expect(bench.machine.markIntent()).toMatchObject({ token: undefined, advance: undefined });
  });

  it('follows when a mark has a higher token, and ignores the answer to the relay under way', () => {
    const bench = new Bench().lead().hear('a');
    bench.next();
    bench.mark({ epoch: 11, token: 6, beat: 0, holder: OTHER });
    expect(bench.machine.phase).toBe('following');
    expect(bench.machine.holder).toBe(OTHER);
    bench.written();
    expect(bench.machine.buffered).toBe(1);
    bench.mark({ epoch: 12, token: 6, beat: 1, holder: OTHER, relayed: at(10, 1) });
    expect(bench.machine.buffered).toBe(0);
  });

  it('ignores marks with a lower token', () => {
    const bench = new Bench().lead().hear('a').mark({ epoch: 11, token: 4, beat: 9, holder: OTHER });
    expect(bench.machine.phase).toBe('leading');
    expect(bench.next()).toMatchObject({ kind: 'relay', token: 5, messages: ['a'] });
  });
});

describe('the mark of a leader', () => {
  it('carries its token: a beat', () => {
    expect(new Bench().lead().machine.markIntent()).toEqual({ seen: 10, token: 5, advance: undefined });
  });

  it('moves the position while no messages come', () => {
    const bench = new Bench()
      .lead()
      .mark({ epoch: 11, token: 5, holder: ME })
      .mark({ epoch: 12, token: 5, holder: ME });
    expect(bench.machine.markIntent().advance).toEqual({ from: at(10, 0), to: at(12, 0) });
    expect(bench.machine.markIntent().advance).toBeUndefined();
    bench.hear('a');
    expect(bench.next()).toMatchObject({ from: at(12, 0), to: at(12, 1) });
  });

  it.each<[string, (bench: Bench) => unknown]>([
    ['a message waits', (bench) => bench.hear('a')],
    ['a relay is under way', (bench) => bench.hear('a').next()],
    ['a relay is not answered', (bench) => [bench.hear('a').next(), bench.machine.failed(bench.now)]],
  ])('does not move it while %s', (_name, happens) => {
    const bench = new Bench().lead();
    bench.mark({ epoch: 11, token: 5, holder: ME });
    happens(bench);
    expect(bench.machine.markIntent().advance).toBeUndefined();
  });

  it('does not move it while messages from before the first mark are not relayed', () => {
    const bench = new Bench().mark({ epoch: 10 });
    bench.next();
    bench.took(5, at(3, 0));
    expect(bench.machine.markIntent().advance).toBeUndefined();
  });

  it('costs one refused relay if it does not arrive', () => {
    const bench = new Bench().lead().mark({ epoch: 11, token: 5, holder: ME });
    expect(bench.machine.markIntent().advance).toBeDefined();
    bench.hear('a').next();
    bench.elsewhere(at(10, 0));
    expect(bench.next()).toMatchObject({ from: at(10, 0), to: at(11, 1), messages: ['a'], gap: undefined });
  });
});
