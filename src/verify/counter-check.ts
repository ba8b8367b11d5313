import { type Differences, type Examples, note } from './differences.js';
import { IdIndex } from './id-index.js';

/** The numbers of one moment that the streams are held against. */
export interface Numbers {
  readonly backlog: number;
  /** Entries in the output, and dead letters that are kept. */
  readonly outputLength: number;
  readonly deadLength: number;
  readonly counters: {
    readonly relayed: number;
    readonly processed: number;
    readonly dead: number;
    readonly lost: number;
    readonly trimmed: number;
    readonly purged: number;
  };
}

export type StreamName = 'output' | 'dead';

/**
 * Streams against counters: each relayed message is settled once or in the backlog. Takes the output first,
 * then the dead.
 */
export class CounterAccount {
  readonly #settled = new IdIndex();
  /** Inbox ids in the output: they have the lowest numbers. */
  #results = 0;
  /** Dead letters of messages that have a result. */
  #inBoth = 0;
  readonly #copies = { output: 0, dead: 0 };
  readonly #foreign = { output: 0, dead: 0 };
  readonly #doubled: string[] = [];
  readonly #unexpected: string[] = [];

  /**
   * An entry that was there at the moment of the numbers.
   *
   * @param entryId its id in the stream
   * @param inboxId of the message that it settles; undefined where it says none, as none of ours does
   */
  settled(stream: StreamName, entryId: string, inboxId: string | undefined): void {
    if (inboxId === undefined) {
      this.#foreign[stream]++;
      note(this.#unexpected, entryId);
      return;
    }
    const known = this.#settled.size;
    const number = this.#settled.add(inboxId);
    if (stream === 'output') this.#results = this.#settled.size;
    if (number === known) return;
    this.#copies[stream]++;
    if (stream === 'dead' && number < this.#results) this.#inBoth++;
    note(this.#doubled, inboxId);
  }

  /** Lengths are those of the moment, so entries that were trimmed or purged while we read do not matter. */
  differences({ backlog, outputLength, deadLength, counters }: Numbers): Differences {
    const { relayed, processed, dead, lost, trimmed, purged } = counters;
    const distinct = (stream: StreamName, length: number) =>
      length - this.#copies[stream] - this.#foreign[stream];
    const unsettled = relayed - processed - dead - backlog - lost;
    const withoutResult = processed - trimmed - distinct('output', outputLength);
    const withoutLetter = dead - purged - distinct('dead', deadLength);
    const doubled = this.#copies.output + this.#copies.dead;
    const missing = deficit(withoutResult) + deficit(withoutLetter);
    const tooMany = surplus(withoutResult) + surplus(withoutLetter) + surplus(unsettled);
    // Of a result and a dead letter of one message, the result may be the one too many: then no letter is
    // missing.
    const wrongOne = Math.min(this.#inBoth, surplus(withoutResult), deficit(withoutLetter));
    // What was settled twice by a defect of ours was also counted twice: then nothing is missing for the
    // second time.
    const countedTwice = Math.min(doubled - wrongOne, surplus(unsettled), missing - wrongOne);
    const explained = wrongOne + countedTwice;
    return {
      lost: lost + deficit(unsettled) + missing - explained,
      doubled,
      unexpected: this.#foreign.output + this.#foreign.dead + tooMany - explained,
    };
  }

  /** The doubled by inbox id, the unexpected by their own id. What is lost has left no id. */
  get examples(): Examples {
    return { lost: [], doubled: this.#doubled, unexpected: this.#unexpected };
  }
}

function deficit(difference: number): number {
  return Math.max(0, difference);
}

function surplus(difference: number): number {
  return Math.max(0, -difference);
}
