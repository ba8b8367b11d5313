import type { LoadHistory, Measurement } from './load.js';

/** The rate is bound if more consumers gain too little so many times in a row. */
const TWICE = 2;
/** The share of the expected gain below which it is too little. */
const TOO_LITTLE = 0.1;
/** ms after an increase. Further ones within this time are judged together with it: the load is still becoming known. */
const ONE_INCREASE = 3_000;
/** ms after which an increase is no longer judged: its consumers did not come, or come and go. */
const NO_VERDICT = 15_000;
/** If so much more is settled than when it was found bound, more consumers may help again. */
const RECOVERED = 1.25;

interface Increase {
  readonly at: number;
  /** Live consumers before it. */
  readonly consumers: number;
  /** Messages per second that these settle, if there is work. */
  readonly rate: number;
  /** Messages per second expected of each further consumer. */
  readonly each: number;
}

/**
 * Judges what more consumers gain while messages wait. If they twice gain less than a tenth of what was expected, what
 * bounds the rate is something that the consumers share: a database, an API, a key of which messages are in order.
 *
 * The idea is that of Flink's JobVertexScaler, which blocks a scale-up after an ineffective one. This counts with the
 * consumers that came, not with those that were wanted: missing capacity is no proof.
 */
export class GainCheck {
  #increase: Increase | undefined;
  #failures = 0;
  /** Messages settled per second when the rate was found to be bound. */
  #boundAt: number | undefined;

  /** Whether more consumers do not help. */
  get bound(): boolean {
    return this.#boundAt !== undefined;
  }

  /** Messages per second that a consumer settled before the increase that is not judged yet. */
  get eachBefore(): number | undefined {
    return this.#increase?.each;
  }

  /** Whether the last increase gained too little. */
  get doubtful(): boolean {
    return this.#failures > 0;
  }

  /** Whether an increase must wait until the last one is judged. */
  waits(now: number): boolean {
    return this.#increase !== undefined && (this.doubtful || now - this.#increase.at >= ONE_INCREASE);
  }

  /** Notes an increase. */
  increased(m: Measurement, load: LoadHistory, each: number): void {
    const consumers = m.consumers + m.fixed;
    const { stretch } = load;
    const rate = stretch?.saturated ? stretch.rate : Math.max(load.settling, consumers * each);
    this.#increase ??= { at: m.at, consumers, rate, each };
  }

  /** Judges the last increase, if its time has come. */
  observe(m: Measurement, load: LoadHistory): void {
    if (!load.waits) this.#passed();
    else if (this.#boundAt !== undefined && load.settling > RECOVERED * this.#boundAt) {
      this.#boundAt = undefined;
      this.#failures = TWICE - 1;
    }
    if (this.#increase) this.#judge(this.#increase, m, load);
  }

  #judge(increase: Increase, m: Measurement, load: LoadHistory): void {
    const stretch = load.stretch;
    if (stretch && stretch.consumers > increase.consumers) {
      const expected = (stretch.consumers - increase.consumers) * increase.each;
      if (stretch.rate - increase.rate >= TOO_LITTLE * expected) this.#passed();
      else if (!stretch.eased) this.#failed(stretch.rate);
    }
    if (m.at - increase.at >= NO_VERDICT) this.#increase = undefined;
  }

  #failed(rate: number): void {
    this.#increase = undefined;
    this.#failures++;
    if (this.#failures >= TWICE) this.#boundAt = rate;
  }

  #passed(): void {
    this.#increase = undefined;
    this.#failures = 0;
    this.#boundAt = undefined;
  }
}
