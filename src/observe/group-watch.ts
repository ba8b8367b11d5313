import { isPartial } from '../core/away-lanes.js';
import { bytesText } from '../core/words.js';
import type { ServerMemory } from '../redis/server.js';
import type { ProcessView } from './process-view.js';
import { Rates } from './rates.js';
import type { GroupStatus } from './status.js';
import { Trend, type TrendView } from './trend.js';
import { VerdictWatch } from './verdict.js';
import type { GroupVerdict, News, VerdictReading } from './verdict-input.js';

/** Follows a group from reading to reading: what becomes of it, and how it is. Times are of the caller's monotonic clock, ms. */
export class GroupWatch {
  readonly #trend = new Trend();
  readonly #verdict = new VerdictWatch();
  readonly #processed = new Rates();
  readonly #failed = new Rates();
  #byConsumer = new Rates();
  readonly #freshFor: number | undefined;
  #reading: VerdictReading | undefined;
  #readAt = 0;
  #memory: ServerMemory | undefined;

  /** @param freshFor ms after which a reading is too old; 3,000 by default */
  constructor(freshFor?: number) {
    this.#freshFor = freshFor;
  }

  /** Takes a reading of the totals, or of the whole status. */
  add(reading: VerdictReading, at: number): void {
    this.#reading = reading;
    this.#readAt = at;
    this.#trend.add(reading, at);
    const { processes } = reading;
    // By the times of their heartbeats: a reading comes a little before or after them.
    this.#processed.add(
      processes.map(({ id, settled, failed, lastBeat }) => [
        id,
        settled - (failed ?? 0),
        Date.parse(lastBeat),
      ]),
    );
    this.#failed.add(processes.map(({ id, failed, lastBeat }) => [id, failed ?? 0, Date.parse(lastBeat)]));
  }

  /** Takes the counts of consumers. */
  addConsumers(status: Pick<GroupStatus, 'consumers' | 'awayLanes'>, at: number): void {
    // What they processed in a lane that is away is missing.
    if (isPartial(status)) this.#byConsumer = new Rates();
    else this.#byConsumer.add(status.consumers.map(({ id, processed }) => [id, processed, at]));
  }

  addMemory(memory: ServerMemory, at: number): void {
    this.#memory = memory;
    const { usedMemory, memoryLimit } = memory;
    if (usedMemory !== null && memoryLimit !== null) this.#trend.addMemory({ usedMemory, memoryLimit }, at);
  }

  get memory(): ServerMemory | undefined {
    return this.#memory;
  }

  get trend(): TrendView | undefined {
    return this.#trend.view;
  }

  /** Messages that a process processed, and attempts of it that failed, per second; null if that is not known yet. */
  ratesOf({ id, failed }: Pick<ProcessView, 'id' | 'failed'>): {
    rate: number | null;
    failRate: number | null;
  } {
    return { rate: this.#processed.of(id), failRate: failed === null ? null : this.#failed.of(id) };
  }

  /** Messages that a consumer processed per second; null if that is not known yet. */
  rateOf(consumerId: string): number | null {
    return this.#byConsumer.of(consumerId);
  }

  /** How the group is now. @param failure why there is no newer reading */
  verdict(now: number, failure?: string, news?: News): GroupVerdict {
    const { limitIs = null, memoryLimit = null } = this.#memory ?? {};
    return this.#verdict.next({
      reading: this.#reading,
      age: now - this.#readAt,
      ...(this.#freshFor !== undefined && { freshFor: this.#freshFor }),
      failure,
      trend: this.#trend.view,
      isSettled: this.#trend.isSettled,
      vanished: this.#trend.vanished,
      news,
      memoryLimit:
        limitIs === null || memoryLimit === null
          ? undefined
          : `${bytesText(memoryLimit)} (${limitIs === 'maxmemory' ? limitIs : 'that of its machine'})`,
    });
  }
}

/** Why a group cannot be read, in words. @param code of the error */
export function failureText(code: string): string {
  if (code === 'REDIS_UNREACHABLE') return 'Redis does not answer';
  if (code === 'STATE') return 'this process is not connected to the group';
  return `the group cannot be read (${code})`;
}
