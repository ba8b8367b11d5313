import { performance } from 'node:perf_hooks';
import { MISSED_BEATS } from '../core/registry.js';
import { sourceText } from '../core/source.js';
import type { LiveTotals } from '../observe/status.js';
import type { GroupView } from './view.js';

/** What decides whether a process is ready: its own state, and what was measured. */
type Watched = Pick<
  GroupView,
  | 'state'
  | 'connected'
  | 'bridge'
  | 'source'
  | 'pullFailingFor'
  | 'beatAge'
  | 'activeConsumers'
  | 'stalledConsumers'
  | 'workers'
  | 'recordAway'
  | 'heartbeat'
  | 'timeout'
>;

/** All in ms. */
interface Measured {
  /** Age of the last reading of the group; undefined before the first. */
  readonly readingAge: number | undefined;
  /** For how long messages have waited while this process settled none. */
  readonly idleFor: number;
  /** For how long this process has had messages to relay while none was relayed. */
  readonly unrelayedFor: number;
}

/** ms. Readings come once a second. */
const READING_LATE = 5_000;
/** ms on top of the longest attempt: its result has to be written too. */
const SETTLE_WITHIN = 5_000;
/** ms */
const RELAY_WITHIN = 5_000;

/** The reasons why a process is not ready, in words; empty if it is ready. */
export function notReadyBecause(view: Watched, { readingAge, idleFor, unrelayedFor }: Measured): string[] {
  const { state, connected, bridge, beatAge, workers, heartbeat, timeout } = view;
  const { activeConsumers, stalledConsumers } = view;
  if (state !== 'running') return [state === 'starting' ? 'it is starting' : 'it is stopping'];
  const reasons: string[] = [];
  if (!connected) reasons.push('it is not connected to Redis');
  else if (readingAge === undefined) reasons.push('the group could not be read yet');
  else if (readingAge > READING_LATE)
    reasons.push(`the group could not be read for ${READING_LATE / 1_000} s`);
  if (bridge?.inStep === false) reasons.push('its bridge is not in step');
  if (view.pullFailingFor > RELAY_WITHIN)
    reasons.push(
      `nothing could be taken from the ${sourceText(view.source)} for ${seconds(view.pullFailingFor)}`,
    );
  if (beatAge !== undefined && beatAge > MISSED_BEATS * heartbeat)
    reasons.push(`the last heartbeat was ${seconds(beatAge)} ago`);
  if (activeConsumers > 0 && stalledConsumers >= activeConsumers)
    reasons.push('its processor cannot be started or reached: its log says why');
  if (view.recordAway) reasons.push('its system of record takes no rows: its log says why');
  if (workers === 0) reasons.push('no worker is connected');
  if (idleFor > timeout + SETTLE_WITHIN)
    reasons.push(`messages wait, and its consumers have settled none for ${seconds(idleFor)}`);
  if (unrelayedFor > RELAY_WITHIN)
    reasons.push(`its bridge leads, and has relayed none of what it received for ${seconds(unrelayedFor)}`);
  return reasons;
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1_000)} s`;
}

/** Measures for how long there has been work and no progress. */
export class Standstill {
  #done: number | undefined;
  #since = 0;

  /**
   * @param work whether there is anything to do
   * @param done a number that changes with everything that is done
   * @param now monotonic clock, ms
   * @returns ms
   */
  observe(work: boolean, done: number, now: number): number {
    if (!work || done !== this.#done) this.#since = now;
    this.#done = done;
    return now - this.#since;
  }
}

/** Follows from reading to reading whether the process is ready. */
export class Readiness {
  readonly #view: GroupView;
  readonly #settling = new Standstill();
  readonly #relaying = new Standstill();
  #idleFor = 0;
  #unrelayedFor = 0;

  constructor(view: GroupView) {
    this.#view = view;
  }

  /** Takes a new reading of the group. */
  observe({ waiting, counters }: LiveTotals): void {
    const { stats, bridge, activeConsumers } = this.#view;
    const now = performance.now();
    // Any consumer can take a waiting message; a pending one may be held by another process.
    this.#idleFor = this.#settling.observe(activeConsumers > 0 && waiting > 0, stats.settled, now);
    const relays = bridge?.leads === true && bridge.buffered > 0;
    this.#unrelayedFor = this.#relaying.observe(relays, counters.relayed, now);
  }

  /** The reasons why the process is not ready; empty if it is ready. */
  reasons(readingAge: number | undefined): string[] {
    const [idleFor, unrelayedFor] = [this.#idleFor, this.#unrelayedFor];
    return notReadyBecause(this.#view, { readingAge, idleFor, unrelayedFor });
  }
}
