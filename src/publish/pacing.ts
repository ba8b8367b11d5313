/** How many messages are to be published, and how fast. */
export interface Plan {
  /** Messages; undefined: only the time limits them. */
  readonly count: number | undefined;
  /** Messages per second; undefined: as fast as possible. */
  readonly rate: number | undefined;
  /** ms; undefined: only the count limits it. */
  readonly duration: number | undefined;
  /** Limit of messages in one step. */
  readonly batch: number;
}

type Step =
  | { readonly kind: 'publish'; readonly messages: number }
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'done' };

/** Least ms to wait: messages that fall due meanwhile are published together. */
const TICK = 5;
/** ms by which a paced run may exceed its duration to catch up, if Redis or this process was slow. */
const LATE = 1_000;

/**
 * The next step. A rate is kept on average: message number i is due i/rate seconds after the start, and overdue
 * messages are caught up. So `rate` and `duration` together give a count; a run sends fewer only if it is more than a
 * second late.
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
