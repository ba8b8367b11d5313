/** How many messages are to be published, and how fast. */
export interface Plan {
  /** Messages; undefined for no limit but time. */
  readonly count: number | undefined;
  /** Messages per second; undefined for as fast as possible. */
  readonly rate: number | undefined;
  /** ms; undefined for no limit but the count. */
  readonly duration: number | undefined;
  /** Most messages in one step. */
  readonly batch: number;
}

export type Step =
  | { readonly kind: 'publish'; readonly messages: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'done' };

/** ms between two steps at the least: what falls due within is published together. */
const TICK = 5;
/** ms after its time that a paced run may still catch up, if Redis or this process was slow. */
const LATE = 1_000;

/**
 * What to do next. A rate is kept on average: message number i is due i/rate seconds after the start, and
 * what is overdue is caught up. So `rate` and `duration` together are as good as a count, and the run ends
 * before its messages only if it is more than a second late.
 *
 * @param sent messages published so far
 * @param elapsed ms since the start
 */
export function nextStep(
  { count = Infinity, rate, duration = Infinity, batch }: Plan,
  sent: number,
  elapsed: number,
): Step {
  if (rate === undefined) {
    if (sent >= count || elapsed >= duration) return { kind: 'done' };
    return { kind: 'publish', messages: Math.min(batch, count - sent) };
  }
  const total = Math.min(count, Math.ceil((rate * duration) / 1_000));
  if (sent >= total || elapsed >= duration + LATE) return { kind: 'done' };
  const due = Math.min(total, Math.floor((elapsed * rate) / 1_000) + 1);
  if (due > sent) return { kind: 'publish', messages: Math.min(batch, due - sent) };
  return { kind: 'wait', ms: Math.max(TICK, (sent * 1_000) / rate - elapsed) };
}
