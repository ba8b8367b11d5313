import { plural } from '../core/words.js';
import { boundWrites, written } from '../log/bounded-writes.js';
import type { Logger } from '../log/logger.js';
import { ThrottledLog } from '../log/throttle.js';

/** ms at the end of the process for what is not written yet. */
const FLUSH_TIMEOUT = 500;
/** ms between two lines about dropped ones. */
const DROPPED_EVERY = 1_000;

const bounded = new WeakSet<NodeJS.WriteStream>();

/** Whether {@link boundOutput} takes care of the errors of a stream. */
export function isBounded(stream: NodeJS.WriteStream): boolean {
  return bounded.has(stream);
}

/**
 * An output without a reader, or a full disk, must not hold up the process: what cannot be written is dropped, and
 * the log says how much once writing works again.
 *
 * @param what is written, in the singular
 */
export function boundOutput(stream: NodeJS.WriteStream, what: string, log: Logger): void {
  const lines = new ThrottledLog<void>({
    interval: DROPPED_EVERY,
    write: (count) =>
      log.warn(
        { dropped: count },
        `${plural(count, `${what} was`, `${what}s were`)} dropped: the reader was too slow, or the disk was full`,
      ),
  });
  bounded.add(stream);
  let dropped = 0;
  boundWrites(stream, {
    onDropped: () => {
      dropped++;
    },
    onWritten: () => {
      if (dropped === 0) return;
      lines.add(undefined, dropped);
      dropped = 0;
    },
  });
}

/** Waits for what is not written yet, but not for a reader that has stopped. */
export function flushOutput(): Promise<void> {
  return written([process.stdout, process.stderr], FLUSH_TIMEOUT);
}
