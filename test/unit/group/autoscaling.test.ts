import { performance } from 'node:perf_hooks';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Control } from '../../../src/core/control.js';
import { CgroupError } from '../../../src/core/errors.js';
import { Autoscaling, measurementOf } from '../../../src/group/autoscaling.js';
import { type Logger, silentLogger } from '../../../src/log/logger.js';
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

/** A group whose processes run the size at once, and settle 100 messages a second, however many consumers there are. */
class BoundStore extends FakeControlStore {
  readonly sizes: number[] = [];
  settled = 0;
  #busyMs = 0;

  override control: Control = { ...UNSET, size: 5, autoscale: { min: 1, max: 100, drainWithin: 10_000 } };

  override async setSize(size = 0): Promise<boolean> {
    this.sizes.push(size);
    this.control = { ...this.control, size };
    return true;
  }

  /** A second goes by. */
  second(): void {
    const consumers = this.control.size ?? 0;
    this.settled += 100;
    this.#busyMs += 1_000 * consumers;
    this.live = [
      managed('p', 'h', { capacity: 200, consumers, settled: this.settled, busyMs: this.#busyMs }),
    ];
  }
}

describe('autoscaling', () => {
  afterEach(() => {
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  async function run(holder: string, seconds: number) {
    vi.useFakeTimers();
    // That of node:perf_hooks is not faked with the timers.
    vi.spyOn(performance, 'now').mockImplementation(() => Date.now());
    const control = new BoundStore();
    const warnings: string[] = [];
    const log: Logger = { ...silentLogger, warn: (_fields, text) => warnings.push(text) };
    let relayed = 0;
    const autoscaling = new Autoscaling({
      id: 'me',
      isOn: () => true,
      readLease: async () => ({ token: 7, beat: 1, holder, relayed: undefined }),
      readTotals: async () => {
        control.second();
        relayed += 1_000;
        const { settled } = control;
        const { counters, ...status } = groupStatus({ waiting: relayed - settled });
        return { ...status, counters: { ...counters, relayed, processed: settled } };
      },
      control,
      heartbeat: 1_000,
      onSet: () => {},
      log,
    });
    await autoscaling.start();
    await vi.advanceTimersByTimeAsync(1_000 * seconds);
    const stopped = autoscaling.stop();
    await vi.advanceTimersByTimeAsync(1_000);
    await stopped;
    return { sizes: control.sizes, warnings };
  }

  it('warns once that more consumers do not help', async () => {
    const { sizes, warnings } = await run('me#3', 60);
    expect(sizes.length).toBeGreaterThan(1);
    expect(warnings).toEqual([expect.stringMatching(/^bound downstream: more consumers do not help/)]);
  });

  it('sets no size while another bridge leads', async () => {
    expect(await run('other#3', 20)).toEqual({ sizes: [], warnings: [] });
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
