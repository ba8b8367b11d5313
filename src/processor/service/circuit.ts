/** Failures in a row after which the service counts as away. */
const MOST_FAILURES = 5;
/** ms from the moment the service is away to the first probe, doubled with each probe that fails. */
const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;
/** ms after which another consumer may probe, if the one that may has not begun. */
const TURN = 1_000;

/**
 * What the end of a request says about the service:
 * - `answered`: it works, whatever it thinks of this message
 * - `failing`: a gateway could not reach it (502, 503, 504), or the connection broke
 * - `late`: no whole answer within the timeout: the message may be slow, or the service
 * - `unreachable`: there was no connection, so nothing was sent
 * - `unknown`: we interrupted the request
 */
export type Sign = 'answered' | 'failing' | 'late' | 'unreachable' | 'unknown';

/**
 * Whether requests may be sent, for all consumers of a process together (https://martinfowler.com/bliki/CircuitBreaker.html).
 * Pure: it has no clock, and sends nothing.
 *
 *     flowing ── unreachable, or 5 failures in a row ──► open ── wait over ──► half-open ── the probe is answered ──► flowing
 *                                                         ▲                        │
 *                                                         └── twice the wait ──────┘ the probe fails
 *
 * While it is half-open, one consumer may send one request. The turn goes round: a consumer may have nothing to send, or
 * may have to wait until older requests of its own have ended. Where there was no connection, having one again is enough:
 * the answer to the probe may take minutes.
 */
export class Circuit {
  /** Consumers that may send requests, in the order of their turns. */
  readonly #members = new Set<string>();
  #state: 'flowing' | 'open' | 'half-open' = 'flowing';
  /** How often it has opened. What was sent before the last time says nothing about the time after it. */
  #era = 0;
  #failures = 0;
  #wait = FIRST_WAIT;
  /** The time of the next {@link advance}, ms. */
  #dueAt: number | undefined;
  /** Whose turn it is while it is half-open. */
  #turn: string | undefined;
  /** A probe is under way. */
  #probing = false;
  /** It opened because there was no connection. */
  #unreachable = false;

  get state(): 'flowing' | 'open' | 'half-open' {
    return this.#state;
  }

  /** When to call {@link advance}, ms; undefined if there is nothing to wait for. */
  get dueAt(): number | undefined {
    return this.#dueAt;
  }

  /** The consumer may send requests. Idempotent. */
  join(member: string, now: number): void {
    this.#members.add(member);
    if (this.#state === 'half-open' && this.#turn === undefined) this.#passTurn(now);
  }

  /** The consumer sends no further request; one that is under way counts. Idempotent. */
  leave(member: string, now: number): void {
    this.#members.delete(member);
    if (this.#turn === member && !this.#probing) this.#passTurn(now);
  }

  /** Whether the consumer must hand back what it has, as it cannot send it for now. */
  refuses(member: string): boolean {
    return this.#state === 'open' || (this.#state === 'half-open' && this.#turn !== member);
  }

  /** Returns the era of a request that is sent now; undefined if it must wait: for the end of the probe, or of the refusal. */
  begin(member: string): number | undefined {
    if (this.#state === 'flowing') return this.#era;
    if (this.refuses(member) || this.#probing) return undefined;
    this.#probing = true;
    this.#dueAt = undefined;
    return this.#era;
  }

  /** A request of this era has a connection. Returns whether the state has changed. */
  connected(era: number): boolean {
    if (era !== this.#era || this.#state === 'flowing' || !this.#unreachable) return false;
    this.#flow();
    return true;
  }

  /** A request of this era has ended. Returns whether the state has changed, or the turn has passed. */
  ended(era: number, sign: Sign, now: number): boolean {
    if (era !== this.#era) return false;
    if (this.#state === 'flowing') return this.#judge(sign, now);
    this.#probing = false;
    if (sign === 'unknown') this.#passTurn(now);
    else if (sign === 'answered') this.#flow();
    else this.#open(sign === 'unreachable', now);
    if (sign === 'answered') this.#wait = FIRST_WAIT;
    return true;
  }

  /** The time has come that {@link dueAt} names. */
  advance(now: number): void {
    if (this.#dueAt === undefined || now < this.#dueAt) return;
    this.#state = 'half-open';
    this.#passTurn(now);
  }

  #judge(sign: Sign, now: number): boolean {
    if (sign === 'answered') {
      this.#failures = 0;
      this.#wait = FIRST_WAIT;
    }
    if (sign === 'failing') this.#failures++;
    if (sign !== 'unreachable' && this.#failures < MOST_FAILURES) return false;
    this.#open(sign === 'unreachable', now);
    return true;
  }

  #open(unreachable: boolean, now: number): void {
    this.#state = 'open';
    this.#era++;
    this.#unreachable = unreachable;
    this.#dueAt = now + this.#wait;
    this.#wait = Math.min(2 * this.#wait, LONGEST_WAIT);
  }

  #flow(): void {
    this.#state = 'flowing';
    this.#failures = 0;
    this.#probing = false;
    this.#dueAt = undefined;
  }

  /** The turn goes to the member that has waited for the longest time. */
  #passTurn(now: number): void {
    const [next] = this.#members;
    this.#turn = next;
    this.#dueAt = next === undefined ? undefined : now + TURN;
    if (next === undefined) return;
    this.#members.delete(next);
    this.#members.add(next);
  }
}
