import { performance } from 'node:perf_hooks';
import { bytesOf, type ConsumerStore, type Cursor, type Entry } from '../core/consumer-store.js';
import { hasCode } from '../core/errors.js';
import { ReadSize } from '../core/read-size.js';
import { Loop, type Service } from '../core/service.js';
import { plural } from '../core/words.js';
import type { Logger } from '../log/logger.js';
import { repeatedFailures, repeatedWarnings, ThrottledLog } from '../log/throttle.js';
import type { Consumer } from './consumer.js';
import { LONGEST_WAIT } from './retry-policy.js';

/** ms between two polls for entries whose next attempt is due. */
const POLL_EVERY = 100;
/** Every 5th poll, at least, also reclaims from silent consumers; more if entries are taken over soon. */
const RECLAIM_EACH = 5;
/** Part of `claimAfter` by which a take-over may come too late, about. */
const LATE = 1 / 6;
/** ms from the first entry that is taken over to the line about all of them. */
const LINE_AFTER = 5_000;
/** ms from the end of one search for strays to the next. */
const STRAYS_EVERY = 10_000;
/** Most calls in one poll that unpack: each is bounded. */
const MOST_RESCUES = 20;
/** Most entries asked for at once. */
const MOST = 100;

/** What the reclaimer needs of a consumer. */
type Taker = Pick<Consumer, 'id' | 'room' | 'idle' | 'takeOver'>;

export interface ReclaimerOptions {
  readonly store: ConsumerStore;
  /** Those of this process that do not leave. */
  readonly consumers: () => readonly Taker[];
  /** Silence after which an entry is taken from its consumer, ms. */
  readonly claimAfter: number;
  readonly log: Logger;
  /** Called with how many pending messages another client deleted. */
  readonly onLost: (count: number) => void;
}

/**
 * Gives this process's consumers the entries of silent consumers, and those whose next attempt is due. The packs of silent
 * consumers go back to the inbox, message by message. Also finds the entries that another program took from the pending ones.
 */
export class Reclaimer implements Service {
  readonly #options: ReclaimerOptions;
  readonly #loop: Loop;
  readonly #failures: ThrottledLog<unknown>;
  readonly #refusedPacks: ThrottledLog<unknown>;
  /** Throttled: if consumers have room for one message at a time, each would have a line. */
  readonly #takenOver: ThrottledLog<string>;
  readonly #rescued: ThrottledLog<void>;
  readonly #foreign: ThrottledLog<void>;
  /** When a poll last failed: ms of the monotonic clock. */
  #failedAt = Number.NEGATIVE_INFINITY;
  readonly #size = new ReadSize(MOST);
  #polls = 0;
  /** Polls from one that reclaims to the next. */
  readonly #reclaimEach: number;
  /** When it last went through the entries of all consumers: ms of the monotonic clock. */
  #wentThroughAt = Number.NEGATIVE_INFINITY;
  readonly #strays: ThrottledLog<void>;
  /** Where the search for strays under way goes on. */
  #strayFrom: string | undefined;
  /** When the last search for strays ended: ms of the monotonic clock. */
  #searchedAt = Number.NEGATIVE_INFINITY;
  /** The scan under way, if none of our consumers had room for the rest of it. */
  #scan: { readonly everyone: boolean; readonly from: Cursor } | undefined;

