import type { AutoscaleRule } from '../core/control.js';
import { GainCheck } from './gain.js';
import { LoadHistory, type Measurement, waitingOf } from './load.js';

export interface Decision {
  /** The new desired size. */
  readonly size: number;
  /** One line: the numbers it is made from, and what comes out. */
  readonly why: string;
}

/** The share of its time that a consumer shall be busy. */
const BUSY = 0.7;
/** ms until a new consumer works: a heartbeat tells its process the new share. */
const START_UP = 1_000;
/** A recommendation that differs from the size by no more than this share changes nothing. */
const NEAR = 0.2;
/** ms: a decrease goes no lower than what was recommended within this time. */
const LOOK_BACK = 60_000;
/** ms without a measurement after which the recommendations before it count no more. */
const BLIND = 10_000;
/** Intervals between measurements from which the first recommendation is made. */
const FIRST = 3;
/** A backlog that needs no more than this share of the rate is no reason against a decrease. */
const SMALL_BACKLOG = 0.1;

/** A number of consumers, and how it came about. */
interface Recommendation {
  /** Managed and fixed consumers, not rounded. */
  readonly need: number;
  /** Managed consumers, within the rule. */
  readonly size: number;
  /** Messages per second that one more consumer settles; 0 if that is unknown and not needed. */
  readonly each: number;
  readonly draining: boolean;
  readonly why: string;
}

/**
 * Finds how many consumers the group needs, from what they really do.
 *
 *     n = ceil((waiting / T + λ · start-up / T + λ / 0.7) / (μ · α))
 *
 * T is `drainWithin`, λ the messages that come in per second, μ those that a consumer settles per second *in which it
 * is busy*, and α the share of μ that consumers reach when there is always work. As μ counts no idle time, one
 * measurement is enough to find the size, at any load: Kalavri et al., "Three steps is all you need: fast, accurate,
 * automatic scaling decisions for distributed streaming dataflows" (DS2), OSDI 2018. The three terms are those of
 * Flink's autoscaler, AutoScalerUtils.getTargetProcessingCapacity (catch-up, restart, target utilisation), and so is
 * the largest recommendation of some time before a decrease (DelayedScaleDown); both in apache/flink-kubernetes-operator.
 *
 * Pure: no clock, no I/O. One belongs to one leader and one rule. If the desired size is changed by another, or a decision
 * could not be stored, a new one begins with the true size.
 */
export class Autoscaler {
  readonly #rule: AutoscaleRule;
  readonly #load = new LoadHistory();
  readonly #gain = new GainCheck();
  #size: number;
  #why: string;
  /** The recommendations within LOOK_BACK, oldest first. */
  #recent: { readonly at: number; readonly need: number; readonly size: number }[] = [];
  /** Since when they are without a break; ms. */
  #since: number | undefined;
  #lastAt = 0;

  /** @param size the present desired size */
  constructor(rule: AutoscaleRule, size: number) {
    this.#rule = rule;
    this.#size = size;
    this.#why = `no measurement yet -> ${size}`;
  }

  /** The desired size as it knows it. */
  get size(): number {
    return this.#size;
  }

  /** The last recommendation in one line, whether the size changed or not. */
  get why(): string {
    return this.#why;
  }

  /** Whether more consumers do not help: something that they share is the limit. */
  get bound(): boolean {
    return this.#gain.bound;
  }

