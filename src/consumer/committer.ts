import {
  type DeadLetter,
  type Halt,
  type PackSettlement,
  processedIn,
  type Result,
  type Retry,
  resultsIn,
  type SettlingStore,
} from '../core/consumer-store.js';
import { hasCode } from '../core/errors.js';
import { plural } from '../core/words.js';
import type { Logger } from '../log/logger.js';
import { repeatedFailures } from '../log/throttle.js';
import { BatchQueue, sumOf } from './batch-queue.js';
import type { HeldDelivery } from './in-flight.js';
import type { PackHold } from './pack-hold.js';
import type { ReadLimiter } from './read-limiter.js';

/** A result, a retry or a dead letter, with the delivery that it settles. */
type Settlement<T> = T & { readonly delivery: HeldDelivery };

/** What waits in a queue, and can be released when Redis has it. */
interface Queued {
  readonly entryId: string;
  readonly delivery: { release(): void };
}

interface QueuedPack extends Queued {
  readonly settlement: PackSettlement;
  readonly delivery: PackHold;
}

/** Calls with results that may be under way at a time: Redis has the next one when it is done with one. */
const COMMITS_AT_A_TIME = 2;
/** Kept dead letters at which the first warning is due. */
const MANY_DEAD_LETTERS = 10_000;

export interface CommitterOptions {
  readonly store: SettlingStore;
  /** Counts the results and packs that are on their way to Redis. */
  readonly readLimiter: ReadLimiter;
  /** Whether a call with results has to move their messages, too: then it has fewer of large ones. */
  readonly movesMessages?: boolean;
  readonly outputMaxLen: number;
  readonly deadMaxLen: number;
  readonly log: Logger;
  /** Called after each call that settled something, with what it settled: without what was settled before, or Redis does not know. */
  readonly onSettled: (count: { processed: number; retried: number; dead: number }) => void;
  /** Called with the dead letters of each call that Redis took, with those that were dead letters before, too: none is missed. */
  readonly onBuried: (deadLetters: readonly DeadLetter[]) => void;
  /** Called with the dead letters that stop an order from now on. */
  readonly onHalted?: (halts: readonly Halt[]) => void;
  /** Called with the results that each call settled, in the order of their inbox ids, when the output holds them. */
  readonly onResults:
    | ((results: readonly Pick<Result, 'inboxId' | 'key' | 'startedAt' | 'finishedAt'>[]) => void)
    | undefined;
}

/**
 * Writes the results, packs, retries and dead letters of all consumers of a process to Redis. Each kind has a queue of its own:
 * if Redis refuses one kind, it does not delay the others.
 */
export class Committer {
  readonly #options: CommitterOptions;
  readonly #abandoned = new AbortController();
  readonly #results: BatchQueue<Settlement<Result>>;
  readonly #packs: BatchQueue<QueuedPack>;
  readonly #retries: BatchQueue<Settlement<Retry>>;
  readonly #deadLetters: BatchQueue<Settlement<DeadLetter>>;
  /** Kept dead letters at which the next warning is due. */
  #manyDeadLetters = MANY_DEAD_LETTERS;

