import { LEVELS, type Level, type Logger } from '../../log/logger.js';

/** What a thread may have on its way to the log of the process: lines, and bytes. */
const MOST_LINES = 1_000;
const MOST_BYTES = 2 ** 19;

/** Places in the memory. */
const LINES = 0;
const BYTES = 1;
const DROPPED = 2;
const ENABLED = 3;

/**
 * Limits what a thread writes to the log, in memory that both sides see. Without a limit, a loop that logs would fill the
 * memory of the process, and keep it from all other work. What is beyond the limits is dropped by the thread, and counted.
 */
export class LogGate {
  readonly memory: SharedArrayBuffer;
  readonly #cells: Int32Array;

  constructor(memory = new SharedArrayBuffer(4 * 4)) {
    this.memory = memory;
    this.#cells = new Int32Array(memory);
  }

  /** The process says which levels its log writes. */
  setLevels(log: Logger): void {
    const bits = LEVELS.map((level, bit) => (log.isLevelEnabled?.(level) === false ? 0 : 1 << bit));
    Atomics.store(
      this.#cells,
      ENABLED,
      bits.reduce((a, b) => a | b, 0),
    );
  }

  isEnabled(level: Level): boolean {
    return (Atomics.load(this.#cells, ENABLED) & (1 << LEVELS.indexOf(level))) !== 0;
  }

  /** Whether the thread may send a line. If not, the line counts as dropped. */
  hasRoom(): boolean {
    const [lines, bytes] = [Atomics.load(this.#cells, LINES), Atomics.load(this.#cells, BYTES)];
    if (lines < MOST_LINES && bytes < MOST_BYTES) return true;
    this.drop();
    return false;
  }

  /** The thread sends a line. */
  enter(bytes: number): void {
    Atomics.add(this.#cells, LINES, 1);
    Atomics.add(this.#cells, BYTES, bytes);
  }

  /** The process has written them. */
  leave(lines: number, bytes: number): void {
    Atomics.sub(this.#cells, LINES, lines);
    Atomics.sub(this.#cells, BYTES, bytes);
  }

  /** The thread has dropped something. */
  drop(): void {
    Atomics.add(this.#cells, DROPPED, 1);
  }

  /** How many were dropped since the last call. */
  takeDropped(): number {
    return Atomics.exchange(this.#cells, DROPPED, 0);
  }
}
