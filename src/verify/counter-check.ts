import type { Counters, Reading } from '../redis/reading.js';
import { type Differences, type Examples, note } from './differences.js';
import { IdIndex } from './id-index.js';

/** The numbers, all of one moment, that the streams are compared with. */
export interface Numbers
  extends Pick<Reading, 'backlog' | 'parked' | 'outputLength' | 'deadLetters' | 'outputType'> {
  readonly counters: Pick<Counters, 'relayed' | 'processed' | 'dead' | 'lost' | 'trimmed' | 'purged'>;
}

export type StreamName = 'output' | 'dead';

/**
 * Compares the streams with the counters: each relayed message is settled once or in the backlog. Takes all of the
 * output first, then all dead letters.
 */
export class CounterCheck {
  readonly #settled = new IdIndex();
  /** How many inbox ids are in the output: these have the lowest numbers. */
  #results = 0;
  /** Dead letters of messages that have a result. */
  #inBoth = 0;
  readonly #copies = { output: 0, dead: 0 };
  readonly #foreign = { output: 0, dead: 0 };
  readonly #doubled: string[] = [];
  readonly #unexpected: string[] = [];

  /**
   * Takes an entry that existed at the moment of the numbers.
   *
   * @param entryId its id in the stream
   * @param inboxId of the message that it settles; undefined for an entry that the group did not write
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

  /** Adds what another check has found, of messages that this one has not seen. */
  add(other: CounterCheck): void {
    this.#inBoth += other.#inBoth;
    for (const stream of ['output', 'dead'] as const) {
      this.#copies[stream] += other.#copies[stream];
      this.#foreign[stream] += other.#foreign[stream];
    }
    for (const id of other.#doubled) note(this.#doubled, id);
    for (const id of other.#unexpected) note(this.#unexpected, id);
  }

  /** Uses the lengths of the moment: entries that are trimmed or purged while we read make no difference. */
  differences(numbers: Numbers): Differences {
    const { lost, doubled, unexpected } = this.#compare(numbers);
    return { lost, doubled, unexpected };
  }

  /** How many results are not in a list any more: others took them, as they may, or deleted them. 0 for a stream. */
  taken(numbers: Numbers): number {
    return this.#compare(numbers).taken;
  }

  #compare({ backlog, parked, outputLength, deadLetters, outputType, counters }: Numbers) {
    const { relayed, processed, dead, lost, trimmed, purged } = counters;
    const distinct = (stream: StreamName, length: number) =>
      length - this.#copies[stream] - this.#foreign[stream];
    const unsettled = relayed - processed - dead - backlog - parked - lost;
    const withoutResult = processed - trimmed - distinct('output', outputLength);
    const withoutDeadLetter = dead - purged - distinct('dead', deadLetters);
    const doubled = this.#copies.output + this.#copies.dead;
    const missing = deficit(withoutResult) + deficit(withoutDeadLetter);
    const tooMany = surplus(withoutResult) + surplus(withoutDeadLetter) + surplus(unsettled);
    // If a message has a result and a dead letter, the result may be the false one: then no dead letter is missing.
    const wrongOne = Math.min(this.#inBoth, surplus(withoutResult), deficit(withoutDeadLetter));
    // A message that a defect of ours settled twice was also counted twice: then the second one is not missing.
    const countedTwice = Math.min(doubled - wrongOne, surplus(unsettled), missing - wrongOne);
    const explained = wrongOne + countedTwice;
    const unexplained = missing - explained;
    const taken = outputType === 'list' ? Math.min(deficit(withoutResult), unexplained) : 0;
    return {
      lost: lost + deficit(unsettled) + unexplained - taken,
      doubled,
      unexpected: this.#foreign.output + this.#foreign.dead + tooMany - explained,
      taken,
    };
  }

  /** Inbox ids of the doubled, entry ids of the unexpected. Lost messages leave no id. */
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
