import { expect, it, onTestFinished } from 'vitest';
import { CgroupError } from '../../../src/core/errors.js';
import { Autoscaling, measurementOf } from '../../../src/group/autoscaling.js';
import { silentLogger } from '../../../src/log/logger.js';
import { FakeControlStore, managed, UNSET } from '../../helpers/control.js';
import { groupStatus } from '../../helpers/status.js';
import { until } from '../../helpers/until.js';

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

it.each([
  ['without a reply', () => Promise.reject(new CgroupError('OUTCOME_UNKNOWN', 'no reply'))],
  ['that is refused', () => Promise.resolve(false)],
])('a size %s is set when the group is measured again', async (_, fails) => {
  const store = new FakeControlStore(managed('a1', 'a', { consumers: 2 }));
  store.control = { ...UNSET, size: 2, autoscale: { min: 6, max: 9, drainWithin: 1_000 } };
  let tries = 0;
  const setSize = async (size: number): Promise<boolean> => {
    if (++tries < 3) return fails();
    store.control = { ...store.control, size };
    return true;
  };
  const autoscaling = new Autoscaling({
    id: 'a1',
    isOn: () => true,
    readLease: async () => ({ token: 4, beat: 1, holder: 'a1#1', relayed: undefined }),
    readTotals: async () => groupStatus(),
    control: Object.assign(store, { setSize }),
    heartbeat: 1,
    onSet: () => {},
    log: silentLogger,
  });
  onTestFinished(() => autoscaling.stop());
  await autoscaling.start();
  await until(() => store.control.size === 6, { what: 'the least size of the rule' });
});
