import type { RelayReply } from '../core/bridge-store.js';
import { CgroupError } from '../core/errors.js';
import type { LaneStore, NotedRelay } from '../core/lane-store.js';
import type { Packed } from '../core/packed.js';
import { isAfter, type Position } from '../core/position.js';

/** A reply can be lost, and a deposed leader can be late; more than a few times in one call nothing moves on. */
export const MOST_TRIES = 8;

/** A position is not the expected one, or another bridge leads: what the machine gets. */
export type Elsewhere = Exclude<RelayReply, { kind: 'written' }>;

/** A lane as its leader knows it. */
export class LaneWriter {
  readonly number: number;
  readonly store: LaneStore;
  /** Up to where it is written. */
  reached: Position | undefined;
  /** What the position of the group has noted of it. */
  noted: Position | undefined;
  /** Up to where it was written before its node came back with an older state: it is not again yet. */
  lost: Position | undefined;

  constructor(number: number, store: LaneStore) {
    this.number = number;
    this.store = store;
  }

  /**
   * Writes its part of a relay. Resolves to what keeps it from counting.
   *
   * @param part the messages after what it has
   * @param again gives them anew, once the lane turned out to have more
   */
  async write(request: NotedRelay, part: Packed, again: () => Packed): Promise<Elsewhere | undefined> {
    const { caller, token, to, packSize, whole } = request;
    let messages = part;
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const from = this.reached;
      // What a lane has lost may be none of its messages: its position says so.
      if (messages.length === 0 && !(this.lost && isAfter(to, from))) return undefined;
      const reply = await this.store.relay({ caller, token, from, to, messages, packSize, whole });
      if (reply.kind === 'written') {
        this.reached = to;
        if (this.lost && !isAfter(this.lost, to)) this.lost = undefined;
        return undefined;
      }
      let { position } = reply.kind === 'elsewhere' ? reply : { position: undefined };
      if (reply.kind === 'fenced') {
        // A lane that came back with an older state has an earlier leader.
        const found = await this.store.lead(caller, token);
        if (!found.led) return reply;
        position = found.position;
      }
      if (isAfter(from, position)) return this.lose(position);
      // Its own reply was lost, or an earlier leader was late.
      this.reached = position;
      messages = again();
    }
    throw stuck();
  }

  /** It is at an earlier position than it was: its node came back with an older state. */
  lose(position: Position | undefined): Elsewhere {
    if (!this.lost || isAfter(this.reached, this.lost)) this.lost = this.reached;
    this.reached = position;
    return { kind: 'elsewhere', position };
  }
}

export function stuck(): CgroupError {
  return new CgroupError('OUTCOME_UNKNOWN', 'the positions of the lanes change all the time');
}
