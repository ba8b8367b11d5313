import type { DeadLetter, DeadReason } from '../core/consumer-store.js';
import { cutError } from '../core/errors.js';
import type { Outcome } from '../core/executor.js';
import type { Committer } from './committer.js';
import type { HeldDelivery } from './in-flight.js';
import { type RetryPolicy, waitAfterFailure } from './retry-policy.js';

/** A message that could not be processed, for the log and for listeners. */
export interface Failure {
  readonly consumerId: string;
  readonly inboxId: string;
  readonly attempt: number;
  readonly reason: DeadReason;
  readonly error: string;
  /** Whether it becomes a dead letter; false if it gets another attempt. */
  readonly dead: boolean;
}

/** An outcome that says something about the message. */
type KnownOutcome = Exclude<Outcome, { readonly kind: 'interrupted' }>;

/** Why a message becomes a dead letter. */
type Cause = Pick<DeadLetter, 'reason' | 'error' | 'stack' | 'attempts' | 'failed'>;

export interface SettlerOptions {
  /** Of the consumer. */
  readonly id: string;
  readonly committer: Committer;
  readonly policy: RetryPolicy;
  /** Whether the output has the times of each step. */
  readonly timed: boolean;
  /** Called with each failure that gets another attempt; dead letters are reported when Redis has them. */
  readonly onFailure: (failure: Failure) => void;
}

/** Turns the outcomes of one consumer's attempts into results, retries and dead letters, and reports those that are tried again. */
export class Settler {
  readonly #options: SettlerOptions;

  constructor(options: SettlerOptions) {
    this.#options = options;
  }

  /** @param busy ms that the attempt took */
  settle(delivery: HeldDelivery, outcome: KnownOutcome, busy = 0): void {
    const { entryId, inboxId, key, attempt } = delivery;
    switch (outcome.kind) {
      case 'processed': {
        const { id: consumerId, committer, timed } = this.#options;
        const { messageId, data } = outcome;
        if (!timed) {
          committer.commitResult({ entryId, inboxId, consumerId, messageId, data, delivery });
          break;
        }
        const { startedAt, finishedAt } = timesOfAttempt(busy);
        // Not from parts ({ ...result, key }): to put those together took a quarter of all time.
        committer.commitResult({
          entryId,
          inboxId,
          consumerId,
          messageId,
          data,
          delivery,
          key,
          attempts: attempt,
          startedAt,
          finishedAt,
        });
        break;
      }
      case 'failed':
        this.#retryOrBury(delivery, outcome, busy);
        break;
      case 'given-up':
        this.#bury(delivery, { ...outcome, reason: 'failed', attempts: attempt, failed: true }, busy);
        break;
      case 'invalid':
        this.#bury(delivery, { ...outcome, attempts: 0, failed: false });
        break;
    }
    delivery.beginSettling();
  }

  /** Buries a delivery that has had all its attempts, though the outcome of the last one is unknown. */
  giveUp(delivery: HeldDelivery): void {
    const { attempts } = delivery;
    const error = `its consumer ended during attempt ${attempts}`;
    this.#bury(delivery, { reason: 'failed', error, attempts, failed: false });
    delivery.beginSettling();
  }

  #retryOrBury(delivery: HeldDelivery, outcome: Extract<Outcome, { kind: 'failed' }>, busy: number): void {
    const { reason, retryAfter } = outcome;
    const { id: consumerId, committer, policy, onFailure } = this.#options;
    const { entryId, inboxId, attempt } = delivery;
    const wait = waitAfterFailure(attempt, policy, Math.random(), retryAfter);
    if (wait === undefined) {
      this.#bury(delivery, { ...outcome, attempts: attempt, failed: true }, busy);
      return;
    }
    committer.retry({ entryId, inboxId, consumerId, wait, delivery });
    onFailure({ consumerId, inboxId, attempt, reason, error: cutError(outcome.error), dead: false });
  }

  #bury(delivery: HeldDelivery, why: Cause, busy = 0): void {
    const { id: consumerId, committer, timed } = this.#options;
    const { entryId, inboxId, key, message } = delivery;
    const { reason, stack, attempts, failed } = why;
    const error = cutError(why.error);
    const held = { entryId, inboxId, key, consumerId, message, delivery };
    const letter = { ...held, reason, error, stack, attempts, failed };
    const times = timed ? timesOfAttempt(busy) : undefined;
    // The committer reports it, once Redis has it.
    committer.bury({ ...letter, ...times });
  }
}

/** When an attempt began and ended that has just ended: ms since 1970. */
function timesOfAttempt(busy: number): { startedAt: number; finishedAt: number } {
  const finishedAt = Date.now();
  return { startedAt: finishedAt - Math.round(busy), finishedAt };
}
