/** Weight of the newest measurement in the running mean. */
const WEIGHT = 0.2;
/** The same in the mean from which packs follow: one slow message must not end them. */
const STEADY_WEIGHT = 0.02;

/** How long a consumer takes for a message, and whether more is waiting. */
export class Pace {
  #mean: number | undefined;
  #steadyMean = 0;
  #measured = 0;
  #busyLanes = 0;

  /** ms per message; undefined if nothing is measured yet. */
  get mean(): number | undefined {
    return this.#mean;
  }

  /** The same over a longer time; 0 if nothing is measured yet. */
  get steadyMean(): number {
    return this.#steadyMean;
  }

  /** Messages that were measured. */
  get measured(): number {
    return this.#measured;
  }

  /** Whether more is waiting in any of its lanes, as of the last reads. */
  get busy(): boolean {
    return this.#busyLanes > 0;
  }

  /** Notes whether more is waiting in a lane, each time that changes. */
  noteBusy(busy: boolean): void {
    this.#busyLanes += busy ? 1 : -1;
  }

  /** Notes that one message kept the processor busy for so many ms. */
  add(ms: number): void {
    this.#mean = this.#mean === undefined ? ms : this.#mean + WEIGHT * (ms - this.#mean);
    // At first the mean of all: the first message may take long.
    const weight = Math.max(STEADY_WEIGHT, 1 / ++this.#measured);
    this.#steadyMean += weight * (ms - this.#steadyMean);
  }

  /** Notes that `count` messages kept the processor busy for so many ms each, on average. */
  addAll(ms: number, count: number): void {
    const old = (weight: number) => (1 - weight) ** count;
    this.#mean = this.#mean === undefined ? ms : ms + old(WEIGHT) * (this.#mean - ms);
    this.#measured += count;
    const weight = Math.max(1 - old(STEADY_WEIGHT), Math.min(1, count / this.#measured));
    this.#steadyMean += weight * (ms - this.#steadyMean);
  }
}
