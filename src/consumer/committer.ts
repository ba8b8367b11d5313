import type { Logger } from '../logger.js';
import { refusedAs } from '../redis/connection.js';
import type { DeadLetter, Result, Retry, RoadStore } from '../redis/road.js';
import { pause } from '../service.js';
import { compareIds } from '../stream-id.js';
import { Trouble } from '../trouble.js';

/** What has become of an entry, and whom to tell once Redis knows. */
export type Settlement = (
  | ({ readonly kind: 'result' } & Result)
  | ({ readonly kind: 'retry' } & Retry)
  | ({ readonly kind: 'dead' } & DeadLetter)
) & { readonly done: Done };

/** Called once Redis has taken the settlement, or had one of somebody else. */
interface Done {
  settled(inboxId: string): void;
}

const MAX_ENTRIES = 1_000;
/** Characters of data in one call, about: the script blocks Redis for as long as it copies them. */
const MAX_LENGTH = 1_000_000;
/** Calls under way at a time, where a whole one is waiting: Redis has the next when it is done with one. */
const MOST_CALLS = 2;
/** ms between two tries of what Redis refused or did not answer. */
const RETRY_EVERY = 100;

export interface CommitterOptions {
  readonly store: RoadStore;
  readonly outputMaxLen: number;
  readonly log: Logger;
  /** Told of what was settled by each call. */
  readonly onSettled: (count: { processed: number; retried: number; dead: number }) => void;
  /** Told of the results that each call wrote, in the order of their inbox ids. */
  readonly onResults: ((results: readonly Result[]) => void) | undefined;
}

/**
 * Brings results, retries and dead letters of all consumers of a process to Redis. What comes while a call is under way
 * makes up the next: the batches grow with the load by themselves.
 */
export class Committer {
  readonly #options: CommitterOptions;
  readonly #trouble: Trouble;
  #waiting: Settlement[] = [];
  /** Calls under way, or about to be made. */
  #calls = 0;
  #abandoned = new AbortController();
  #idle: (() => void)[] = [];

  constructor(options: CommitterOptions) {
    this.#options = options;
    this.#trouble = new Trouble(options.log, 'results are not written', false);
  }

  /** Settlements that Redis does not know of yet. */
  #underWay = 0;

  add(settlement: Settlement): void {
    this.#waiting.push(settlement);
    this.#underWay++;
    if (this.#calls > 0 && (this.#calls === MOST_CALLS || this.#waiting.length < MAX_ENTRIES)) return;
    this.#calls++;
    // After the messages of one read, so that they become one call.
    setImmediate(() => void this.#run());
  }

  /** Waits until Redis knows of all settlements, or the signal is aborted. */
  async flush(signal: AbortSignal): Promise<void> {
    while (this.#underWay > 0 && !signal.aborted)
      await new Promise<void>((resolve) => {
        this.#idle.push(resolve);
        signal.addEventListener('abort', () => resolve(), { once: true });
      });
  }

  /** Gives up what is not settled: it stays pending in Redis, for others to take. */
  abandon(): void {
    this.#abandoned.abort();
  }

  async #run(): Promise<void> {
    while (this.#waiting.length > 0 && !this.#abandoned.signal.aborted) {
      const batch = this.#nextBatch();
      await this.#settle(batch);
    }
    this.#calls--;
    if (this.#calls === 0) for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** The oldest first: what is the front of the inbox is removed at nearly no cost. */
  #nextBatch(): Settlement[] {
    this.#waiting.sort((a, b) => compareIds(a.inboxId, b.inboxId));
    let length = 0;
    let end = 0;
    while (end < this.#waiting.length && end < MAX_ENTRIES) {
      const next = this.#waiting[end];
      if (next?.kind === 'result') length += next.data.length;
      else if (next?.kind === 'dead') length += next.message.length;
      if (end > 0 && length > MAX_LENGTH) break;
      end++;
    }
    return this.#waiting.splice(0, end);
  }

  async #settle(batch: readonly Settlement[]): Promise<void> {
    const results: Result[] = [];
    const retries: Retry[] = [];
    const letters: DeadLetter[] = [];
    for (const settlement of batch) {
      if (settlement.kind === 'result') results.push(settlement);
      else if (settlement.kind === 'retry') retries.push(settlement);
      else letters.push(settlement);
    }
    const { store, outputMaxLen, log, onSettled, onResults } = this.#options;
    const late = await this.#untilTaken(async () => {
      const [a, b] = await Promise.all([
        results.length > 0 ? store.commit(results, outputMaxLen) : [],
        letters.length > 0 ? store.bury(letters) : [],
        retries.length > 0 ? store.retry(retries) : undefined,
      ]);
      return a.length + b.length;
    });
    if (late === undefined) return;
    if (late > 0)
      log.debug({ count: late }, 'settled already, by another consumer or by the same call sent before');
    this.#underWay -= batch.length;
    for (const { done, inboxId } of batch) done.settled(inboxId);
    if (results.length > 0) onResults?.(results);
    onSettled({ processed: results.length, retried: retries.length, dead: letters.length });
  }

  /** Tries until Redis takes it; all three scripts may be sent again. Undefined when it is abandoned first. */
  async #untilTaken<T>(send: () => Promise<T>): Promise<T | undefined> {
    const { signal } = this.#abandoned;
    while (!signal.aborted) {
      try {
        const reply = await send();
        this.#trouble.succeeded();
        return reply;
      } catch (error) {
        if (refusedAs(error, 'NOGROUP')) await this.#options.store.prepare().catch(() => {});
        this.#trouble.failed(error);
        await pause(RETRY_EVERY, signal);
      }
    }
    return undefined;
  }
}
