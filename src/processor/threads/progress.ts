const NONE = -1;
/** So many attempts that ended last in a slot are known to have ended. */
const KNOWN_ENDS = 256;
/** Every so many deliveries, the number of the last recalled one follows: numbers wrap around. */
const FOLLOW_EACH = 2 ** 20;

/** The cells of a slot: the number of the delivery begun last, … */
const BEGUN = 0;
/** … the number up to which no delivery may begin any more, … */
const RECALLED = 1;
/** … and from here on the numbers of the attempts that ended last; the index is the number modulo {@link KNOWN_ENDS}. */
const ENDED = 2;

/**
 * How far a thread is, in memory that both sides see: a thread that is blocked by the processor, or that has
 * ended, can neither send nor receive messages. Each slot has a piece of its own, as consumers come and go.
 */
export class SharedProgress {
  readonly memory: SharedArrayBuffer;
  /** The slot whose processor holds the thread, then the pulse. */
  readonly #thread: Int32Array;
  readonly #slots = new Map<number, Int32Array>();

  /** @param memory of the other side; undefined to make it */
  constructor(memory?: SharedArrayBuffer) {
    this.memory = memory ?? new SharedArrayBuffer(4 * 2);
    this.#thread = new Int32Array(this.memory);
    if (!memory) this.leave();
  }

  /**
   * Makes a slot. Returns its memory, for the other side.
   *
   * @param last the number before that of the first delivery that the slot gets
   */
  makeSlot(slot: number, last: number): SharedArrayBuffer {
    const memory = new SharedArrayBuffer(4 * (ENDED + KNOWN_ENDS));
    const cells = this.openSlot(slot, memory);
    cells[BEGUN] = last;
    cells[RECALLED] = last;
    return memory;
  }

  /** Takes a slot that the other side has made. */
  openSlot(slot: number, memory: SharedArrayBuffer): Int32Array {
    const cells = new Int32Array(memory);
    this.#slots.set(slot, cells);
    return cells;
  }

  removeSlot(slot: number): void {
    this.#slots.delete(slot);
  }

  /**
   * The thread begins an attempt, which holds the thread until {@link leave}. Returns false if the delivery was recalled:
   * then it must not begin. Each side writes before it reads what the other writes: so a delivery that is not
   * {@link isBegun} after {@link recall} never begins.
   */
  enter(slot: number, number: number): boolean {
    const cells = this.#slots.get(slot);
    if (!cells) return false;
    Atomics.store(cells, BEGUN, number);
    const recalled = Atomics.load(cells, RECALLED);
    if (isUpTo(number, recalled)) return false;
    // Not if the other side has recalled others meanwhile.
    if (number % FOLLOW_EACH === 0) Atomics.compareExchange(cells, RECALLED, recalled, (number - 1) | 0);
    Atomics.store(this.#thread, 0, slot);
    return true;
  }

  leave(): void {
    Atomics.store(this.#thread, 0, NONE);
  }

  /** The attempt has ended, though its outcome may not be posted yet. */
  end(slot: number, number: number): void {
    const cells = this.#slots.get(slot);
    if (cells) Atomics.store(cells, endCell(number), number);
  }

  /** The thread's event loop turns. */
  beat(): void {
    Atomics.add(this.#thread, 1, 1);
  }

  /** The deliveries of the slot up to this number begin no more. */
  recall(slot: number, number: number): void {
    const cells = this.#slots.get(slot);
    if (cells) Atomics.store(cells, RECALLED, number);
  }

  /** Changes as long as the thread's event loop turns. */
  get pulse(): number {
    return Atomics.load(this.#thread, 1);
  }

  isBegun(slot: number, number: number): boolean {
    const cells = this.#slots.get(slot);
    return cells !== undefined && isUpTo(number, Atomics.load(cells, BEGUN));
  }

  /** Begun, and not known to have ended. */
  isInWork(slot: number, number: number): boolean {
    const cells = this.#slots.get(slot);
    if (!cells || !isUpTo(number, Atomics.load(cells, BEGUN))) return false;
    return Atomics.load(cells, endCell(number)) !== number;
  }

  /** The delivery whose processor holds the thread. After its first `await` a processor does not show here. */
  get holder(): { readonly slot: number; readonly number: number } | undefined {
    const slot = Atomics.load(this.#thread, 0);
    if (slot === NONE) return undefined;
    const cells = this.#slots.get(slot);
    return { slot, number: cells ? Atomics.load(cells, BEGUN) : 0 };
  }
}

/** Whether a sequence number is at most another one; see {@link numberAfter}. */
function isUpTo(number: number, other: number): boolean {
  return ((other - number) | 0) >= 0;
}

function endCell(number: number): number {
  return ENDED + ((number >>> 0) % KNOWN_ENDS);
}
