import { describe, expect, it } from 'vitest';
import { Autoscaler } from '../../../src/control/autoscale.js';
import type { AutoscaleRule } from '../../../src/core/control.js';
import { Numbers } from './numbers.js';

const RULE: AutoscaleRule = { min: 1, max: 100, drainWithin: 10_000 };

describe('the size', () => {
  it('is the formula, explained by its numbers', () => {
    const scaler = new Autoscaler(RULE, 4);
    // Four consumers settle 200 a second; 800 more wait each second.
    const [decision] = new Numbers().show(scaler, 4, { relayed: 1_000, settled: 200, consumers: 4 });
    // (3,196 / 10 s + 1,000 * 1 s / 10 s + 1,000 / 0.7) / 50
    expect(decision).toEqual({
      size: 37,
      why: 'backlog 3200, 1000 msg/s in, 50 msg/s per busy consumer, drain within 10 s, 70 % busy -> 37',
    });
    expect(scaler.why).toBe(decision?.why);
  });

  it.each([12, 20, 40])('does not depend on how many consumers share the work now: %i', (consumers) => {
    const scaler = new Autoscaler(RULE, consumers);
    new Numbers().show(scaler, 10, { relayed: 500, settled: 500, consumers });
    expect(scaler.why).toContain(
      '500 msg/s in, 50 msg/s per busy consumer, drain within 10 s, 70 % busy -> 16',
    );
  });

  it('leaves out what fixed consumers do', () => {
    const scaler = new Autoscaler(RULE, 4);
    const [decision] = new Numbers().show(scaler, 4, {
      relayed: 1_000,
      settled: 200,
      consumers: 0,
      fixed: 4,
    });
    expect(decision?.size).toBe(33);
    expect(decision?.why).toMatch(/4 fixed -> 33$/);
  });

  it('is within the rule at once, and says so', () => {
    const decision = new Autoscaler({ ...RULE, min: 3 }, 1).observe(undefined);
    expect(decision).toEqual({ size: 3, why: 'size 1; at least 3 allowed -> 3' });
    const scaler = new Autoscaler({ ...RULE, max: 10 }, 4);
    const [most] = new Numbers().show(scaler, 4, { relayed: 1_000, settled: 200, consumers: 4 });
    expect(most?.why).toMatch(/-> 37; at most 10 allowed -> 10$/);
  });

  it('may be more than the capacity, and says what that is', () => {
    const scaler = new Autoscaler(RULE, 4);
    const each = { relayed: 1_000, settled: 200, consumers: 4, capacity: 8 };
    expect(new Numbers().show(scaler, 4, each)[0]?.why).toMatch(/capacity 8 -> 37$/);
  });

  it('is never zero, even if the rule allows it and nothing comes in', () => {
    const scaler = new Autoscaler({ ...RULE, min: 0 }, 6);
    const numbers = new Numbers();
    for (const consumers of [6, 3, 2, 1]) numbers.show(scaler, 62, { relayed: 0, settled: 0, consumers });
    expect(scaler.why).toMatch(/-> 1$/);
  });
});

describe('without knowledge the size is kept', () => {
  it('if a measurement is lost', () => {
    const scaler = new Autoscaler(RULE, 7);
    expect(scaler.observe(undefined)).toBeUndefined();
    expect(scaler.why).toBe('no measurement -> 7');
  });

  it('if too little is measured yet', () => {
    const scaler = new Autoscaler(RULE, 4);
    expect(new Numbers(5_000).show(scaler, 3, { relayed: 900, settled: 200, consumers: 4 })).toEqual([]);
    expect(scaler.why).toBe('too few measurements yet -> 4');
  });

  it('if no message was settled yet', () => {
    const scaler = new Autoscaler(RULE, 4);
    expect(new Numbers().show(scaler, 100, { relayed: 10, settled: 0, consumers: 4 })).toEqual([]);
    expect(scaler.why).toContain('the speed of a consumer is unknown -> 4');
  });

  it('if the counters begin again', () => {
    const scaler = new Autoscaler(RULE, 30);
    new Numbers().show(scaler, 6, { relayed: 900, settled: 900, consumers: 30 });
    const emptied = new Numbers();
    expect(
      scaler.observe({ ...emptied.next({ relayed: 0, settled: 0, consumers: 30 }), at: 7_000 }),
    ).toBeUndefined();
    expect(scaler.why).toBe('too few measurements yet -> 30');
  });

  it('while the group is paused, and what is measured then does not count', () => {
    const scaler = new Autoscaler(RULE, 30);
    const numbers = new Numbers();
    const each = { relayed: 900, settled: 900, consumers: 30 };
    numbers.show(scaler, 20, each);
    expect(numbers.show(scaler, 90, { relayed: 0, settled: 0, consumers: 30, paused: true })).toEqual([]);
    expect(scaler.why).toBe('paused -> 30');
    expect(numbers.show(scaler, 20, { ...each, relayed: 100, settled: 100 })).toEqual([]);
    expect(scaler.why).toContain('a decrease waits for a minute of measurements');
  });
});

