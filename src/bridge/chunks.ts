const SIZE = 65_536;
/** So many are kept for those to come: 4 MB, what 400,000 messages a second of 100 bytes bring between two marks. */
const MOST_FREE = 64;

/**
 * Memory that messages are copied into, a chunk at a time, and that is used again. A Buffer that lived for seconds is in V8's old
 * generation, freed only by a full collection: at 100,000 messages a second as much as is kept would lie dead.
 */
export class ChunkPool {
  readonly #free: Buffer[] = [];

  /** A chunk of at least so many bytes; there is rubbish in it. */
  take(bytes: number): Buffer {
    if (bytes > SIZE) return Buffer.allocUnsafeSlow(bytes);
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(SIZE);
  }

  /**
   * The caller no longer reads or writes it, nor does any view of it. Odd sizes, and what is too much, go to the garbage
   * collector.
   */
  give(chunk: Buffer): void {
    if (chunk.length === SIZE && this.#free.length < MOST_FREE) this.#free.push(chunk);
  }
}