  constructor(options: ReclaimerOptions) {
    this.#options = options;
    const each = Math.floor((options.claimAfter * LATE) / POLL_EVERY);
    this.#reclaimEach = Math.max(1, Math.min(RECLAIM_EACH, each));
    this.#failures = repeatedFailures(options.log, 'entries cannot be reclaimed or retried');
    this.#refusedPacks = repeatedFailures(options.log, 'packs of silent consumers cannot be unpacked');
    this.#takenOver = new ThrottledLog({
      delay: LINE_AFTER,
      write: (entries, consumer) =>
        options.log.info(
          { entries, consumer },
          `took over ${plural(entries, 'message')} of silent consumers`,
        ),
    });
    this.#rescued = new ThrottledLog({
      delay: LINE_AFTER,
      write: (entries) =>
        options.log.info(
          { entries },
          `moved ${plural(entries, 'message')} of silent consumers out of their packs, for others to take`,
        ),
    });
    this.#foreign = repeatedWarnings(options.log, (count) => [
      { count },
      `removed ${plural(count, 'member')} of the retry zset, no ids of entries: another program writes to the keys of the group`,
    ]);
    this.#strays = repeatedWarnings(options.log, (entries) => [
      { entries },
      `processing ${plural(entries, 'message')} that no consumer held: another program acknowledged them, removed ` +
        'their consumer or moved the group (XACK, XGROUP DELCONSUMER, XGROUP SETID)',
    ]);
    this.#loop = new Loop(
      POLL_EVERY,
      () => this.#poll(),
      (error) => {
        this.#failedAt = performance.now();
        this.#failures.add(error);
      },
    );
  }

  start(): Promise<void> {
    return this.#loop.start();
  }

  async stop(): Promise<void> {
    await this.#loop.stop();
    this.#takenOver.flush();
    this.#rescued.flush();
    this.#foreign.flush();
    this.#strays.flush();
  }

  async #poll(): Promise<void> {
    await this.#takeDue();
    // After an outage of Redis all consumers look silent: the live ones get time to renew their entries.
    const recovered = performance.now() - this.#failedAt >= this.#options.claimAfter;
    if (this.#polls++ % this.#reclaimEach === 0 && recovered) {
      await this.#tryRescue();
      await this.#reclaim();
      await this.#searchStrays();
    }
    this.#failures.over();
  }

  async #takeDue(): Promise<void> {
    for (let consumer = this.#roomiest(); consumer; consumer = this.#roomiest()) {
      const { id } = consumer;
      const count = Math.min(consumer.room, this.#size.count);
      const { more, foreign } = await consumer.takeOver(() =>
        this.#measured(() => this.#options.store.due(id, count, LONGEST_WAIT)),
      );
      if (foreign > 0) this.#foreign.add(undefined, foreign);
      if (!more) return;
    }
  }

  /**
   * Goes once through the entries of silent consumers, or until none of our consumers has room. Now and then it goes
   * through those of all consumers: a consumer may not know of entries that Redis gave it, if the reply was lost.
   */
  async #reclaim(): Promise<void> {
    const { store, claimAfter, onLost } = this.#options;
    const everyone = this.#scan?.everyone ?? performance.now() - this.#wentThroughAt >= claimAfter;
    for (let consumer = this.#roomiest(); consumer; consumer = this.#roomiest()) {
      const { id: consumerId, room } = consumer;
      const count = Math.min(room, this.#size.count);
      const request = { consumerId, silence: claimAfter, count, everyone, from: this.#scan?.from };
      const { entries, next, lost } = await consumer.takeOver(() =>
        this.#measured(() => store.reclaim(request)),
      );
      this.#scan = next && { everyone, from: next };
      if (lost > 0) onLost(lost);
      if (entries.length > 0) this.#takenOver.add(consumerId, entries.length);
      if (this.#scan) continue;
      if (everyone) this.#wentThroughAt = performance.now();
      return;
    }
  }

  /** What Redis refuses for packs does not keep entries from being reclaimed. */
  async #tryRescue(): Promise<void> {
    try {
      await this.#rescue();
      this.#refusedPacks.over();
    } catch (error) {
      if (hasCode(error, 'OUTCOME_UNKNOWN')) throw error;
      this.#refusedPacks.add(error);
    }
  }

  /** Needs no room: the messages go to the inbox. */
  async #rescue(): Promise<void> {
    const { store, claimAfter, onLost } = this.#options;
    for (let calls = 0; calls < MOST_RESCUES; calls++) {
      const { messages, more, lost } = await store.rescue(claimAfter);
      if (lost > 0) onLost(lost);
      if (messages > 0) this.#rescued.add(undefined, messages);
      if (!more) return;
    }
  }

  /** Reads entries, and notes their size. */
  async #measured<Read extends { readonly entries: readonly Entry[] }>(
    read: () => Promise<Read>,
  ): Promise<Read> {
    try {
      const reply = await read();
      this.#size.came(reply.entries.length, bytesOf(reply.entries));
      return reply;
    } catch (error) {
      this.#size.failed();
      throw error;
    }
  }

  async #searchStrays(): Promise<void> {
    if (this.#strayFrom === undefined && performance.now() - this.#searchedAt < STRAYS_EVERY) return;
    const { found, next } = await this.#options.store.strays(this.#strayFrom);
    this.#strayFrom = next;
    if (next === undefined) this.#searchedAt = performance.now();
    if (found > 0) this.#strays.add(undefined, found);
  }

  /** The consumer with the most room, an idle one of several; undefined if none has room. */
  #roomiest(): Taker | undefined {
    const all = this.#options.consumers();
    const [best] = all.toSorted((a, b) => b.room - a.room || Number(b.idle) - Number(a.idle));
    return best && best.room > 0 ? best : undefined;
  }
}
