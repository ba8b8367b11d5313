const NONE = -1;
/** So many attempts that ended last in a slot are known to have ended. */
const KNOWN_ENDS = 256;

/**
 * How far a thread is, in memory that both sides see: a thread that is blocked by the processor, or that has
 * ended, can neither send nor receive messages.
 */
export class SharedProgress {
  readonly memory: SharedArrayBuffer;
  /** The slot whose processor holds the thread, then the pulse. */
  readonly #thread: Int32Array;
  /** Per slot: the number of the delivery begun last. */
  readonly #begun: Int32Array;
  /** Per slot: whether it is quiet. */
  readonly #quiet: Int32Array;
  /** Per slot: the numbers of the attempts that ended last; the index is the number modulo {@link KNOWN_ENDS}. */
  readonly #ended: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.memory = memory;
    const slots = (memory.byteLength / 4 - 2) / (2 + KNOWN_ENDS);
    this.#thread = new Int32Array(memory, 0, 2);
    this.#begun = new Int32Array(memory, 4 * 2, slots);
    this.#quiet = new Int32Array(memory, 4 * (2 + slots), slots);
    this.#ended = new Int32Array(memory, 4 * (2 + 2 * slots), slots * KNOWN_ENDS);
  }

  /** @param last per slot, the number before that of the first delivery that the thread gets */
  static from(last: readonly number[]): SharedProgress {
    const progress = new SharedProgress(new SharedArrayBuffer(4 * (2 + last.length * (2 + KNOWN_ENDS))));
    progress.#begun.set(last);
    progress.leave();
    return progress;
  }

  /**
   * The thread begins an attempt, which holds the thread until {@link leave}. Returns false if the slot is quiet: then
   * the attempt must not begin. Each side writes before it reads what the other writes: so a delivery that is not
   * {@link isBegun} after {@link quiet} never begins.
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

  /** The attempt has ended, though its outcome may not be posted yet. */
  end(slot: number, number: number): void {
    Atomics.store(this.#ended, endCell(slot, number), number);
  }

  /** The thread's event loop turns. */
  beat(): void {
    Atomics.add(this.#thread, 1, 1);
  }

  /** The slot begins no further attempt. */
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

  /** The delivery whose processor holds the thread. After its first `await` a processor does not show here. */
  get holder(): { readonly slot: number; readonly number: number } | undefined {
    const slot = Atomics.load(this.#thread, 0);
    return slot === NONE ? undefined : { slot, number: Atomics.load(this.#begun, slot) };
  }
}

function endCell(slot: number, number: number): number {
  return slot * KNOWN_ENDS + ((number >>> 0) % KNOWN_ENDS);
}
