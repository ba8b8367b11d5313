import { timeOfId } from '../core/stream-id.js';
import { Histogram } from './histogram.js';

/** What is counted of the connections of one role. */
export interface ConnectionCounts {
  /** Made, for the first time or again. */
  made: number;
  lost: number;
  /** Made again after one was lost. */
  remade: number;
}

/** What is asked of a connection. */
interface Watched {
  on(event: 'ready' | 'lost', listener: () => void): unknown;
}

/** Seconds. Most processors take milliseconds, and none longer than the default `timeout`. */
const PROCESSING = [
  0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];
const TO_OUTPUT = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800,
];

/**
 * What one process counts of itself, as plain numbers, for whoever shows them. It is kept only where something
 * shows it, and costs next to nothing for each message.
 */
export class ProcessStats {
  /** Seconds from the beginning of an attempt to its end. */
  readonly processing = new Histogram(PROCESSING);
  /** Seconds from when a message was relayed to when its result was known to be in the output. */
  readonly toOutput = new Histogram(TO_OUTPUT);
  readonly connections = new Map<string, ConnectionCounts>();
  /** How often this process took the lead. */
  leads = 0;
  /** How often it led, and found that another had taken the lead. */
  fences = 0;
  /** Attempts of this process whose outcome Redis has taken: processed, to be retried, or dead. */
  settled = 0;
  /** ms by which Redis's clock is ahead of ours, as last measured. */
  redisAhead = 0;

  /** Counts what becomes of a connection. */
  watch(role: string, connection: Watched): void {
    const counts = this.connections.get(role) ?? { made: 0, lost: 0, remade: 0 };
    this.connections.set(role, counts);
    connection.on('ready', () => {
      counts.made++;
      if (counts.remade < counts.lost) counts.remade++;
    });
    connection.on('lost', () => {
      counts.lost++;
    });
  }

  /** An attempt is over; it took so many ms. */
  attempted(ms: number): void {
    this.processing.observe(ms / 1_000);
  }

  /**
   * Results are in the output.
   *
   * @param results in the order of their inbox ids: those of one relay share their time, and are counted at once
   */
  committed(results: readonly { readonly inboxId: string }[]): void {
    const now = Date.now() + this.redisAhead;
    let prefix = '';
    let same = 0;
    const count = () => {
      if (same > 0) this.toOutput.observe(Math.max(0, now - timeOfId(prefix)) / 1_000, same);
    };
    for (const { inboxId } of results) {
      if (prefix === '' || !inboxId.startsWith(prefix)) {
        count();
        prefix = inboxId.slice(0, inboxId.indexOf('-') + 1);
        same = 0;
      }
      same++;
    }
    count();
  }
}
