const NONE = -1;
/** Of so many jobs that ended last in a slot it is known that they did. */
const KNOWN_ENDS = 256;

/**
 * How far a thread is, in memory that both sides see: a thread that the processor keeps busy, or that has
 * ended, can neither tell nor be told anything by messages.
 */
export class SharedProgress {
  readonly memory: SharedArrayBuffer;
  /** The slot whose processor has the thread, then the pulse. */
  readonly #thread: Int32Array;
  /** Of each slot the number of the job begun last. */
  readonly #begun: Int32Array;
  /** Of each slot whether it is quiet. */
  readonly #quiet: Int32Array;
  /** Of each slot the numbers of those that ended last; a number stands at its remainder. */
  readonly #ended: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    const slots = (memory.byteLength / 4 - 2) / (2 + KNOWN_ENDS);
    this.#thread = new Int32Array(memory, 0, 2);
    this.#begun = new Int32Array(memory, 4 * 2, slots);
    this.#quiet = new Int32Array(memory, 4 * (2 + slots), slots);
    this.#ended = new Int32Array(memory, 4 * (2 + 2 * slots), slots * KNOWN_ENDS);
  }

  /** @param last of each slot, the number before the first job that the thread will be given */
  static from(last: readonly number[]): SharedProgress {
    const progress = new SharedProgress(new SharedArrayBuffer(4 * (2 + last.length * (2 + KNOWN_ENDS))));
    progress.#begun.set(last);
    progress.leave();
    return progress;
  }

  /**
   * The thread begins a job, which has the thread until {@link leave}. False where the slot is quiet: then the job
   * must not be begun. Each side writes before it reads what the other writes, so a job that {@link isBegun}
   * denies after {@link quiet} is never begun.
   */
  enter(slot: number, number: number): boolean {
    Atomics.store(this.#begun, slot, number);
    if (Atomics.load(this.#quiet, slot) !== 0) return false;
    Atomics.store(this.#thread, 0, slot);
    return true;
  }

  leave(): void {
    Atomics.store(this.#thread, 0, NONE);
  }

  /** The job has ended, though its outcome may not be told yet. */
  end(slot: number, number: number): void {
    Atomics.store(this.#ended, endCell(slot, number), number);
  }

  /** The thread's event loop turns. */
  beat(): void {
    Atomics.add(this.#thread, 1, 1);
  }

  /** Lets the slot begin nothing more. */
  quiet(slot: number): void {
    Atomics.store(this.#quiet, slot, 1);
  }

  /** Changes as long as the thread's event loop turns. */
  get pulse(): number {
    return Atomics.load(this.#thread, 1);
  }

  isBegun(slot: number, number: number): boolean {
    return ((Atomics.load(this.#begun, slot) - number) | 0) >= 0;
  }

  /** Begun, and not known to have ended. */
  isInWork(slot: number, number: number): boolean {
    return this.isBegun(slot, number) && Atomics.load(this.#ended, endCell(slot, number)) !== number;
  }

  /** The job whose processor has the thread. After its first `await` a processor cannot be seen any more. */
  get holder(): { readonly slot: number; readonly number: number } | undefined {
    const slot = Atomics.load(this.#thread, 0);
    return slot === NONE ? undefined : { slot, number: Atomics.load(this.#begun, slot) };
  }
}

function endCell(slot: number, number: number): number {
  return slot * KNOWN_ENDS + ((number >>> 0) % KNOWN_ENDS);
}
