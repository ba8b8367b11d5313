import { messageOf } from '../core/errors.js';
import { aborted } from '../core/service.js';
import { plural } from '../core/words.js';
import type { Logger } from '../log/logger.js';
import { type Parts, servicesOf } from './parts.js';

/** Shares of the time after which attempts are interrupted, and after which the rest is left to other processes. */
const INTERRUPT_AT = 0.7;
const ABANDON_AT = 0.9;

/** The deadlines of a stop, counted from its start. Their timers keep no process alive. */
export class Deadlines {
  /** Attempts in work are interrupted. */
  readonly interrupt: AbortSignal;
  /** What Redis does not have yet stays pending, for other processes to take. */
  readonly abandon: AbortSignal;
  readonly over: AbortSignal;

  /** @param timeout ms that the whole stop may take */
  constructor(timeout: number) {
    this.interrupt = AbortSignal.timeout(timeout * INTERRUPT_AT);
    this.abandon = AbortSignal.timeout(timeout * ABANDON_AT);
    this.over = AbortSignal.timeout(timeout);
  }
}

/** Stops in three steps: quiet, wait until a deadline, hand back. A part that fails does not keep others from stopping. */
export async function stopParts(parts: Parts, deadlines: Deadlines, log: Logger): Promise<void> {
  const { bridge, puller, lanes } = parts;
  deadlines.abandon.addEventListener('abort', () => {
    bridge?.abandon();
    for (const { committer } of lanes) committer.abandon();
  });
  const stopped = Promise.allSettled([
    bridge?.stop(),
    puller?.stop(),
    stopConsumers(parts, deadlines, log),
  ]).then(async (results) => {
    await Promise.all(lanes.map(({ unpacker }) => unpacker.finish(deadlines.abandon)));
    return results;
  });
  const results = await Promise.race([stopped, aborted(deadlines.over)]);
  for (const result of results ?? [])
    if (result.status === 'rejected')
      // Redis does not answer: other processes will find these ids silent and take over their entries.
      log.warn(
        { error: result.reason as unknown },
        `stopped without leaving the group: ${messageOf(result.reason)}`,
      );
}

async function stopConsumers(parts: Parts, deadlines: Deadlines, log: Logger): Promise<void> {
  const { consumers, lanes, orderKeeper, heartbeats, autoscaling } = parts;
  try {
    await Promise.all([autoscaling, ...lanes.flatMap(servicesOf)].map((part) => part.stop()));
    const stopped = consumers.stop(deadlines.interrupt, deadlines.abandon);
    // The process is no longer among the live: others take its share at once.
    heartbeats.hurry();
    const back = await stopped;
    await orderKeeper?.stop();
    if (back > 0)
      log.info(
        { entries: back },
        `handed back ${plural(back, 'message that was', 'messages that were')} not begun or not finished`,
      );
  } finally {
    await Promise.all([heartbeats, ...lanes.map(({ renewal }) => renewal)].map((part) => part.stop()));
  }
}
