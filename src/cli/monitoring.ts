import { performance } from 'node:perf_hooks';
import { isPartial } from '../core/away-lanes.js';
import { messageOf } from '../core/errors.js';
import { pause } from '../core/service.js';
import type { Logger } from '../log/logger.js';
import { printableJson } from '../log/printable.js';
import { Meter, monitorLine, monitorSample } from '../observe/rate.js';
import type { GroupStatus } from '../observe/status.js';
import { print } from './command.js';

export interface WatchOptions {
  /** ms between two lines. */
  readonly interval: number;
  /** One JSON object a line. */
  readonly json: boolean;
  /** Ends the lines. */
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** Prints a line of the monitor per interval until `signal` aborts. */
export async function watch(status: () => Promise<GroupStatus>, options: WatchOptions): Promise<void> {
  const { interval, json, signal, log } = options;
  const meter = new Meter();
  while (!signal.aborted) {
    const started = performance.now();
    try {
      const reading = await status();
      // Sums without a lane say nothing of the rate.
      const rate = isPartial(reading) ? null : meter.rate(reading.counters.processed, started);
      if (rate !== undefined) {
        const sample = monitorSample(reading, rate);
        print(json ? printableJson(sample) : monitorLine(sample));
      }
    } catch (error) {
      if (!signal.aborted) log.warn({ error }, `no numbers now: ${messageOf(error)}`);
    }
    await pause(Math.max(0, interval - (performance.now() - started)), signal);
  }
}
