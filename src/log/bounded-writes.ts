import { pause } from '../core/service.js';

/** What may wait for the reader of a stream: bytes, and pieces of any size. */
const MOST_BYTES = 2 ** 20;
const MOST_PIECES = 10_000;
/** ms between two checks whether all is written. */
const CHECK_EVERY = 10;

export interface WriteEvents {
  /** A piece was dropped. */
  onDropped(): void;
  /** A piece was written, and there is room for more. */
  onWritten?(): void;
}

type Done = (error?: Error | null) => void;

/**
 * Makes sure that writing to stdout or stderr neither blocks nor ends the process, nor fills its memory: if the reader
 * has stopped, or the disk is full, the stream drops what is written to it.
 */
export function boundWrites(stream: NodeJS.WriteStream, events: WriteEvents): void {
  const write = stream.write.bind(stream) as (chunk: unknown, encoding: unknown, done: Done) => boolean;
  let waiting = 0;
  let failed = false;
  const callAfterwards = callsAfterwards();
  const bounded = (chunk: string | Uint8Array, encoding?: unknown, callback?: Done): boolean => {
    const done = typeof encoding === 'function' ? (encoding as Done) : callback;
    if (waiting >= MOST_PIECES || stream.writableLength >= MOST_BYTES) {
      events.onDropped();
      if (done) callAfterwards(done);
      return false;
    }
    waiting++;
    // The last line may be cut where the disk became full.
    const text = failed && typeof chunk === 'string' ? `\n${chunk}` : chunk;
    return write(text, typeof encoding === 'string' ? encoding : undefined, (error) => {
      waiting--;
      failed = Boolean(error);
      if (error) events.onDropped();
      else if (waiting < MOST_PIECES / 2 && stream.writableLength < MOST_BYTES / 2) events.onWritten?.();
      done?.(error);
    });
  };
  stream.write = bounded as typeof stream.write;
  // The callback of each write gets its error.
  stream.on('error', () => {});
  doNotBlock(stream);
}

/**
 * Calls callbacks in the next tick, each as often as it was given. A loop that prints without end gives the same one each
 * time (that of the console), and never comes to its next tick: a tick of its own for each call would fill the memory.
 */
function callsAfterwards(): (callback: Done) => void {
  const calls = new Map<Done, number>();
  const callAll = () => {
    const given = [...calls];
    calls.clear();
    try {
      for (let one = given.shift(); one; one = given.shift()) for (let n = 0; n < one[1]; n++) one[0]();
    } finally {
      // One has thrown: the others are called all the same.
      for (const [callback, times] of given) calls.set(callback, (calls.get(callback) ?? 0) + times);
      if (given.length > 0) process.nextTick(callAll);
    }
  };
  return (callback) => {
    if (calls.size === 0) process.nextTick(callAll);
    calls.set(callback, (calls.get(callback) ?? 0) + 1);
  };
}

/** Node writes to a terminal in a way that waits for it: Ctrl-S there would stop the process. Pipes never block. */
function doNotBlock(stream: object): void {
  const { _handle } = stream as { _handle?: { setBlocking?(blocking: boolean): unknown } | null };
  _handle?.setBlocking?.(false);
}

/** Waits until everything is written to the streams, `timeout` ms at most: then their readers have stopped. */
export async function written(streams: readonly NodeJS.WriteStream[], timeout: number): Promise<void> {
  const over = AbortSignal.timeout(timeout);
  while (!over.aborted && streams.some(({ writableLength }) => writableLength > 0)) await pause(CHECK_EVERY);
}
