interface Entry {
  readonly time: number;
  readonly order: number;
  readonly happens: () => void;
}

/** Simulated time: future events in their order. A binary heap, because it costs the most time. */
export class Timeline {
  #now = 0;
  #order = 0;
  readonly #heap: Entry[] = [];

  /** ms since the start. */
  get now(): number {
    return this.#now;
  }

  after(ms: number, happens: () => void): void {
    const entry = { time: this.#now + ms, order: this.#order++, happens };
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(entry, heap[parent] as Entry)) break;
      heap[at] = heap[parent] as Entry;
      at = parent;
    }
    heap[at] = entry;
  }

  /** Runs the next event. False if there is none. */
  step(): boolean {
    const heap = this.#heap;
    const first = heap[0];
    if (!first) return false;
    const last = heap.pop() as Entry;
    if (heap.length > 0) sink(heap, last);
    this.#now = first.time;
    first.happens();
    return true;
  }
}

function sink(heap: Entry[], entry: Entry): void {
  let at = 0;
  for (;;) {
    let child = 2 * at + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && before(heap[child + 1] as Entry, heap[child] as Entry)) child++;
    if (!before(heap[child] as Entry, entry)) break;
    heap[at] = heap[child] as Entry;
    at = child;
  }
  heap[at] = entry;
}

function before(a: Entry, b: Entry): boolean {
  return a.time < b.time || (a.time === b.time && a.order < b.order);
}
