import {
  bytesOf,
  type ConsumerStore,
  type InboxReader,
  type Pack,
  type ReadEntries,
} from '../core/consumer-store.js';
import { hasCode, messageOf } from '../core/errors.js';
import { ReadSize } from '../core/read-size.js';
import { pause } from '../core/service.js';
import type { Logger } from '../log/logger.js';
import type { ThrottledLog } from '../log/throttle.js';
import type { Prefetch } from './prefetch.js';
import type { ReadLimiter } from './read-limiter.js';

/** ms that a read waits for the first entry. Finite: on a half-open connection it would block for ever. */
const BLOCK = 2_000;
/** ms to wait after a read that failed. */
const RETRY_EVERY = 200;

/** What the loop of a lane has to know of the other lanes of its consumer. */
interface OtherLanes {
  /** Whether what this lane holds has to wait for so long that other consumers should have it. */
  readonly crowded: () => boolean;
  /**
   * A read asks for so many messages, which wait already; what it returns is called when the read is over, before
   * {@link ReadLoopOptions.onRead}. Idempotent.
   */
  readonly ask: (count: number) => () => void;
  /** Asked while there is no room: whether what comes meanwhile in several lanes is to be read one lane after the other. */
  readonly oneByOne: () => boolean;
}

export interface ReadLoopOptions {
  readonly reader: InboxReader;
  readonly store: Pick<ConsumerStore, 'prepare'>;
  /** One for all consumers of a process. */
  readonly readLimiter: ReadLimiter;
  readonly prefetch: Prefetch;
  /** How many messages the consumer can hold now, beside those that it holds; 0 for none. */
  readonly room: () => number;
  /** Whether no attempt can begin for now. */
  readonly stalled: () => boolean;
  /** Only if the consumer has several lanes. */
  readonly lanes: OtherLanes | undefined;
  /** Hands back what the consumer holds, as it is stalled or crowded. Never rejects. */
  readonly handBack: () => Promise<void>;
  readonly onRead: (read: ReadEntries) => void;
  readonly failures: ThrottledLog<unknown>;
  readonly log: Logger;
}

/** Reads new messages for one consumer, from {@link resume} to {@link pause}, again and again. */
export class ReadLoop {
  readonly #options: ReadLoopOptions;
  readonly #size = new ReadSize(Number.POSITIVE_INFINITY);
  #pausing = new AbortController();
  /** Settles when the loop has ended; undefined before it began. */
  #loop: Promise<void> | undefined;
  #wake: (() => void) | undefined;
  #waits = false;

  constructor(options: ReadLoopOptions) {
    this.#options = options;
  }

  resume(): void {
    this.#pausing = new AbortController();
    const { signal } = this.#pausing;
    this.#loop = Promise.resolve(this.#loop).then(() => this.#readUntil(signal));
  }

  /** Waits until no read is under way. */
  async pause(): Promise<void> {
    this.#pausing.abort();
    this.#wake?.();
    let reading = this.#loop !== undefined;
    const ended = Promise.resolve(this.#loop).then(() => {
      reading = false;
    });
    // Makes a waiting read return empty. Repeated, because the call may overtake the read.
    while (reading) {
      await this.#options.reader.unblock().catch(() => {}); // then the read ends by itself, a little later
      await Promise.race([ended, pause(50)]);
    }
  }

  /** There may be room now. */
  wake(): void {
    this.#wake?.();
  }

  /** How many messages to read now; 0 for not yet. */
  #count(): number {
    return Math.max(Math.min(this.#options.room(), this.#size.count), 0);
  }

  async #readUntil(signal: AbortSignal): Promise<void> {
    const { prefetch, stalled, handBack, lanes, failures } = this.#options;
    let hadNoRoom = false;
    while (!signal.aborted) {
      if (stalled()) {
        await handBack();
        await pause(RETRY_EVERY, signal);
        continue;
      }
      if (this.#count() === 0) {
        hadNoRoom ||= lanes?.oneByOne() === true;
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
        continue;
      }
      try {
        const inTurn = prefetch.busy || hadNoRoom;
        hadNoRoom = false;
        if (inTurn) await this.#readInTurn(signal);
        else await this.#readWaiting();
      } catch (error) {
        if (signal.aborted) return;
        // The next read may wait for a connection: it must not have a turn meanwhile.
        prefetch.recordFailedRead();
        if (hasCode(error, 'NO_GROUP')) await this.#makeGroupAgain();
        else {
          this.#size.failed();
          failures.add(error);
        }
        await pause(RETRY_EVERY, signal);
      }
    }
  }

  /** More messages wait: the consumers of the process read in turn, and no read waits in Redis. */
  async #readInTurn(signal: AbortSignal): Promise<void> {
    const { readLimiter, lanes } = this.#options;
    let asked: (() => void) | undefined;
    // At once: another lane may look at its room next.
    const ask = () => {
      const count = this.#count();
      if (count > 0) asked = lanes?.ask(count);
      return count;
    };
    const count = await readLimiter.acquire(ask, signal);
    if (count === 0) return;
    try {
      await this.#readOnce(count, undefined, asked);
    } finally {
      asked?.();
      readLimiter.release(count);
    }
  }

  /** Waits in Redis for the first message. */
  async #readWaiting(): Promise<void> {
    const { lanes, handBack } = this.#options;
    this.#waits = true;
    try {
      await this.#readOnce(this.#count(), BLOCK);
    } finally {
      this.#waits = false;
    }
    if (lanes?.crowded()) await handBack();
  }

  /** Makes a read that waits in Redis return empty. The call may overtake the read, which then waits on. */
  recall(): void {
    if (this.#waits) this.#options.reader.unblock().catch(() => {});
  }

  /**
   * A function of its own: inside the loop, the last entries would stay referenced until the next read.
   *
   * @param onReply called before the messages are accepted, which count as held from then on
   */
  async #readOnce(count: number, block: number | undefined, onReply?: () => void): Promise<void> {
    const { reader, prefetch, failures, onRead } = this.#options;
    const read = await reader.read(count, block);
    onReply?.();
    failures.over();
    prefetch.recordRead(read.more);
    const { packs, entries } = read;
    const messages = packs.reduce((sum, pack) => sum + pack.messages.length, entries.length);
    const bytes = packs.reduce((sum, pack) => sum + sizeOf(pack), bytesOf(entries));
    this.#size.came(messages, bytes);
    onRead(read);
  }

  async #makeGroupAgain(): Promise<void> {
    const { store, log } = this.#options;
    try {
      if (await store.prepare())
        log.warn({}, 'the consumer group was gone (flushed or destroyed): it was made anew, from 0');
    } catch (error) {
      log.warn({ error }, `the consumer group is gone and cannot be made anew yet: ${messageOf(error)}`);
    }
  }
}

function sizeOf({ messages }: Pack): number {
  return messages.reduce((sum, message) => sum + message.length, 0);
}
