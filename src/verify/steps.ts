import { createHistogram } from 'node:perf_hooks';
import type { OutputKind } from '../core/output.js';
import { timeOfId } from '../core/stream-id.js';
import type { OutputEntry } from '../redis/output.js';

/** How long a step took, over many messages: ms. */
export interface StepTimes {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** How long each step of the results in the output took. */
export interface Steps {
  /** From the message in the inbox to the start of its last attempt. */
  readonly waiting: StepTimes;
  /** From there to the end of the attempt. */
  readonly processing: StepTimes;
  /** From there to the result in the output. Undefined if the output is a list: nothing there says when. */
  readonly parking?: StepTimes;
  /** From the message in the inbox to the result in the output; in a list, to the end of the attempt. */
  readonly total: StepTimes;
}

/** Times of one step. Holds any number of them in less than a megabyte: below 2 s exact, above to a thousandth. */
class StepHistogram {
  /** Its least value is 1. */
  readonly #above = createHistogram();
  #max = 0;

  /** Clocks of hosts differ: what ends before it began took no time. */
  add(ms: number): void {
    const time = Math.max(0, Math.round(ms));
    this.#above.record(time + 1);
    this.#max = Math.max(this.#max, time);
  }

  get times(): StepTimes {
    const at = (percent: number) => Math.min(this.#max, Math.max(0, this.#above.percentile(percent) - 1));
    return { count: this.#above.count, p50: at(50), p95: at(95), p99: at(99), max: this.#max };
  }
}

/** Gathers the steps of results. */
export class StepsReader {
  readonly #isList: boolean;
  readonly #waiting = new StepHistogram();
  readonly #processing = new StepHistogram();
  readonly #parking = new StepHistogram();
  readonly #total = new StepHistogram();

  constructor(outputType: OutputKind['outputType']) {
    this.#isList = outputType === 'list';
  }

  take({ id, times }: Pick<OutputEntry, 'id' | 'times'>): void {
    if (times === undefined) return;
    const { publishedAt, startedAt, finishedAt } = times;
    const writtenAt = this.#isList ? finishedAt : timeOfId(id);
    this.#waiting.add(startedAt - publishedAt);
    this.#processing.add(finishedAt - startedAt);
    this.#parking.add(writtenAt - finishedAt);
    this.#total.add(writtenAt - publishedAt);
  }

  /** Null if no result has times: they are written with an order or a record. */
  get steps(): Steps | null {
    const total = this.#total.times;
    if (total.count === 0) return null;
    return {
      waiting: this.#waiting.times,
      processing: this.#processing.times,
      ...(!this.#isList && { parking: this.#parking.times }),
      total,
    };
  }
}
