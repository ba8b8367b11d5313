import type { RelayReply } from '../core/bridge-store.js';
import { CgroupError } from '../core/errors.js';
import type { DealtRelay, LaneStore, PassedGap } from '../core/lane-store.js';
import type { LanePart } from '../core/lanes.js';
import { isAfter, type Position } from '../core/position.js';

/** A reply can be lost, and a deposed leader can be late; more than a few times in one call nothing moves on. */
export const MOST_TRIES = 8;

/** A position is not the expected one, or another bridge leads: what the machine gets. */
export type NotWritten = Exclude<RelayReply, { kind: 'written' }>;

/** A lane as its leader knows it. */
export class LaneWriter {
  readonly store: LaneStore;
  /** Up to where it is written. */
  reached: Position | undefined;
  /** The last gap before that, as it was when the lane was taken. */
  passed: PassedGap | undefined;

  /** Since when it has not answered what it was asked; ms, monotonic. Undefined if its last call was answered. */
  silentSince: number | undefined;
  readonly #now: () => number;

  /** @param now ms, monotonic */
  constructor(store: LaneStore, now: () => number) {
    this.store = store;
    this.#now = now;
  }

  /** A bridge has taken it. */
  taken(position: Position | undefined, passed: PassedGap | undefined): void {
    this.reached = position;
    this.passed = passed;
    this.silentSince = undefined;
  }

  async #relay(request: DealtRelay): Promise<RelayReply> {
    this.silentSince ??= this.#now();
    const reply = await this.store.relay(request);
    this.silentSince = undefined;
    return reply;
  }

  /**
   * Writes its part of a relay, and moves it to the end of that, unless it is further. Resolves to what keeps it from counting: `elsewhere`
   * is an earlier position than it was at, because its node came back with an older state.
   *
   * @param partOf gives its messages after what it has; `tries` is 0 the first time
   * @param always even if it has none
   */
  async write(
    request: DealtRelay,
    partOf: (tries: number) => LanePart,
    always: boolean,
  ): Promise<NotWritten | undefined> {
    const { caller, token } = request;
    // Its node is another one than that of the group.
    const call = { ...request, on: undefined, gap: undefined };
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const from = this.reached;
      const part = partOf(tries);
      if (part.messages.length === 0 && !always) return undefined;
      const to = from && isAfter(from, request.to) ? from : request.to;
      const reply = await this.#relay({ ...call, from, to, ...part });
      if (reply.kind === 'late') return reply;
      if (reply.kind === 'written') {
        this.reached = to;
        return undefined;
      }
      let position = reply.kind === 'elsewhere' ? reply.position : undefined;
      if (reply.kind === 'fenced') {
        // A lane that came back with an older state has an earlier leader.
        const found = await this.store.lead(caller, token);
        if (!found.led) return reply;
        position = found.position;
      }
      this.reached = position;
      if (isAfter(from, position)) return { kind: 'elsewhere', position };
      // Its own reply was lost, or an earlier leader was late.
    }
    throw stuck();
  }
}

export function stuck(): CgroupError {
  return new CgroupError('OUTCOME_UNKNOWN', 'the positions of the lanes change all the time');
}
