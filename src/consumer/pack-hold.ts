import {
  type LeftMessage,
  type PackSettlement,
  resultsIn,
  type UnrecordedOutcome,
} from '../core/consumer-store.js';
import { cutError } from '../core/errors.js';
import { INTERRUPTED, type Outcome } from '../core/executor.js';

/** Characters of results that a pack collects, about: Redis gets them in one call. */
export const MOST_LENGTH = 1_000_000;

/** What a pack needs of the delivery of one of its messages. */
export interface MessageInPack {
  /** The executor has it. */
  readonly inWork: boolean;
  beginSettling(): void;
  release(): void;
}

export interface PackHoldOptions {
  readonly id: string;
  readonly consumerId: string;
  /** The key of all its messages: then one begins when the one before it has a result. */
  readonly key?: string | undefined;
  /** Whether to note when each attempt began and ended. */
  readonly timed?: boolean;
  /** Whether a failed message gets another attempt: then its stack is not kept. */
  readonly retries?: boolean;
  /** ms of attempts after which no further message of it begins: the results must not wait for long. */
  readonly patience: number;
  /** Called once, when each message has ended: then the pack is to be settled. */
  readonly onComplete: (pack: PackHold) => void;
}

/**
 * A pack that a consumer holds, from the read until Redis has settled it in one go. Until then it collects how its messages
 * end: by an outcome, or interrupted, which means that the message goes back to the inbox without an attempt. It may be
 * closed before all have begun. With a key it is closed by the first message that has no result.
 */
export class PackHold {
  readonly id: string;
  readonly key: string | undefined;
  readonly #options: PackHoldOptions;
  readonly #messages: MessageInPack[] = [];
  /** How the messages ended, in their order. */
  readonly #ends: (Outcome | undefined)[] = [];
  /** Messages that have not ended. */
  #open = 0;
  #closed = false;
  #busy = 0;
  #length = 0;
  /** Of a pack that was processed as a whole: the message id and the data of each message in turn. */
  #texts: readonly string[] | undefined;
  /** When the attempts with a result began and ended, in turn, by the number of the message from 0; if it is timed. */
  readonly #times: [startedAt: number, finishedAt: number][] = [];

  constructor(options: PackHoldOptions) {
    this.id = options.id;
    this.key = options.key;
    this.#options = options;
  }

  /** Holds the next message. */
  add(message: MessageInPack): void {
    this.#messages.push(message);
    this.#ends.push(undefined);
    this.#open++;
  }

  get count(): number {
    return this.#texts ? resultsIn({ texts: this.#texts }) : this.#messages.length;
  }

  /** Characters that its settlement adds to a call, about. */
  get length(): number {
    return this.#length;
  }

  /** Whether no further message of it may begin. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Whether a message, by its number from 1, has ended. */
  isOver(number: number): boolean {
    return this.#ends[number - 1] !== undefined;
  }

  /**
   * Notes how a message ended; the first time counts.
   *
   * @param number from 1
   * @param busy ms of the attempt
   * @param finishedAt ms since 1970
   */
  end(number: number, outcome: Outcome, busy: number, finishedAt?: number): void {
    if (this.#ends[number - 1]) return;
    if (this.#options.timed) this.#times[number - 1] = timesOf(busy, finishedAt ?? Date.now());
    this.#ends[number - 1] = outcome;
    this.#open--;
    this.#busy += busy;
    if (outcome.kind === 'processed') this.#length += outcome.data.length;
    else if (outcome.kind !== 'interrupted') this.#length += outcome.error.length;
    if (this.#open === 0) this.#complete();
    else if (this.key !== undefined && outcome.kind !== 'processed') this.close();
    else if (this.#busy > this.#options.patience || this.#length > MOST_LENGTH) this.close();
  }

  /**
   * All its messages have results; `message` stands for all of them.
   *
   * @param busy ms of each attempt; the last one has just ended
   */
  complete(message: MessageInPack, texts: readonly string[], length: number, busy: readonly number[]): void {
    this.#messages.push(message);
    this.#texts = texts;
    if (this.#options.timed) this.#times.push(...timesInTurn(busy, Date.now()));
    this.#length = length;
    this.#closed = true;
    this.#complete();
  }

  /** Gives back the messages that are not in work. Those in work end by themselves. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#giveBack(({ inWork }) => !inWork);
  }

  /** Closes it if some messages have ended and none is in work: their results must not wait for messages that do not begin. */
  closeIdle(): void {
    if (this.#open < this.count && !this.#messages.some(({ inWork }) => inWork)) this.close();
  }

  /** Gives back all messages that have not ended: what becomes of their attempts does not count. */
  abandon(): void {
    if (this.#texts) return;
    this.#closed = true;
    this.#giveBack(() => true);
  }

  /** The messages that have an outcome and no result. */
  get failed(): LeftMessage[] {
    return this.settlement.left.filter(({ outcome }) => outcome);
  }

  /** What became of the messages that have ended. */
  get settlement(): PackSettlement {
    const { id, consumerId } = this.#options;
    const more = {
      ...(this.key !== undefined && { key: this.key }),
      ...(this.#options.timed && { times: this.#timesOfResults() }),
    };
    if (this.#texts) return { id, consumerId, texts: this.#texts, left: [], ...more };
    const texts: string[] = [];
    const left: LeftMessage[] = [];
    this.#ends.forEach((end, i) => {
      if (end?.kind === 'processed') texts.push(end.messageId, end.data);
      else if (end?.kind === 'interrupted') left.push({ number: i + 1 });
      else if (end) left.push({ number: i + 1, outcome: this.#unrecorded(end) });
    });
    return { id, consumerId, texts, left, ...more };
  }

  /** It is in the inbox until its message is settled. */
  #unrecorded(end: UnrecordedOutcome): UnrecordedOutcome {
    const kept = { ...end, error: cutError(end.error) };
    return kept.kind === 'failed' && this.#options.retries ? { ...kept, stack: undefined } : kept;
  }

  #timesOfResults(): number[] {
    if (this.#texts) return this.#times.flat();
    return this.#times.filter((_, i) => this.#ends[i]?.kind === 'processed').flat();
  }

  /** The consumer no longer holds it. Idempotent. */
  release(): void {
    for (const message of this.#messages) message.release();
  }

  #giveBack(which: (message: MessageInPack) => boolean): void {
    this.#messages.forEach((message, i) => {
      if (!this.#ends[i] && which(message)) this.end(i + 1, INTERRUPTED, 0);
    });
  }

  #complete(): void {
    for (const message of this.#messages) message.beginSettling();
    this.#options.onComplete(this);
  }
}

function timesOf(busy: number, finishedAt: number): [startedAt: number, finishedAt: number] {
  return [finishedAt - Math.round(busy), finishedAt];
}

/**
 * When attempts in turn began and ended: ms since 1970.
 *
 * @param busy ms of each
 * @param end of the last one
 */
export function timesInTurn(busy: readonly number[], end: number): [startedAt: number, finishedAt: number][] {
  const times: [number, number][] = [];
  let after = 0;
  for (let i = busy.length - 1; i >= 0; i--) {
    const ms = busy[i] as number;
    times.push([Math.round(end - after - ms), Math.round(end - after)]);
    after += ms;
  }
  return times.reverse();
}
