const NONE = -1;

/**
 * How far a thread is, in memory that both sides see: a thread that the processor keeps busy, or that has
 * ended, can neither tell nor be told anything by messages.
 *
 * The cells: of each slot the number of the job begun last, then of each slot whether it is quiet, then the slot
 * whose processor has the thread, then the pulse.
 */
export class Progress {
  readonly memory: SharedArrayBuffer;
  readonly #cells: Int32Array;
  readonly #slots: number;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    this.#cells = new Int32Array(memory);
    this.#slots = (this.#cells.length - 2) / 2;
  }

  /** @param begun of each slot, the number before the first job that it will be given */
  static from(begun: readonly number[]): Progress {
    const progress = new Progress(new SharedArrayBuffer(4 * (2 * begun.length + 2)));
    progress.#cells.set(begun);
    progress.leave();
    return progress;
  }

  /**
   * The thread begins a job, which has the thread until {@link leave}. False where the slot is quiet: then the job
   * must not be begun. Each side writes before it reads what the other writes, so a job that {@link isBegun}
   * denies after {@link quiet} is never begun.
   */
  enter(slot: number, number: number): boolean {
    Atomics.store(this.#cells, slot, number);
    if (Atomics.load(this.#cells, this.#slots + slot) !== 0) return false;
    Atomics.store(this.#cells, 2 * this.#slots, slot);
    return true;
  }

  leave(): void {
    Atomics.store(this.#cells, 2 * this.#slots, NONE);
  }

  /** The thread's event loop turns. */
  beat(): void {
    Atomics.add(this.#cells, 2 * this.#slots + 1, 1);
  }

  /** Lets the slot begin nothing more. */
  quiet(slot: number): void {
    Atomics.store(this.#cells, this.#slots + slot, 1);
  }

  /** Changes as long as the thread's event loop turns. */
  get pulse(): number {
    return Atomics.load(this.#cells, 2 * this.#slots + 1);
  }

  isBegun(slot: number, number: number): boolean {
    return ((Atomics.load(this.#cells, slot) - number) | 0) >= 0;
  }

  /** The job whose processor has the thread. After its first `await` a processor cannot be seen any more. */
  get holder(): { readonly slot: number; readonly number: number } | undefined {
    const slot = Atomics.load(this.#cells, 2 * this.#slots);
    return slot === NONE ? undefined : { slot, number: Atomics.load(this.#cells, slot) };
  }
}
