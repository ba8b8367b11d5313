import { randomBytes } from 'node:crypto';
import { performance } from 'node:perf_hooks';
import { type PackSettlement, resultsIn } from '../core/consumer-store.js';
import { messageOf } from '../core/errors.js';
import type { Logger } from '../log/logger.js';
import type { Keys } from './keys.js';
import type { Connection } from './protocol/connection.js';
import { failureOf, RefusedError, UNKNOWN_COMMAND } from './protocol/failure.js';
import { type Argument, callOf, sourceCallOf } from './protocol/script.js';
import { repliesTo, transactionOf } from './protocol/transaction.js';
import { ResultsMissingError, TransactionReplies } from './protocol/transaction-replies.js';
import { settleWhole } from './scripts/consumer.js';

/** What transactions need of a connection, which nothing else uses. */
export type Requests = Pick<Connection, 'request' | 'renew' | 'replicated'>;

/** Fewer messages are settled by the script alone: a transaction costs more than it saves. */
const LEAST = 10;
/**
 * UTF-16 units of one transaction. It has less than a megabyte then: the least that a Redis lets a client send before it
 * carries it out (client-query-buffer-limit), or in one argument (proto-max-bulk-len).
 */
const LARGEST = 250_000;
/** ms without transactions after Redis has refused one. */
const PAUSE = 60_000;
/** The same if it lacks a right or a command: each try makes the connection again. */
const LONG_PAUSE = 3_600_000;
/** Transactions without a reply, in a row, that count as refused. */
const MANY_UNANSWERED = 3;

/**
 * Settles packs of which every message has a result, by transactions (see settle-whole.lua). What a transaction does not settle
 * is left for settle.lua, which may be called even if it is not known what became of the transaction.
 */
export class WholePacks {
  readonly #connection: Requests;
  readonly #keys: Keys;
  readonly #group: string;
  readonly #log: Logger;
  /** Of this process. Short, because each result names it. */
  readonly #id = randomBytes(9).toString('base64url');
  /** Transactions. */
  #sent = 0;
  /** ms of the monotonic clock. */
  #pausedUntil = 0;
  /** Transactions without a reply, in a row. */
  #unanswered = 0;
  /** The last kind of refusal that was logged. */
  #said = '';

  constructor(connection: Requests, keys: Keys, group: string, log: Logger) {
    this.#connection = connection;
    this.#keys = keys;
    this.#group = group;
    this.#log = log;
  }

  /**
   * Settles packs.
   *
   * @param byScript settles those that no transaction has settled
   * @returns the ids of the packs that were settled before
   */
  async settle(
    packs: readonly PackSettlement[],
    maxLength: number,
    byScript: (packs: readonly PackSettlement[]) => Promise<string[]>,
  ): Promise<string[]> {
    if (performance.now() < this.#pausedUntil) return byScript(packs);
    const { batches, rest } = batchesOf(packs);
    let failure: unknown;
    const settled = batches.map(async (batch) => {
      try {
        if (await this.#settle(batch, maxLength)) return [];
      } catch (error) {
        if (error instanceof ResultsMissingError) this.#end(error);
        else failure = error;
      }
      return byScript(batch);
    });
    const late = await Promise.all([rest.length > 0 ? byScript(rest) : [], ...settled]);
    // The script settled them: so the failure is about transactions.
    if (failure !== undefined) this.#failed(failure);
    else if (batches.length > 0) this.#unanswered = 0;
    return late.flat();
  }

  /** Resolves to whether the packs are settled. */
  async #settle(packs: readonly PackSettlement[], maxLength: number): Promise<boolean> {
    try {
      return await this.#send(callOf(settleWhole.name), packs, maxLength);
    } catch (error) {
      if (!(error instanceof RefusedError) || error.refusal !== 'NOSCRIPT') throw error;
      return this.#send(sourceCallOf(settleWhole.name), packs, maxLength);
    }
  }

  async #send(
    call: readonly Argument[],
    packs: readonly PackSettlement[],
    maxLength: number,
  ): Promise<boolean> {
    // If a key had this name, results would be written that the script did not decide.
    const keys = { ...this.#keys, open: `${this.#keys.open}:${this.#id}:${++this.#sent}` };
    const options = settleWhole.encode({ group: this.#group, maxLength, packs });
    const names = settleWhole.keys.map((name) => keys[name]);
    const script = [...call, names.length, ...names, ...options];
    const write = (memory: Buffer | undefined) => transactionOf({ script, packs, keys }, memory);
    const replies = repliesTo(packs);
    const reader = new TransactionReplies(replies, () => this.#connection.renew());
    try {
      await this.#connection.request(settleWhole.name, write, replies, reader.take);
    } catch (error) {
      // The connection was made again because of it.
      throw reader.refusal ? failureOf(reader.refusal, settleWhole.name) : error;
    }
    if (reader.isSettled) await this.#connection.replicated();
    return reader.isSettled;
  }

  /** Tries no transaction any more. */
  #end(error: ResultsMissingError): void {
    this.#pausedUntil = Infinity;
    this.#log.error({ error }, error.message);
  }

  /** Tries no transaction for a while, if it is not the connection that was lost once. Says why, once for each kind of refusal. */
  #failed(error: unknown): void {
    // Another batch has failed before.
    if (performance.now() < this.#pausedUntil) return;
    const isRefused = error instanceof RefusedError;
    if (!isRefused && ++this.#unanswered < MANY_UNANSWERED) return;
    // A right or a command that is missing will be missing for long.
    const isForLong = isRefused && (error.refusal === 'NOPERM' || UNKNOWN_COMMAND.test(error.message));
    this.#pausedUntil = performance.now() + (isForLong ? LONG_PAUSE : PAUSE);
    const kind = isRefused ? error.refusal : 'no reply';
    if (kind !== this.#said)
      this.#log.warn(
        { error },
        `packs are settled by scripts alone, which takes longer: ${messageOf(error)}`,
      );
    this.#said = kind;
  }
}

/** The packs for transactions, each with as many as it may have, and the others. */
function batchesOf(packs: readonly PackSettlement[]): {
  batches: PackSettlement[][];
  rest: PackSettlement[];
} {
  const batches: PackSettlement[][] = [];
  const rest: PackSettlement[] = [];
  let [batch, units]: [PackSettlement[], number] = [[], 0];
  for (const pack of packs) {
    const length = pack.texts.reduce((sum, text) => sum + text.length, 0);
    if (pack.left.length > 0 || length > LARGEST) {
      rest.push(pack);
      continue;
    }
    if (units + length > LARGEST) {
      batches.push(batch);
      [batch, units] = [[], 0];
    }
    batch.push(pack);
    units += length;
  }
  batches.push(batch);
  const isWorth = (some: PackSettlement[]) => some.reduce((sum, pack) => sum + resultsIn(pack), 0) >= LEAST;
  rest.push(...batches.filter((some) => !isWorth(some)).flat());
  return { batches: batches.filter(isWorth), rest };
}
