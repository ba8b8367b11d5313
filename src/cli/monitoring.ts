import { performance } from 'node:perf_hooks';
import { messageOf } from '../core/errors.js';
import { pause } from '../core/service.js';
import type { Logger } from '../log/logger.js';
import { Meter, monitorLine } from '../observe/rate.js';
import type { GroupStatus } from '../observe/status.js';
import { print } from './command.js';

export interface WatchOptions {
  /** ms between two lines. */
  readonly interval: number;
  /** One JSON object a line. */
  readonly json: boolean;
  /** Ends it. */
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** Prints a line of the monitor per interval until it is aborted. */
export async function watch(status: () => Promise<GroupStatus>, options: WatchOptions): Promise<void> {
  const { interval, json, signal, log } = options;
  const meter = new Meter();
  let first = true;
  while (!signal.aborted) {
    const started = performance.now();
    try {
      const sample = meter.sample(await status(), started);
      // A rate takes two readings.
      if (!first) print(json ? JSON.stringify(sample) : monitorLine(sample));
      first = false;
    } catch (error) {
      if (!signal.aborted) log.warn({ error }, `no numbers at the moment: ${messageOf(error)}`);
    }
    await pause(Math.max(0, interval - (performance.now() - started)), signal);
  }
}
