import { expect, it } from 'vitest';
import { Latencies } from './latencies.js';

it('has the percentiles of the messages that count', () => {
  const latencies = new Latencies(10, 1_000);
  for (let number = 0; number < 10; number++) latencies.note(number, 1_000_000);
  for (let number = 1_009; number >= 10; number--) latencies.note(number, (number - 9) * 1_000);
  expect(latencies.isComplete).toBe(true);
  expect(latencies.percentiles()).toEqual({ p50: 500, p99: 990, p999: 999, max: 1_000 });
});

it('is complete when each message has come, and not before', () => {
  const latencies = new Latencies(0, 2);
  latencies.note(1, 5);
  expect([latencies.known, latencies.isComplete]).toEqual([1, false]);
  latencies.note(0, 0);
  expect([latencies.known, latencies.isComplete]).toEqual([2, true]);
});

it('counts no message twice, and no unknown one', () => {
  const latencies = new Latencies(0, 2);
  latencies.note(1, 0);
  expect(() => latencies.note(1, 5)).toThrow('second result of message 1');
  expect(() => latencies.note(2, 5)).toThrow('not published: 2');
  expect(() => latencies.note(Number.NaN, 5)).toThrow('not published: NaN');
});
