import { expect, it } from 'vitest';
import { measurementOf } from '../../../src/group/autoscaling.js';
import { managed, UNSET } from '../../helpers/control.js';
import { groupStatus } from '../../helpers/status.js';

it('a measurement keeps managed and fixed consumers apart, and leaves out what no consumer can begin yet', () => {
  const processes = [
    managed('a1', 'a', { capacity: 10, consumers: 4, settled: 100, busyMs: 2_000 }),
    managed('b1', 'b', { capacity: 30, consumers: 2, settled: 50, busyMs: 700, drained: true }),
    managed('c1', 'c', { managed: false, capacity: 7, consumers: 7, settled: 9, busyMs: 90 }),
  ];
  const status = groupStatus();
  const counters = { ...status.counters, relayed: 1_000, processed: 700, dead: 20 };
  const totals = { ...status, waiting: 200, pending: 30, retrying: 50, counters };
  expect(measurementOf({ ...UNSET, paused: true }, processes, totals)).toEqual({
    at: expect.any(Number),
    relayed: 1_000,
    settled: 720,
    backlog: 230,
    consumers: 6,
    fixed: 7,
    capacity: 10,
    paused: true,
    work: {
      a1: { settled: 100, busyMs: 2_000 },
      b1: { settled: 50, busyMs: 700 },
      c1: { settled: 9, busyMs: 90 },
    },
  });
});
