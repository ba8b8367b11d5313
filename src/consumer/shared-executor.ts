import {
  type ConsumerExecutor,
  type Delivery,
  INTERRUPTED,
  type InstantResults,
  type OnOutcome,
  type RunningAttempt,
} from '../core/executor.js';

/** An attempt that waits for its turn, in the part of one lane. */
interface WaitingAttempt {
  readonly part: SharedPart;
  readonly begin: () => void;
  readonly interrupt: () => void;
}

/**
 * Divides the executor of a consumer among its lanes: all of them together never have more attempts in work than it has places.
 * The first that comes is the first served, so lanes with messages share all places, and a lane without takes none.
 */
export class SharedExecutor {
  readonly inner: ConsumerExecutor;
  #inWork = 0;
  #waiting: WaitingAttempt[] = [];
  readonly #quiet = new Set<SharedPart>();

  constructor(inner: ConsumerExecutor) {
    this.inner = inner;
  }

  /** The executor of one more lane. */
  part(): ConsumerExecutor {
    return new SharedPart(this);
  }

  /** Whether an attempt of any lane is in work or waits. */
  get isBusy(): boolean {
    return this.#inWork > 0 || this.#waiting.length > 0;
  }

  execute<D extends Delivery>(part: SharedPart, delivery: D, onOutcome: OnOutcome<D>): RunningAttempt {
    // One with unlimited depth lets what is beyond its concurrency wait, and knows how many run.
    if (this.inner.depth === Number.POSITIVE_INFINITY) return this.inner.execute(delivery, onOutcome);
    if (this.#inWork < this.inner.depth)
      return this.run(onOutcome, (onEnd) => this.inner.execute(delivery, onEnd));
    let running: RunningAttempt | undefined;
    const waiting: WaitingAttempt = {
      part,
      begin: () => {
        running = this.run(onOutcome, (onEnd) => this.inner.execute(delivery, onEnd));
      },
      interrupt: () => onOutcome(delivery, INTERRUPTED, 0),
    };
    this.#waiting.push(waiting);
    return {
      interrupt: (reason) => {
        if (running) running.interrupt(reason);
        else if (this.#drop(waiting)) waiting.interrupt();
      },
    };
  }

  /** Begins an attempt that takes a place until it ends. */
  run<D extends Delivery>(
    onOutcome: OnOutcome<D>,
    begin: (onOutcome: OnOutcome<D>) => RunningAttempt,
  ): RunningAttempt {
    this.#inWork++;
    return begin((delivery, outcome, busy) => {
      this.#inWork--;
      onOutcome(delivery, outcome, busy);
      this.#beginWaiting();
    });
  }

  #drop(waiting: WaitingAttempt): boolean {
    const at = this.#waiting.indexOf(waiting);
    if (at >= 0) this.#waiting.splice(at, 1);
    return at >= 0;
  }

  #beginWaiting(): void {
    while (this.#inWork < this.inner.depth) {
      const next = this.#waiting.shift();
      if (!next) return;
      next.begin();
    }
  }

  /** The executor is quiet from the first of its lanes that is to the last: all are paused, and resumed, together. */
  quiet(part: SharedPart): void {
    if (this.#quiet.size === 0) this.inner.quiet();
    this.#quiet.add(part);
    const ended = this.#waiting.filter((waiting) => waiting.part === part);
    this.#waiting = this.#waiting.filter((waiting) => waiting.part !== part);
    for (const waiting of ended) waiting.interrupt();
  }

  resume(part: SharedPart): void {
    this.#quiet.delete(part);
    if (this.#quiet.size === 0) this.inner.resume();
  }
}

class SharedPart implements ConsumerExecutor {
  readonly #shared: SharedExecutor;

  constructor(shared: SharedExecutor) {
    this.#shared = shared;
  }

  get depth(): number {
    return this.#shared.inner.depth;
  }

  get closed(): boolean {
    return this.#shared.inner.closed;
  }

  get away(): boolean {
    const { inner } = this.#shared;
    return inner.away ?? inner.closed;
  }

  execute<D extends Delivery>(delivery: D, onOutcome: OnOutcome<D>): RunningAttempt {
    return this.#shared.execute(this, delivery, onOutcome);
  }

  /** Absent while another lane has an attempt in work: those of a pack would come on top. */
  get executeAll(): NonNullable<ConsumerExecutor['executeAll']> {
    const shared = this.#shared;
    const all = shared.inner.executeAll;
    // The type of an optional method has no undefined.
    if (!all || shared.isBusy) return undefined as never;
    return (pack, goOn): InstantResults => {
      const { next, ...results } = all(pack, goOn);
      if (!next) return results;
      return {
        ...results,
        next: (delivery, onOutcome) => shared.run(onOutcome, (onEnd) => next(delivery, onEnd)),
      };
    };
  }

  quiet(): void {
    this.#shared.quiet(this);
  }

  resume(): void {
    this.#shared.resume(this);
  }
}
