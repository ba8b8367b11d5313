/** What to do after a failed attempt. */
export type Outcome = { readonly kind: 'retry'; readonly wait: number } | { readonly kind: 'dead' };

export interface RetryPolicy {
  /** Failed attempts after which a message is given up. */
  readonly maxAttempts: number;
  /** Wait before the second attempt, ms. */
  readonly backoff: number;
}

/** No wait between two attempts is longer, ms. */
export const LONGEST_WAIT = 30_000;

/**
 * Whether an entry that was taken over from a dead consumer has had all its attempts. Redis counts delivery, not
 * beginning: the first attempt of one that lay unbegun with its consumer is counted already, so it gets a second.
 *
 * @param attempt the number that the next attempt would have, from 1
 */
export function isSpent(attempt: number, { maxAttempts }: RetryPolicy): boolean {
  return attempt > Math.max(maxAttempts, 2);
}

/**
 * Another attempt, or none. The wait doubles with each attempt; jitter takes up to half of it away, so
 * that messages which failed together are not tried together
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 *
 * @param attempt the number of the attempt that failed, from 1
 * @param random from 0 to 1
 */
export function afterFailure(attempt: number, policy: RetryPolicy, random: number): Outcome {
  if (attempt >= policy.maxAttempts) return { kind: 'dead' };
  const whole = Math.min(policy.backoff * 2 ** Math.min(attempt - 1, 30), LONGEST_WAIT);
  return { kind: 'retry', wait: Math.round(whole * (1 - random / 2)) };
}
