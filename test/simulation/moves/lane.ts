import type { RelayReply } from '../../../src/core/bridge-store.js';
import type {
  ArriveReply,
  DealtRelay,
  LaneStore,
  LeadReply,
  PassedGap,
} from '../../../src/core/lane-store.js';
import { isSame, type Position } from '../../../src/core/position.js';
import { numberOf } from '../messages.js';
import type { Random } from '../random.js';

/** A lane, at a node that stays where it is. Its scripts are as the Lua, each one step. */
export class LaneModel {
  readonly inbox: number[] = [];
  readonly #random: Random;
  readonly #start = Date.now();
  /** ms by which its clock is ahead. */
  readonly #skew: number;
  #holder = '';
  #token = 0;
  #position: Position | undefined;
  #passed: PassedGap | undefined;
  #home: { readonly server: string; readonly since: number; readonly at: number } | undefined;

  constructor(random: Random) {
    this.#random = random;
    this.#skew = random.whole(-100, 100);
  }

  /** The commands of one process; they arrive in their order, some of them late. */
  storeFor(): LaneStore {
    let lastArrival = 0;
    const send = <Reply>(run: () => Reply): Promise<Reply> => {
      // Not while the group starts: what comes before its first mark is no loss.
      const isLate = this.#random.chance(0.03) && Date.now() > this.#start + 1_000;
      const delay = isLate ? this.#random.whole(100, 1_500) : this.#random.whole(1, 5);
      lastArrival = Math.max(lastArrival, Date.now() + delay);
      return new Promise((resolve) => {
        setTimeout(() => {
          const reply = run();
          setTimeout(() => resolve(reply), this.#random.whole(1, 5));
        }, lastArrival - Date.now());
      });
    };
    return {
      arrive: (mark, server) => send(() => this.#arrive(mark, server)),
      lead: (caller, token) => send(() => this.#lead(caller, token)),
      relay: (request) => send(() => this.#relay(request)),
    };
  }

  get #now(): number {
    return Date.now() + this.#skew;
  }

  #arrive(mark: number, server: string | undefined): ArriveReply {
    const epoch = this.#position?.epoch ?? 0;
    const isWritten = this.#position !== undefined;
    if (mark < epoch) return { arrived: false, mark: epoch };
    if (server === undefined) return { arrived: true, elapsed: 0, isWritten };
    if (this.#home?.server === server)
      return { arrived: true, elapsed: this.#now - this.#home.at, isWritten };
    const highest = Math.max(epoch, this.#home?.since ?? 0);
    if (mark <= highest) return { arrived: false, mark: highest };
    this.#home = { server, since: mark, at: this.#now };
    return { arrived: true, elapsed: 0, isWritten };
  }

  #lead(caller: string, token: number): LeadReply {
    if (this.#token > token || (this.#token === token && this.#holder !== caller))
      return { led: false, token: this.#token };
    this.#holder = caller;
    this.#token = token;
    return { led: true, position: this.#position, passed: this.#passed };
  }

  #relay({
    caller,
    token,
    from,
    to,
    messages,
    server,
    lateAfter = Infinity,
    passed,
  }: DealtRelay): RelayReply {
    if (this.#holder !== caller || this.#token !== token) return { kind: 'fenced' };
    if (!isSame(this.#position, from)) return { kind: 'elsewhere', position: this.#position };
    const home = this.#home;
    const isOther = server !== undefined && home !== undefined && home.server !== server;
    if (isOther && (to.epoch >= home.since || this.#now > home.at + lateAfter)) return { kind: 'late' };
    for (const message of messages) this.inbox.push(numberOf(message));
    this.#position = to;
    if (passed) this.#passed = passed;
    return { kind: 'written' };
  }
}
