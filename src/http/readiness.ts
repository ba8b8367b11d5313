/** What is known of a process when it is asked whether it is ready. All ages and times in ms. */
export interface ReadinessFacts {
  readonly state: 'starting' | 'running' | 'stopping';
  readonly connected: boolean;
  /** Since the group was last read; undefined if it never was. */
  readonly readingAge: number | undefined;
  /** Undefined where no bridge runs in this process. */
  readonly bridgeInStep: boolean | undefined;
  /** Undefined where no consumers run in this process. */
  readonly beatAge: number | undefined;
  readonly heartbeat: number;
  /** For how long messages have waited and this process has settled none. */
  readonly idleFor: number;
  /** How long an attempt may take. */
  readonly timeout: number;
  /** For how long this process has had messages to relay and none was relayed. */
  readonly unrelayedFor: number;
}

/** Readings come once a second. */
const READING_LATE = 5_000;
/** Missed heartbeats after which others take a consumer for dead. */
const MISSED_BEATS = 3;
/** Beyond the longest attempt: its result has to be written too. */
const SETTLE_WITHIN = 5_000;
const RELAY_WITHIN = 5_000;

/** Why a process is not ready, in words; empty if it is. */
export function notReadyBecause(facts: ReadinessFacts): string[] {
  const { state, readingAge, beatAge, heartbeat, idleFor, timeout, unrelayedFor } = facts;
  if (state !== 'running') return [state === 'starting' ? 'it is starting' : 'it is stopping'];
  const reasons: string[] = [];
  if (!facts.connected) reasons.push('it is not connected to Redis');
  else if (readingAge === undefined) reasons.push('the group could not be read yet');
  else if (readingAge > READING_LATE)
    reasons.push(`the group could not be read for ${READING_LATE / 1_000} s`);
  if (facts.bridgeInStep === false) reasons.push('its bridge is not in step');
  if (beatAge !== undefined && beatAge > MISSED_BEATS * heartbeat)
    reasons.push(`the last heartbeat was ${seconds(beatAge)} ago`);
  if (idleFor > timeout + SETTLE_WITHIN)
    reasons.push(`messages wait, and its consumers have settled none for ${seconds(idleFor)}`);
  if (unrelayedFor > RELAY_WITHIN)
    reasons.push(`its bridge leads, and has relayed none of what it received for ${seconds(unrelayedFor)}`);
  return reasons;
}

function seconds(ms: number): string {
  return `${Math.round(ms / 1_000)} s`;
}

/** Tells for how long there has been work and no progress. */
export class Standstill {
  #done: number | undefined;
  #since = 0;

  /**
   * @param work whether there is anything to do
   * @param done a number that changes with all that is done
   * @param now monotonic clock, ms
   * @returns ms
   */
  observe(work: boolean, done: number, now: number): number {
    if (!work || done !== this.#done) this.#since = now;
    this.#done = done;
    return now - this.#since;
  }
}
