const SIZE = 65_536;
/** Chunks that are made one by one and kept for good: 4 MB. */
const KEPT = 64;
/**
 * Chunks of a slab: together more than 32 MB, because only memory as large as that is sure to go back to the system once it is
 * freed (https://man7.org/linux/man-pages/man3/mallopt.3.html, M_MMAP_THRESHOLD). Memory takes no room before it is written to.
 */
const IN_SLAB = 544;

/**
 * Memory that messages are copied into, a chunk at a time, and that is used again. A Buffer that lived for seconds is in V8's old
 * generation, freed only by a full collection: at 100,000 messages a second, the dead memory would be as much as the memory in
 * use. The first chunks are made one by one, the others in slabs. A slab is dropped when a burst is over, and the next full
 * collection gives it back to the system.
 */
export class ChunkPool {
  #made = 0;
  /** Free chunks that were made one by one. */
  readonly #free: Buffer[] = [];
  /** The free chunks of each slab, the oldest slab first. */
  readonly #slabs = new Map<ArrayBufferLike, Buffer[]>();

  /** A chunk of at least so many bytes, with any content. */
  allocate(bytes: number): Buffer {
    if (bytes > SIZE) return Buffer.allocUnsafeSlow(bytes);
    let chunk = this.#free.pop();
    // The oldest slab first, so that all chunks of the newer ones become free.
    for (const free of this.#slabs.values()) chunk ??= free.pop();
    return chunk ?? this.#make();
  }

  /** The caller uses neither the chunk nor a view of it any more. The garbage collector gets chunks of other sizes. */
  free(chunk: Buffer): void {
    if (chunk.length !== SIZE) return;
    (this.#slabs.get(chunk.buffer) ?? this.#free).push(chunk);
    let spare = this.#free.length;
    for (const free of this.#slabs.values()) spare += free.length;
    for (const [memory, free] of this.#slabs) {
      // Not if a few more messages would need it again.
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
    // The last one is used first: reversed, the slab fills from its beginning.
    this.#slabs.set(slab.buffer, free.reverse());
    return free.pop() as Buffer;
  }
}