  /**
   * Takes a measurement, one a second; undefined if it was lost.
   *
   * @returns the new desired size, if it must change
   */
  observe(m: Measurement | undefined): Decision | undefined {
    const allowed = this.#clamp(this.#size);
    if (allowed !== this.#size) return this.#decide(allowed, `size ${this.#size}${this.#limit(this.#size)}`);
    if (!m) return this.#hold('no measurement');
    if (m.paused) {
      this.#load.clear();
      this.#forget();
      return this.#hold('paused');
    }
    this.#load.add(m);
    if (m.at - this.#lastAt > BLIND) this.#forget();
    this.#lastAt = m.at;
    if (this.#load.length < FIRST) return this.#hold('too few measurements yet');

    this.#gain.observe(m, this.#load);
    const recommendation = this.#recommend(m);
    if (!recommendation) return this.#hold('nothing settled yet, so the speed of a consumer is unknown');
    this.#since ??= m.at;
    this.#recent = this.#recent.filter(({ at }) => m.at - at < LOOK_BACK);
    const { need, size, why } = recommendation;
    this.#recent.push({ at: m.at, need, size });
    if (size > this.#size) return this.#increase(m, recommendation);
    if (size < this.#size) return this.#decrease(m, recommendation);
    return this.#hold(why);
  }

  #recommend(m: Measurement): Recommendation | undefined {
    const { drainWithin } = this.#rule;
    const { arrivals, speed, scaling } = this.#load;
    const drain = (1_000 * waitingOf(m)) / drainWithin;
    const rate = drain + (arrivals * START_UP) / drainWithin + arrivals / BUSY;
    if (rate > 0 && speed === undefined) return undefined;
    // Consumers that are slower since the last increase may be so because of it. More of them are no answer before it is judged.
    const before = this.#gain.eachBefore ?? 0;
    const now = (speed ?? 0) * scaling;
    const each = Math.max(before, now);
    const need = rate > 0 ? rate / each : 0;
    const exact = Math.ceil(need) - m.fixed;
    const parts = [`backlog ${m.backlog}`, `${figure(arrivals)} msg/s in`];
    if (before > now) parts.push(`${figure(before)} msg/s per consumer before the last increase`);
    else if (speed !== undefined) parts.push(`${figure(speed)} msg/s per busy consumer`);
    if (before <= now && scaling < 0.995) parts.push(`${Math.round(scaling * 100)} % of it reached`);
    parts.push(`drain within ${drainWithin / 1_000} s`, `${BUSY * 100} % busy`);
    if (m.fixed > 0) parts.push(`${m.fixed} fixed`);
    if (this.#clamp(exact) > m.capacity) parts.push(`capacity ${m.capacity}`);
    return {
      need,
      size: this.#clamp(exact),
      each,
      draining: drain > SMALL_BACKLOG * rate,
      why: `${parts.join(', ')} -> ${Math.max(0, exact)}${this.#limit(exact)}`,
    };
  }

  #increase(m: Measurement, { need, size, each, why }: Recommendation): Decision | undefined {
    if (need <= (this.#size + m.fixed) * (1 + NEAR)) return this.#hold(`${why}; ${this.#near}`);
    if (this.#gain.bound)
      return this.#hold(
        `${why}; bound downstream: twice, more consumers gained less than a tenth of what was expected`,
      );
    if (this.#gain.waits(m.at)) return this.#hold(`${why}; waits for what the last increase gains`);
    this.#gain.increased(m, this.#load, each);
    const doubled = 2 * this.#size;
    if (!this.#gain.doubtful || size <= doubled) return this.#decide(size, why);
    return this.#decide(doubled, `${why}; at most twice as many, as the last increase gained too little`);
  }

  #decrease(m: Measurement, { need, draining, why }: Recommendation): Decision | undefined {
    const largest = Math.max(...this.#recent.map(({ size }) => size));
    // Not rounded: with few consumers, a whole one is more than the difference that changes nothing.
    const largestNeed = Math.max(...this.#recent.map((each) => each.need));
    const isLess = (n: number) => n < (this.#size + m.fixed) * (1 - NEAR);
    if (!isLess(need)) return this.#hold(`${why}; ${this.#near}`);
    if (draining) return this.#hold(`${why}; waits until the backlog is gone`);
    const seen = m.at - (this.#since ?? m.at);
    if (seen < LOOK_BACK) return this.#hold(`${why}; a decrease waits for a minute of measurements`);
    if (!isLess(largestNeed) || largest >= this.#size)
      return this.#hold(`${why}; waits, as ${largest} were recommended within the last minute`);
    if (m.consumers > this.#size) return this.#hold(`${why}; waits for the last decrease`);
    const half = Math.ceil(this.#size / 2);
    if (half > largest) return this.#decide(half, `${why}; at most by half at a time`);
    return this.#decide(largest, `${why}; the largest number of the last minute`);
  }

  get #near(): string {
    return `within ${NEAR * 100} % of the present size`;
  }

  #clamp(size: number): number {
    return Math.max(1, this.#rule.min, Math.min(this.#rule.max, size));
  }

  #limit(size: number): string {
    if (size > this.#rule.max) return `; at most ${this.#rule.max} allowed`;
    return size < this.#clamp(size) ? `; at least ${this.#clamp(size)} allowed` : '';
  }

  #forget(): void {
    this.#recent = [];
    this.#since = undefined;
  }

  #hold(why: string): undefined {
    this.#why = why.endsWith(`-> ${this.#size}`) ? why : `${why} -> ${this.#size}`;
  }

  #decide(size: number, why: string): Decision {
    this.#size = size;
    this.#hold(why);
    return { size, why: this.#why };
  }
}

/** A rate for people: whole if it has two digits or more. */
function figure(rate: number): string {
  return String(rate >= 10 ? Math.round(rate) : Number(rate.toPrecision(2)));
}
