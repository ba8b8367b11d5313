export interface RetryPolicy {
  /** Failed attempts after which a message is given up. */
  readonly maxAttempts: number;
  /** Wait before the second attempt, ms. */
  readonly backoff: number;
}

/** The longest back-off between two attempts, ms. */
const LONGEST_BACKOFF = 30_000;
/** The longest wait between two attempts, ms: a processor may ask for more than the back-off. */
export const LONGEST_WAIT = 600_000;

/**
 * Whether an entry that was taken over from a dead consumer has had all its attempts. Redis counts the delivery as an
 * attempt, even if the dead consumer had not begun it: so such an entry always gets a second attempt.
 *
 * @param attempt the number that the next attempt would have, from 1
 */
export function isSpent(attempt: number, { maxAttempts }: RetryPolicy): boolean {
  return attempt > Math.max(maxAttempts, 2);
}

/**
 * The wait after a failed attempt. It doubles with each attempt; jitter takes up to half of it away, so that messages
 * that failed together are not tried together
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 *
 * @param attempt the number of the attempt that failed, from 1
 * @param random from 0 to 1
 * @param asked ms that the processor asks to wait, instead of the back-off; no more than ten minutes count
 * @returns ms; undefined if no attempt is left
 */
export function waitAfterFailure(
  attempt: number,
  policy: RetryPolicy,
  random: number,
  asked?: number,
): number | undefined {
  if (attempt >= policy.maxAttempts) return undefined;
  if (asked !== undefined) return Math.min(asked, LONGEST_WAIT);
  const whole = Math.min(policy.backoff * 2 ** Math.min(attempt - 1, 30), LONGEST_BACKOFF);
  return Math.round(whole * (1 - random / 2));
}