  constructor(options: CommitterOptions) {
    this.#options = options;
    const { store, readLimiter, outputMaxLen, deadMaxLen, onSettled, onBuried, onHalted, onResults } =
      options;
    const { movesMessages = false } = options;
    this.#results = this.#queueOf<Settlement<Result>>({
      calls: COMMITS_AT_A_TIME,
      failure: 'results are not written',
      lengthOf: ({ data, delivery }) => data.length + (movesMessages ? delivery.bytes : 0),
      send: (results) => store.commit(results, outputMaxLen),
      onTaken: (results) => readLimiter.committed(results.length),
      onSettled: (results) => {
        onResults?.(results);
        onSettled({ processed: results.length, retried: 0, dead: 0 });
      },
    });
    this.#packs = this.#queueOf<QueuedPack>({
      calls: COMMITS_AT_A_TIME,
      failure: 'packs are not settled',
      lengthOf: ({ delivery }) => delivery.length,
      countOf: ({ delivery }) => delivery.count,
      send: (batch) => {
        const packs = batch.map(({ settlement }) => settlement);
        return store.settlePacks(packs, outputMaxLen);
      },
      onTaken: (batch) => readLimiter.committed(sumOf(batch, ({ delivery }) => delivery.count)),
      onSettled: (batch) => {
        onResults?.(
          batch.flatMap(({ settlement }) =>
            processedIn(settlement).map((inboxId) => ({ inboxId, key: settlement.key })),
          ),
        );
        const processed = sumOf(batch, ({ settlement }) => resultsIn(settlement));
        onSettled({ processed, retried: 0, dead: 0 });
      },
    });
    this.#retries = this.#queueOf<Settlement<Retry>>({
      calls: 1,
      failure: 'retries are not scheduled',
      lengthOf: () => 0,
      send: async (retries) => {
        await store.retry(retries);
        return [];
      },
      onSettled: ({ length }) => onSettled({ processed: 0, retried: length, dead: 0 }),
    });
    this.#deadLetters = this.#queueOf<Settlement<DeadLetter>>({
      calls: 1,
      failure: 'dead letters are not written',
      lengthOf: ({ message, error, stack = '' }) => message.length + error.length + stack.length,
      send: async (deadLetters) => {
        const { kept, late, halted } = await store.bury(deadLetters, deadMaxLen);
        if (halted) onHalted?.(halted);
        if (deadMaxLen === 0) this.#warnOfMany(kept);
        return late;
      },
      onTaken: onBuried,
      onSettled: ({ length }) => onSettled({ processed: 0, retried: 0, dead: length }),
    });
  }

  commitResult(result: Settlement<Result>): void {
    this.#options.readLimiter.committing(1);
    this.#results.enqueue(result);
  }

  /** Settles a pack whose messages have all ended. */
  settlePack(pack: PackHold): void {
    this.#options.readLimiter.committing(pack.count);
    this.#packs.enqueue({ entryId: pack.id, settlement: pack.settlement, delivery: pack });
  }

  retry(retry: Settlement<Retry>): void {
    this.#retries.enqueue(retry);
  }

  bury(deadLetter: Settlement<DeadLetter>): void {
    this.#deadLetters.enqueue(deadLetter);
  }

  /** Gives up what Redis has not taken: the entries stay pending in Redis, and other consumers take them over. */
  abandon(): void {
    this.#abandoned.abort();
  }

  /** Warns when so many dead letters are kept that they are worth a look, and at each doubling. */
  #warnOfMany(kept: number): void {
    if (kept < MANY_DEAD_LETTERS) this.#manyDeadLetters = MANY_DEAD_LETTERS;
    if (kept < this.#manyDeadLetters) return;
    this.#manyDeadLetters = 2 * kept;
    this.#options.log.warn(
      { deadLetters: kept },
      `${plural(kept, 'dead letter fills', 'dead letters fill')} the memory of Redis: see why (cgroup dead list), then delete them (cgroup dead purge), ` +
        'or keep fewer (deadMaxLen)',
    );
  }

  /**
   * The queue of one kind.
   *
   * @param kind `failure`: the words of the log if a call fails; `countOf` gives the messages of an item, else one; `send`
   *   resolves to the entry ids of those that were settled before; `onTaken` gets all of a batch, `onSettled` the others
   */
  #queueOf<T extends Queued>(kind: {
    readonly calls: number;
    readonly failure: string;
    readonly lengthOf: (item: T) => number;
    readonly countOf?: (item: T) => number;
    readonly send: (batch: readonly T[]) => Promise<readonly string[]>;
    readonly onTaken?: (batch: readonly T[]) => void;
    readonly onSettled: (settled: readonly T[]) => void;
  }): BatchQueue<T> {
    const { store, log } = this.#options;
    const { calls, failure, lengthOf, countOf = () => 1, send, onTaken, onSettled } = kind;
    return new BatchQueue<T>({
      calls,
      lengthOf,
      countOf,
      send: async (batch) => {
        try {
          const late = new Set(await send(batch));
          if (late.size === 0) return batch;
          const settled = batch.filter(({ entryId }) => !late.has(entryId));
          const count = sumOf(batch, countOf) - sumOf(settled, countOf);
          log.debug({ count }, 'settled before, by another consumer or by an earlier try of this call');
          return settled;
        } catch (error) {
          if (hasCode(error, 'NO_GROUP')) await store.prepare().catch(() => {});
          throw error;
        }
      },
      onTaken: (batch, settled) => {
        for (const { delivery } of batch) delivery.release();
        onTaken?.(batch);
        if (settled.length > 0) onSettled(settled);
      },
      failures: repeatedFailures(log, failure),
      abandoned: this.#abandoned.signal,
    });
  }
}
