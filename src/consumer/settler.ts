import type { DeadReason } from '../core/consumer-store.js';
import type { Outcome } from '../processor/executor.js';
import type { Committer } from './committer.js';
import type { Delivery } from './in-flight.js';
import { afterFailure, type RetryPolicy } from './retry-policy.js';

/** A message that could not be processed, for the log and for listeners. */
export interface Failure {
  readonly consumerId: string;
  readonly inboxId: string;
  readonly attempt: number;
  readonly reason: DeadReason;
  readonly error: string;
  /** Whether it becomes a dead letter, as against being tried again. */
  readonly dead: boolean;
}

export interface SettlerOptions {
  readonly consumerId: string;
  readonly committer: Committer;
  readonly policy: RetryPolicy;
  readonly onFailure: (failure: Failure) => void;
}

/** What becomes of the entries of one consumer, on its way to the committer; failures are told. */
export class Settler {
  readonly #options: SettlerOptions;

  constructor(options: SettlerOptions) {
    this.#options = options;
  }

  /** False where the outcome says nothing about the message: nothing is settled then. */
  settle(holding: Delivery, outcome: Outcome): boolean {
    const { consumerId, committer, policy } = this.#options;
    const { inboxId, attempt } = holding;
    switch (outcome.kind) {
      case 'processed': {
        const { messageId, data } = outcome;
        committer.add({ kind: 'result', inboxId, consumerId, messageId, data, done: holding });
        return true;
      }
      case 'given-up':
        this.#bury(holding, 'failed', outcome.error, attempt, true);
        return true;
      case 'invalid':
        this.#bury(holding, outcome.reason, outcome.error, 0, false);
        return true;
      case 'failed': {
        const next = afterFailure(attempt, policy, Math.random());
        if (next.kind === 'dead') {
          this.#bury(holding, outcome.reason, outcome.error, attempt, true);
          return true;
        }
        committer.add({ kind: 'retry', inboxId, consumerId, wait: next.wait, done: holding });
        this.#tell(inboxId, outcome.reason, outcome.error, attempt, false);
        return true;
      }
      case 'interrupted':
        return false;
    }
  }

  /** It has had all its attempts, though nobody knows how the last one ended. */
  giveUp(holding: Delivery): void {
    const { attempts } = holding;
    this.#bury(holding, 'failed', `its consumer ended during attempt ${attempts}`, attempts, false);
  }

  #bury(holding: Delivery, reason: DeadReason, error: string, attempts: number, failed: boolean): void {
    const { consumerId, committer } = this.#options;
    const { inboxId, message } = holding;
    committer.add({
      kind: 'dead',
      inboxId,
      consumerId,
      message,
      reason,
      error,
      attempts,
      failed,
      done: holding,
    });
    this.#tell(inboxId, reason, error, attempts, true);
  }

  #tell(inboxId: string, reason: DeadReason, error: string, attempt: number, dead: boolean): void {
    const { consumerId, onFailure } = this.#options;
    onFailure({ consumerId, inboxId, attempt, reason, error, dead });
  }
}
