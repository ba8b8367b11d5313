import { expect, it } from 'vitest';
import { Autoscaler } from '../../../src/control/autoscale.js';
import type { AutoscaleRule } from '../../../src/core/control.js';
import { Numbers } from './numbers.js';

const RULE: AutoscaleRule = { min: 1, max: 500, drainWithin: 10_000 };

/** A group that settles 200 a second, however many consumers it has, after so many seconds. */
function boundAt200(seconds: number) {
  const [scaler, numbers] = [new Autoscaler(RULE, 4), new Numbers()];
  const decisions = [];
  let size = 4;
  for (let second = 0; second < seconds; second++) {
    const work = size * 5;
    const decision = scaler.observe(numbers.next({ relayed: 400, settled: 200, work, consumers: size }));
    if (decision) decisions.push(decision);
    size = decision?.size ?? size;
  }
  return { scaler, numbers, decisions, size };
}

it('after two increases that gained nothing the size stays, and the reason is said', () => {
  const { scaler, decisions, size } = boundAt200(60);
  expect(decisions).toHaveLength(2);
  expect(decisions[1]?.why).toContain('at most twice as many, as the last increase gained too little');
  expect(size).toBe(2 * (decisions[0]?.size ?? 0));
  expect(scaler.why).toContain('bound downstream');
  expect(scaler.why.endsWith(`-> ${size}`)).toBe(true);
});

it('a group that is bound goes on when more is settled than before', () => {
  const { scaler, numbers, size } = boundAt200(40);
  const each = { relayed: 4_000, settled: 400, work: 100, consumers: size };
  expect(numbers.show(scaler, 20, each).map((decision) => decision.size > size)).toContain(true);
});

it('a group that is bound and has worked off its backlog is bound no more', () => {
  const { scaler, numbers, size } = boundAt200(40);
  const each = { work: 20, consumers: size };
  numbers.show(scaler, 40, { ...each, relayed: 0, settled: 200 });
  const decisions = numbers.show(scaler, 5, { ...each, relayed: 9_000, settled: 220 });
  expect(decisions.length).toBeGreaterThan(0);
});

it('an increase whose consumers do not come is no proof of a bound', () => {
  const scaler = new Autoscaler(RULE, 4);
  const numbers = new Numbers();
  const each = { relayed: 400, consumers: 4, capacity: 4 };
  const decisions = Array.from({ length: 60 }, () => [
    ...numbers.show(scaler, 2, { ...each, settled: 200 }),
    ...numbers.show(scaler, 2, { ...each, settled: 190 }),
  ]).flat();
  expect(decisions.length).toBeGreaterThan(2);
  expect(decisions.filter(({ why }) => why.includes('gained'))).toEqual([]);
});
