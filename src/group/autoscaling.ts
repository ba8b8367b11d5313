import { performance } from 'node:perf_hooks';
import { Autoscaler } from '../control/autoscale.js';
import type { Measurement } from '../control/load.js';
import { bridgeOf, type Lease } from '../core/bridge-store.js';
import type {
  Author,
  AutoscaleRule,
  Control,
  ControlChange,
  ControlStore,
  ProcessStatus,
} from '../core/control.js';
import { hasCode } from '../core/errors.js';
import { Loop, type Service } from '../core/service.js';
import { sizesOf } from '../core/sizes.js';
import type { Logger } from '../log/logger.js';
import { repeatedFailures } from '../log/throttle.js';
import type { GroupTotals } from '../redis/reading.js';

export interface AutoscalingOptions {
  /** Of this process, and of its bridge. */
  readonly id: string;
  /** Whether this process leads or pulls, and the group scales by itself, as far as it knows. */
  readonly isOn: () => boolean;
  /** Undefined without bridges: then the first of the processes that pull sets the size. */
  readonly readLease: (() => Promise<Lease>) | undefined;
  readonly readTotals: () => Promise<GroupTotals>;
  readonly control: ControlStore;
  /** ms between two measurements: what the processes report is no newer. */
  readonly heartbeat: number;
  /** Called when another size is set. */
  readonly onSet: () => void;
  readonly log: Logger;
}

/** Where the bridge of this process leads, or it is the first that pulls: measures the group once a heartbeat, sets its size. */
export class Autoscaling implements Service {
  readonly #options: AutoscalingOptions;
  readonly #loop: Loop;
  /** Made anew when the rule or the lead changes, and if the size is not the one that it decided: that may not have been set. */
  #scaler: { readonly autoscaler: Autoscaler; readonly madeFor: string } | undefined;
  #wasBound = false;

  constructor(options: AutoscalingOptions) {
    this.#options = options;
    const failures = repeatedFailures(options.log, 'autoscaling cannot measure the group');
    this.#loop = new Loop(
      options.heartbeat,
      async () => {
        await this.#look();
        failures.over();
      },
      (error) => {
        this.#scaler?.autoscaler.observe(undefined);
        failures.add(error);
      },
    );
  }

  start(): Promise<void> {
    return this.#loop.start();
  }

  stop(): Promise<void> {
    return this.#loop.stop();
  }

  async #look(): Promise<void> {
    const { id, isOn, readLease, readTotals, control: store, onSet, log } = this.#options;
    if (!isOn()) {
      this.#scaler = undefined;
      return;
    }
    const [lease, { control, processes }, totals] = await Promise.all([
      readLease?.(),
      store.readAll(),
      readTotals(),
    ]);
    const { autoscale: rule, revision: expected } = control;
    const leader = lease
      ? bridgeOf(lease.holder)
      : processes.flatMap((one) => (one.pulls ? [one.id] : [])).sort()[0];
    if (!rule || leader !== id) return;
    const autoscaler = this.#scalerFor(rule, lease?.token ?? 0, sizesOf(control, processes).wanted);
    const decision = autoscaler.observe(measurementOf(control, processes, totals));
    if (!decision) {
      this.#explain(autoscaler);
      return;
    }
    const { size, why } = decision;
    const author = { who: id, why };
    const isSet = lease
      ? await store.setSize(size, author, { token: lease.token, expected })
      : await changeUnlessStale(store, { size, autoscale: rule }, author, expected);
    if (isSet) {
      log.info({ size }, `autoscaling sets the size to ${size}: ${why}`);
      onSet();
    }
  }

  /** Says why the size stays. */
  #explain({ why, bound }: Autoscaler): void {
    const { log } = this.#options;
    // An operator can do something about it.
    if (bound && !this.#wasBound)
      log.warn({}, `bound downstream: more consumers do not help, as they share what limits them; ${why}`);
    else log.debug({}, `autoscaling keeps the size: ${why}`);
    this.#wasBound = bound;
  }

  #scalerFor(rule: AutoscaleRule, token: number, size: number): Autoscaler {
    const madeFor = JSON.stringify([rule.min, rule.max, rule.drainWithin, token]);
    if (this.#scaler?.madeFor !== madeFor || this.#scaler.autoscaler.size !== size)
      this.#scaler = { autoscaler: new Autoscaler(rule, size), madeFor };
    return this.#scaler.autoscaler;
  }
}

/** Without a lease the revision decides: of two processes that take themselves for the first, one succeeds. */
async function changeUnlessStale(
  store: ControlStore,
  change: ControlChange,
  author: Author,
  expected: number,
): Promise<boolean> {
  try {
    await store.change(change, author, expected);
    return true;
  } catch (error) {
    if (hasCode(error, 'STALE')) return false;
    throw error;
  }
}

/** The group at this moment. What is not due yet does not count: more consumers do not help there. */
export function measurementOf(
  control: Control,
  processes: readonly ProcessStatus[],
  { waiting, pending, counters }: GroupTotals,
): Measurement {
  const { running, capacity } = sizesOf(control, processes);
  const all = processes.reduce((sum, { consumers }) => sum + consumers, 0);
  return {
    at: performance.now(),
    relayed: counters.relayed,
    settled: counters.processed + counters.dead,
    backlog: waiting + pending,
    consumers: running,
    fixed: all - running,
    capacity,
    paused: control.paused,
    work: Object.fromEntries(processes.map(({ id, settled, busyMs }) => [id, { settled, busyMs }])),
  };
}
