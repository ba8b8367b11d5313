import type { ConsumerStore, DeadLetter, Result, Retry } from '../core/consumer-store.js';
import { hasCode } from '../core/errors.js';
import type { Logger } from '../log/logger.js';
import { repeatedFailures } from '../log/throttle.js';
import { BatchQueue } from './batch-queue.js';
import type { ReadLimiter } from './read-limiter.js';

/** Called once Redis has taken the settlement, or had one of somebody else. */
export interface Done {
  settled(): void;
}

/** Whom to tell once Redis knows. */
type ToBeTold<T> = T & { readonly done: Done };

/** What has become of an entry. */
export type Settlement =
  | ToBeTold<{ readonly kind: 'result' } & Result>
  | ToBeTold<{ readonly kind: 'retry' } & Retry>
  | ToBeTold<{ readonly kind: 'dead' } & DeadLetter>;

/** Of results there are many: Redis is to have the next call when it is done with one. */
const CALLS = 2;

export interface CommitterOptions {
  readonly store: ConsumerStore;
  /** Told of results that are on their way, and that have arrived. */
  readonly admission: ReadLimiter;
  readonly outputMaxLen: number;
  readonly log: Logger;
  /** Told of what was settled by each call. */
  readonly onSettled: (count: { processed: number; retried: number; dead: number }) => void;
  /** Told of the results of each call, in the order of their inbox ids, once they are in the output, by whomever. */
  readonly onResults: ((results: readonly Result[]) => void) | undefined;
}

/**
 * Brings what became of the entries of all consumers of a process to Redis. Results, retries and dead letters go their own
 * ways: what Redis refuses of one kind does not hold up the others.
 */
export class Committer {
  readonly #options: CommitterOptions;
  readonly #abandoned = new AbortController();
  readonly #results: BatchQueue<ToBeTold<Result>>;
  readonly #retries: BatchQueue<ToBeTold<Retry>>;
  readonly #letters: BatchQueue<ToBeTold<DeadLetter>>;

  constructor(options: CommitterOptions) {
    this.#options = options;
    const { store, admission, outputMaxLen, onSettled, onResults } = options;
    this.#results = this.#settlements<Result>({
      calls: CALLS,
      what: 'results are not written',
      lengthOf: ({ data }) => data.length,
      send: async (results) => (await store.commit(results, outputMaxLen)).length,
      onTaken: (results) => {
        admission.committed(results.length);
        onResults?.(results);
        onSettled({ processed: results.length, retried: 0, dead: 0 });
      },
    });
    this.#retries = this.#settlements<Retry>({
      calls: 1,
      what: 'failed attempts are not scheduled again',
      lengthOf: () => 0,
      send: async (retries) => {
        await store.retry(retries);
        return 0;
      },
      onTaken: ({ length }) => onSettled({ processed: 0, retried: length, dead: 0 }),
    });
    this.#letters = this.#settlements<DeadLetter>({
      calls: 1,
      what: 'dead letters are not written',
      lengthOf: ({ message }) => message.length,
      send: async (letters) => (await store.bury(letters)).length,
      onTaken: ({ length }) => onSettled({ processed: 0, retried: 0, dead: length }),
    });
  }

  add(settlement: Settlement): void {
    if (settlement.kind === 'result') {
      this.#options.admission.committing();
      this.#results.add(settlement);
    } else if (settlement.kind === 'retry') this.#retries.add(settlement);
    else this.#letters.add(settlement);
  }

  /** Waits until Redis knows of all settlements, or the signal is aborted. */
  async flush(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#results, this.#retries, this.#letters].map((kind) => kind.flush(signal)));
  }

  /** Gives up what is not settled: it stays pending in Redis, for others to take. */
  abandon(): void {
    this.#abandoned.abort();
  }

  /** One kind. `what`: what the log says if that fails; `send` gives how many of a batch had been settled before. */
  #settlements<T extends { readonly inboxId: string }>(kind: {
    readonly calls: number;
    readonly what: string;
    readonly lengthOf: (settlement: T) => number;
    readonly send: (batch: readonly T[]) => Promise<number>;
    readonly onTaken: (batch: readonly T[]) => void;
  }): BatchQueue<ToBeTold<T>> {
    const { store, log } = this.#options;
    const { calls, what, lengthOf, send, onTaken } = kind;
    return new BatchQueue<ToBeTold<T>>({
      calls,
      lengthOf,
      send: async (batch) => {
        try {
          const late = await send(batch);
          if (late > 0)
            log.debug(
              { count: late },
              'settled already, by another consumer or by the same call sent before',
            );
        } catch (error) {
          if (hasCode(error, 'NO_GROUP')) await store.prepare().catch(() => {});
          throw error;
        }
      },
      onTaken: (batch) => {
        for (const { done } of batch) done.settled();
        onTaken(batch);
      },
      failures: repeatedFailures(log, what),
      abandoned: this.#abandoned.signal,
    });
  }
}
