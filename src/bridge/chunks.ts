const SIZE = 65_536;
/** Chunks that are made one by one and kept for good: 4 MB. */
const KEPT = 64;
/**
 * Chunks of a slab: together more than 32 MB, for only memory as large as that is sure to go back to the system once it is
 * freed (https://man7.org/linux/man-pages/man3/mallopt.3.html, M_MMAP_THRESHOLD). What nobody writes to takes no memory yet.
 */
const IN_SLAB = 544;

/**
 * Memory that messages are copied into, a chunk at a time, and that is used again. A Buffer that lived for seconds is in V8's old
 * generation, freed only by a full collection: at 100,000 messages a second as much as is kept would lie dead. Few
 * chunks are made one by one; where there are many they come in slabs, which are let go of when a burst is over, and are the
 * system's again after the next full collection.
 */
export class ChunkPool {
  #made = 0;
  readonly #free: Buffer[] = [];
  /** Of each slab, the oldest first, the chunks that are free. */
  readonly #slabs = new Map<ArrayBufferLike, Buffer[]>();

  /** A chunk of at least so many bytes; there is rubbish in it. */
  take(bytes: number): Buffer {
    if (bytes > SIZE) return Buffer.allocUnsafeSlow(bytes);
    let chunk = this.#free.pop();
    // The oldest slab first, so that the newer ones come to be free altogether.
    for (const free of this.#slabs.values()) chunk ??= free.pop();
    return chunk ?? this.#make();
  }

  /** The caller no longer reads or writes it, nor does any view of it. Odd sizes go to the garbage collector. */
  give(chunk: Buffer): void {
    if (chunk.length !== SIZE) return;
    (this.#slabs.get(chunk.buffer) ?? this.#free).push(chunk);
    let spare = this.#free.length;
    for (const free of this.#slabs.values()) spare += free.length;
    for (const [memory, free] of this.#slabs) {
      // Not as long as a few messages more would want it back.
      if (free.length < IN_SLAB || spare - IN_SLAB < KEPT / 2) continue;
      this.#slabs.delete(memory);
      spare -= IN_SLAB;
    }
  }

  #make(): Buffer {
    if (this.#made < KEPT) {
      this.#made++;
      return Buffer.allocUnsafeSlow(SIZE);
    }
    const slab = Buffer.allocUnsafeSlow(IN_SLAB * SIZE);
    const free = Array.from({ length: IN_SLAB }, (_, i) => slab.subarray(i * SIZE, (i + 1) * SIZE));
    // The last is taken first: so the memory is used from its beginning.
    this.#slabs.set(slab.buffer, free.reverse());
    return free.pop() as Buffer;
  }
}