describe('the work of processes', () => {
  it('is compared process by process, so that one that comes or goes changes nothing', () => {
    const scaler = new Autoscaler(RULE, 20);
    const numbers = new Numbers();
    const each = { relayed: 500, settled: 500, consumers: 20 };
    numbers.show(scaler, 5, each);
    const slow = { settled: 1_000, busyMs: 1_000_000 };
    const m = numbers.next(each);
    scaler.observe({ ...m, work: { ...m.work, old: slow } });
    expect(scaler.why).toContain(' 50 msg/s per busy consumer');
    scaler.observe(numbers.next(each));
    expect(scaler.why).toContain(' 50 msg/s per busy consumer');
  });

  it('that began again is passed over once', () => {
    const scaler = new Autoscaler(RULE, 20);
    const numbers = new Numbers();
    const each = { relayed: 500, settled: 500, consumers: 20 };
    numbers.show(scaler, 5, each);
    scaler.observe({ ...numbers.next(each), work: { a: { settled: 3, busyMs: 1 } } });
    expect(scaler.why).toContain(' 50 msg/s per busy consumer');
  });
});

describe('a decrease', () => {
  it('waits for a minute, and halves the size until it is right', () => {
    const scaler = new Autoscaler(RULE, 32);
    const numbers = new Numbers();
    expect(numbers.show(scaler, 62, { relayed: 100, settled: 100, consumers: 32 })).toEqual([]);
    const decisions = [32, 16, 8].flatMap((consumers) =>
      numbers.show(scaler, 2, { relayed: 100, settled: 100, consumers }),
    );
    expect(decisions.map(({ size }) => size)).toEqual([16, 8, 4]);
    expect(decisions[0]?.why).toMatch(/-> 4; at most by half at a time -> 16$/);
    expect(decisions[2]?.why).toMatch(/-> 4$/);
  });

  it('compares what is needed, as one of a few consumers is more than 20 %', () => {
    const scaler = new Autoscaler(RULE, 5);
    // 3.06 are needed.
    const decisions = new Numbers().show(scaler, 64, { relayed: 100, settled: 100, consumers: 5 });
    expect(decisions.map(({ size }) => size)).toEqual([4]);
  });

  it('waits until the consumers of the last one are gone', () => {
    const scaler = new Autoscaler(RULE, 32);
    const numbers = new Numbers();
    expect(numbers.show(scaler, 80, { relayed: 100, settled: 100, consumers: 32 })).toHaveLength(1);
    expect(scaler.why).toContain('waits for the last decrease -> 16');
  });

  it('goes no lower than the largest recommendation of the last minute', () => {
    const scaler = new Autoscaler(RULE, 32);
    const numbers = new Numbers();
    numbers.show(scaler, 50, { relayed: 100, settled: 100, consumers: 32 });
    numbers.show(scaler, 5, { relayed: 600, settled: 600, consumers: 32 });
    const decisions = numbers.show(scaler, 50, { relayed: 100, settled: 100, consumers: 32 });
    expect(decisions.map(({ size }) => size)).toEqual([19]);
    expect(decisions[0]?.why).toContain('the largest number of the last minute');
  });
});
