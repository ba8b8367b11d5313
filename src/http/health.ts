import { performance } from 'node:perf_hooks';
import type { LiveTotals } from '../observe/status.js';
import { notReadyBecause, Standstill } from './readiness.js';
import type { GroupView } from './view.js';

/** Gathers from reading to reading what tells whether the process is ready. */
export class Health {
  readonly #view: GroupView;
  readonly #settling = new Standstill();
  readonly #relaying = new Standstill();
  #idleFor = 0;
  #unrelayedFor = 0;

  constructor(view: GroupView) {
    this.#view = view;
  }

  /** The group was read. */
  observe({ waiting, counters }: LiveTotals): void {
    const { stats, bridge, beatAge } = this.#view;
    const now = performance.now();
    // What waits is there for any consumer to take, while what is pending may lie with others.
    this.#idleFor = this.#settling.observe(beatAge !== undefined && waiting > 0, stats.settled, now);
    const relays = bridge?.leads === true && bridge.buffered > 0;
    this.#unrelayedFor = this.#relaying.observe(relays, counters.relayed, now);
  }

  /** Why the process is not ready; empty if it is. */
  reasons(readingAge: number | undefined): string[] {
    const { state, connected, bridge, beatAge, heartbeat, timeout } = this.#view;
    return notReadyBecause({
      state,
      connected,
      readingAge,
      bridgeInStep: bridge?.inStep,
      beatAge,
      heartbeat,
      idleFor: this.#idleFor,
      timeout,
      unrelayedFor: this.#unrelayedFor,
    });
  }
}
