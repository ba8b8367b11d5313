import { afterFailure, type RetryPolicy } from '../outcome.js';
import type { Outcome } from '../processor/workshop.js';
import type { DeadReason, Entry } from '../redis/road.js';
import type { Committer, Done } from './committer.js';

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

export interface OutcomesOptions {
  readonly consumerId: string;
  readonly committer: Committer;
  readonly policy: RetryPolicy;
  readonly onFailure: (failure: Failure) => void;
  /** Told once Redis knows. */
  readonly done: Done;
}

/** What becomes of the entries of one consumer, on its way to the committer; failures are told. */
export class Outcomes {
  readonly #options: OutcomesOptions;

  constructor(options: OutcomesOptions) {
    this.#options = options;
  }

  /** False where the outcome says nothing about the message: nothing is settled then. */
  settle(entry: Entry, outcome: Outcome): boolean {
    const { consumerId, committer, policy, done } = this.#options;
    const inboxId = entry.id;
    const attempt = entry.attempts + 1;
    switch (outcome.kind) {
      case 'processed': {
        const { messageId, data } = outcome;
        committer.add({ kind: 'result', inboxId, consumerId, messageId, data, done });
        return true;
      }
      case 'given-up':
        this.#bury(entry, 'failed', outcome.error, attempt, true);
        return true;
      case 'invalid':
        this.#bury(entry, outcome.reason, outcome.error, 0, false);
        return true;
      case 'failed': {
        const next = afterFailure(attempt, policy, Math.random());
        if (next.kind === 'dead') {
          this.#bury(entry, outcome.reason, outcome.error, attempt, true);
          return true;
        }
        committer.add({ kind: 'retry', inboxId, consumerId, wait: next.wait, done });
        this.#tell(inboxId, outcome.reason, outcome.error, attempt, false);
        return true;
      }
      case 'interrupted':
        return false;
    }
  }

  /** It has had all its attempts, though nobody knows how the last one ended. */
  giveUp(entry: Entry): void {
    const { attempts } = entry;
    this.#bury(entry, 'failed', `its consumer ended during attempt ${attempts}`, attempts, false);
  }

  #bury(entry: Entry, reason: DeadReason, error: string, attempts: number, failed: boolean): void {
    const { consumerId, committer, done } = this.#options;
    const { id: inboxId, message } = entry;
    committer.add({ kind: 'dead', inboxId, consumerId, message, reason, error, attempts, failed, done });
    this.#tell(inboxId, reason, error, attempts, true);
  }

  #tell(inboxId: string, reason: DeadReason, error: string, attempt: number, dead: boolean): void {
    const { consumerId, onFailure } = this.#options;
    onFailure({ consumerId, inboxId, attempt, reason, error, dead });
  }
}
