import { describe, expect, it } from 'vitest';
import { Meter, monitorLine, monitorSample } from '../../../src/observe/rate.js';
import type { GroupStatus } from '../../../src/observe/status.js';
import { groupStatus } from '../../helpers/status.js';

const consumer = (id: string) => ({ id, host: 'h', pid: 1, pending: 24, processed: 0, process: 'p1' });

/** The status of a group that has processed this number of messages. */
const status = (processed: number): GroupStatus =>
  groupStatus({
    bridges: [{ id: 'b', leads: true }],
    consumers: ['c1', 'c2', 'c3', 'c4', 'c5'].map(consumer),
    waiting: 7,
    pending: 120,
    retrying: 3,
    backlog: 130,
    counters: {
      ...groupStatus().counters,
      relayed: processed + 132,
      processed,
      failed: 9,
      retried: 8,
      dead: 2,
    },
  });

describe('a monitor line', () => {
  it('has the documented form', () => {
    const sample = {
      time: '2026-11-21T12:00:03Z',
      rate: 124_310,
      total: 372_930,
      backlog: 0,
      pending: 120,
      retrying: 0,
      dead: 0,
      consumers: 5,
    };
    expect(monitorLine(sample)).toBe(
      '2026-11-21T12:00:03Z 124310 msg/s total=372930 backlog=0 pending=120 retrying=0 dead=0 consumers=5',
    );
  });
});

describe('a monitor sample', () => {
  it('takes its numbers from the status, with the documented keys in their order', () => {
    expect(JSON.stringify(monitorSample(status(1_000), 333))).toBe(
      '{"time":"2026-11-21T12:00:03Z","rate":333,"total":1000,"backlog":130,"pending":120,"retrying":3,"dead":2,"consumers":5}',
    );
  });
});

describe('the meter', () => {
  it('gives the count per second between two readings, and nothing for the first', () => {
    const meter = new Meter();
    const rates = [
      [1_000, 5_000],
      [4_000, 8_000],
      [4_000, 9_000],
      [4_333, 9_500],
      [4_334, 12_500],
    ].map(([total = 0, now = 0]) => meter.rate(total, now));
    expect(rates).toEqual([undefined, 1_000, 0, 666, 0]);
  });

  it('is 0, not negative, after the database was flushed, and right from the next reading on', () => {
    const meter = new Meter();
    meter.rate(9_000, 0);
    expect(meter.rate(100, 1_000)).toBe(0);
    expect(meter.rate(300, 2_000)).toBe(200);
  });

  it('gives nothing for two readings at the same moment, and goes on with the next', () => {
    const meter = new Meter();
    meter.rate(1, 1_000);
    expect(meter.rate(50, 1_000)).toBeUndefined();
    expect(meter.rate(60, 2_000)).toBe(10);
  });
});

it('a monitor line names lanes that are away, and has no rate then', () => {
  const sample = monitorSample({ ...status(7), awayLanes: ['out:{0}', 'out:{2}'] }, null);
  expect(sample).toMatchObject({ rate: null, total: 7, awayLanes: ['out:{0}', 'out:{2}'] });
  expect(monitorLine(sample)).toMatch(/Z \? msg\/s total=7 .* consumers=5 awayLanes=out:\{0\},out:\{2\}$/);
  expect(monitorSample({ ...status(7), awayLanes: [] }, 1)).not.toHaveProperty('awayLanes');
});
