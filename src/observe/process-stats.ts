import { timeOfId } from '../core/stream-id.js';
import { Histogram } from './histogram.js';

/** The counters of the connections of one role. */
export interface ConnectionCounts {
  /** Connected, reconnects included. */
  made: number;
  lost: number;
  /** Connected after one was lost. */
  remade: number;
}

interface ConnectionEvents {
  on(event: 'ready' | 'lost', listener: () => void): unknown;
}

/** Bounds in seconds. Most processors take milliseconds, and none more than `timeout`, 60 s by default. */
const PROCESSING = [
  0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];
const TO_OUTPUT = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800,
];

/** The counters of one process, as plain numbers. They exist only with `http`, and cost next to nothing per message. */
export class ProcessStats {
  /** Seconds from the start of an attempt to its end. */
  readonly processing = new Histogram(PROCESSING);
  /** Seconds from the relay of a message to the reply of Redis that its result is in the output. */
  readonly toOutput = new Histogram(TO_OUTPUT);
  readonly connections = new Map<string, ConnectionCounts>();
  /** Times that this process took the lead. */
  leads = 0;
  /** Times that it led, and found that another had taken the lead. */
  fences = 0;
  /** Attempts of this process that Redis has recorded: as results, retries or dead letters. */
  settled = 0;
  /** ms by which Redis's clock is ahead of ours, as last measured. */
  redisAhead = 0;

  /** Counts the events of a connection. */
  watch(role: string, connection: ConnectionEvents): void {
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

  /** Counts an attempt that has ended. */
  attempted(ms: number): void {
    this.processing.observe(ms / 1_000);
  }

  /**
   * Counts results that are in the output.
   *
   * @param results in the order of their inbox ids: messages relayed together share their time, and are counted at once
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
