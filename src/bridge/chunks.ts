/** Memory that messages are copied into. */
export type Chunk = Buffer;

const SIZE = 65_536;
/** So many are kept for those to come, 4 MB: what comes between two marks at 400,000 messages a second. */
const MOST_FREE = 64;

/**
 * Chunks that are used again. Memory that was kept for seconds has grown old, and V8 frees what is old only with all
 * memory looked through: at 100,000 messages a second as much as is kept would wait to be freed.
 */
export class ChunkPool {
  readonly #free: Chunk[] = [];

  /** A chunk of at least so many bytes; there is rubbish in it. */
  take(bytes: number): Chunk {
    if (bytes > SIZE) return Buffer.allocUnsafeSlow(bytes);
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(SIZE);
  }

  /** Nobody looks at it any more. */
  give(chunk: Chunk): void {
    if (chunk.length === SIZE && this.#free.length < MOST_FREE) this.#free.push(chunk);
  }
}
