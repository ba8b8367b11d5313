import type { Autoscaler } from '../../../src/control/autoscale.js';
import type { Measurement } from '../../../src/control/load.js';

/** What happens in each of some seconds. */
interface Each {
  readonly relayed: number;
  readonly settled: number;
  /** ms of work of a message. */
  readonly work?: number;
  readonly consumers: number;
  readonly fixed?: number;
  readonly capacity?: number;
  readonly paused?: boolean;
}

/** A group whose numbers the test gives. */
export class Numbers {
  #at = 0;
  #relayed: number;
  #settled = 0;
  #busyMs = 0;

  constructor(backlog = 0) {
    this.#relayed = backlog;
  }

  next(each: Each): Measurement {
    const { relayed, settled, work = 20, consumers, fixed = 0, capacity = 100, paused = false } = each;
    this.#at += 1_000;
    this.#relayed += relayed;
    this.#settled += settled;
    this.#busyMs += settled * work;
    const backlog = this.#relayed - this.#settled;
    const done = { settled: this.#settled, busyMs: this.#busyMs };
    return {
      at: this.#at,
      relayed: this.#relayed,
      settled: this.#settled,
      backlog,
      consumers,
      fixed,
      capacity,
      paused,
      work: { a: done },
    };
  }

  /** Lets an autoscaler see so many seconds, and returns what it decided. */
  show(scaler: Autoscaler, seconds: number, each: Each) {
    const seen = Array.from({ length: seconds }, () => scaler.observe(this.next(each)));
    return seen.filter((decision) => decision !== undefined);
  }
}
