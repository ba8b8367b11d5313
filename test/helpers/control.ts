import {
  type Author,
  type Control,
  type ControlChange,
  type ControlEvent,
  type ControlStore,
  isNamed,
  type ProcessEnd,
  type ProcessStatus,
} from '../../src/core/control.js';
import { CgroupError } from '../../src/core/errors.js';
import type { ControlReading } from '../../src/observe/control-status.js';
import type { ProcessView } from '../../src/observe/process-view.js';

/** A control that was never set. */
export const UNSET: Control = {
  revision: 0,
  size: undefined,
  paused: false,
  autoscale: undefined,
  drained: [],
};

/** What a status shows of a group that nothing was ever set of, and whose processes are not known. */
export const unset: ControlReading & { readonly processes: readonly ProcessView[] } = {
  control: {
    size: null,
    paused: false,
    pausedBy: null,
    autoscale: null,
    revision: 0,
    drained: [],
    wanted: 0,
    running: 0,
    capacity: 0,
    managed: 0,
    hosts: 0,
  },
  processes: [],
  ended: [],
};

/** A live managed process. */
export function managed(id: string, host: string, more: Partial<ProcessStatus> = {}): ProcessStatus {
  const counts = { capacity: 64, consumers: 0, settled: 0, busyMs: 0, share: 0, packSize: 250 };
  return { id, host, pid: 1, managed: true, ...counts, drained: false, beatAt: 0, ...more };
}

/** The same as a status shows it. */
export function shownProcess(id: string, host: string, more: Partial<ProcessView> = {}): ProcessView {
  return {
    id,
    host,
    pid: 1,
    managed: true,
    capacity: 64,
    share: 0,
    consumers: 0,
    stalled: 0,
    workers: null,
    pulls: false,
    drained: false,
    settled: 0,
    failed: 0,
    version: '0.1.0',
    uptimeMs: 60_000,
    heartbeat: 1_000,
    bridges: 2,
    recordAway: false,
    lastBeat: '2026-11-21T12:00:03.500Z',
    role: 'none',
    beatAgeMs: 487,
    silent: false,
    ...more,
  };
}

/** A control store in memory. */
export class FakeControlStore implements ControlStore {
  control = UNSET;
  log: ControlEvent[] = [];
  live: ProcessStatus[] = [];
  /** Called before each read of the processes: time goes on. */
  onLook: (store: FakeControlStore) => void = () => {};
  /** Called before each change: another operator may be faster. */
  onChange: (store: FakeControlStore) => void = () => {};

  constructor(...live: ProcessStatus[]) {
    this.live = live;
  }

  async read(): Promise<Control> {
    return this.control;
  }

  async change(change: ControlChange, author: Author, expected?: number): Promise<Control> {
    this.onChange(this);
    if (expected !== undefined && expected !== this.control.revision)
      throw new CgroupError('STALE', 'another change came first');
    return this.set(change, author);
  }

  /** Makes a change, as another operator does. */
  set(change: ControlChange, author: Author = { who: 'ben@b', why: 'because' }): Control {
    const before = this.control;
    const ends = change.size !== undefined && !change.autoscale;
    const after = { ...before, ...(ends ? { autoscale: undefined } : {}), ...change };
    if (JSON.stringify(after) === JSON.stringify(before)) return before;
    this.control = { ...after, revision: before.revision + 1 };
    const what = Object.entries(change).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
    const at = new Date(1_000 * this.control.revision).toISOString();
    const { revision } = this.control;
    this.log.push({ ...author, at, revision, what: what.join(', '), paused: this.control.paused });
    return this.control;
  }

  setSize(): Promise<boolean> {
    return Promise.reject(new Error('only a leader sets sizes'));
  }

  async events(): Promise<ControlEvent[]> {
    return [...this.log];
  }

  async ends(): Promise<ProcessEnd[]> {
    return [];
  }

  async processes(): Promise<ProcessStatus[]> {
    this.onLook(this);
    const { drained } = this.control;
    return this.live.map((one) => ({
      ...one,
      drained: drained.some((name) => isNamed(name, one)),
    }));
  }

  async readAll() {
    return { control: await this.read(), processes: await this.processes() };
  }
}
