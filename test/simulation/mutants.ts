import { BridgeMachine } from '../../src/bridge/machine.js';
import type { MadeMark, RelayReply, TakeReply } from '../../src/core/bridge-store.js';
import type { Position } from '../../src/core/position.js';
import { RedisModel } from './redis.js';
import { type Parts, REAL } from './world.js';

/** Relays all its messages when it takes the lead, whatever the position is. */
class Untrimmed extends BridgeMachine {
  #first: Position | undefined;
  #stored: Position | undefined;

  override cut(epoch: number, now: number): boolean {
    const isNew = super.cut(epoch, now);
    if (this.phase !== 'joining') this.#first ??= { epoch, offset: 0 };
    return isNew;
  }

  override took(reply: TakeReply, now: number): void {
    const trims = !reply.taken || !reply.position || reply.position.epoch < (this.#first?.epoch ?? 0);
    this.#stored = trims ? undefined : reply.position;
    super.took(trims ? reply : { ...reply, position: this.#first }, now);
  }

  override next(now: number, mayTake?: boolean) {
    const action = super.next(now, mayTake);
    return action?.kind === 'relay' && this.#stored ? { ...action, from: this.#stored } : action;
  }

  override wrote(reply: RelayReply, now: number): void {
    this.#stored = undefined;
    super.wrote(reply, now);
  }
}

/** Does not wait for bridges that may have what it lacks. */
class Impatient extends BridgeMachine {
  override marked({ lease }: MadeMark, now: number): void {
    super.marked({ bridges: 1, lease }, now);
  }
}

/** Gives up when its subscription ends, unless it leads. */
class Heedless extends BridgeMachine {
  override end(): void {
    super.end();
    if (this.phase !== 'leading') this.abandon();
  }
}

/** Records a gap whenever it takes the lead. */
class Anxious extends BridgeMachine {
  #fresh = false;

  override took(reply: TakeReply, now: number): void {
    super.took(reply, now);
    this.#fresh = reply.taken && reply.position !== undefined;
  }

  override next(now: number, mayTake?: boolean) {
    const action = super.next(now, mayTake);
    if (action?.kind !== 'relay' || action.gap || !this.#fresh) return action;
    this.#fresh = false;
    return { ...action, gap: { reason: 'no bridge was subscribed', since: undefined, dropped: 0 } };
  }
}

/** Takes the gap to end where it begins. */
class Hasty extends BridgeMachine {
  override next(now: number, mayTake?: boolean) {
    const action = super.next(now, mayTake);
    if (action?.kind !== 'relay' || action.gap?.until === undefined) return action;
    return { ...action, gap: { ...action.gap, until: action.from?.epoch } };
  }
}

class NoTokenCheck extends RedisModel {
  protected override leads(): boolean {
    return true;
  }
}

class NoPositionCheck extends RedisModel {
  protected override isAt(): boolean {
    return true;
  }
}

class ReleasedAnywhere extends RedisModel {
  protected override isLeftAt(): boolean {
    return true;
  }
}

/** A Redis with an older state gives the numbers of marks again. */
class CountedMarks extends RedisModel {
  protected override markNumber(last: number): number {
    return last + 1;
  }
}

/** The design with one thing missing in each. The simulation must find every one of them. */
export const MUTANTS: Readonly<Record<string, Parts>> = {
  'relay does not check the token': { ...REAL, Redis: NoTokenCheck },
  'relay does not check the position': { ...REAL, Redis: NoPositionCheck },
  'release does not check the position': { ...REAL, Redis: ReleasedAnywhere },
  'a new leader relays all its messages': { ...REAL, makeMachine: (options) => new Untrimmed(options) },
  'the lease is measured by a clock that jumps': { ...REAL, wallClock: true },
  'marks need no proof': { ...REAL, wantsProof: false },
  'subscriptions are renewed silently': { ...REAL, resubscribes: true },
  'a bridge that lacks something does not wait': {
    ...REAL,
    makeMachine: (options) => new Impatient(options),
  },
  'a bridge that is cut off gives up its messages': {
    ...REAL,
    makeMachine: (options) => new Heedless(options),
  },
  'a new leader always records a gap': { ...REAL, makeMachine: (options) => new Anxious(options) },
  'a gap ends too early': { ...REAL, makeMachine: (options) => new Hasty(options) },
  'relayed messages are not retained': { ...REAL, retains: false },
  'later sessions do not wait for earlier ones': { ...REAL, waitsForElders: false },
  'the highest mark is not carried over': { ...REAL, carriesSeen: false },
  'marks are counted from the last one that Redis has': { ...REAL, Redis: CountedMarks, carriesSeen: false },
};
