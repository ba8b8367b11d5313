import type { Result } from '../core/consumer-store.js';
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

/** A batch of hundreds of rows takes some milliseconds, and is given up after 12 s. */
const RECORD_WRITE = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 12];
/** What becomes of a message, with an order or a record: it waits, is processed, and its result waits for earlier ones. */
export type StepName = 'waiting' | 'processing' | 'parking';

/** The counters of one process, as plain numbers. They exist only with `http`, and cost next to nothing per message. */
export class ProcessStats {
  /** Seconds from the start of an attempt to its end. */
  readonly processing = new Histogram(PROCESSING);
  /** Seconds from the relay of a message to the reply of Redis that its result is in the output. */
  readonly toOutput = new Histogram(TO_OUTPUT);
  /**
   * Seconds of each step of the results of this process: from the relay to the start of the last attempt, from there to its end, from
   * there to the output.
   */
  readonly steps: ReadonlyMap<StepName, Histogram> = new Map(
    (['waiting', 'processing', 'parking'] as const).map((step) => [step, new Histogram(TO_OUTPUT)]),
  );
  readonly connections = new Map<string, ConnectionCounts>();
  /** Times that this process took the lead. */
  leads = 0;
  /** Times that it led, and found that another had taken the lead. */
  fences = 0;
  /** Attempts of this process that Redis has recorded: as results, retries or dead letters. */
  settled = 0;
  /** Rows that are in the system of record, and results that it refused. */
  recordRows = 0;
  recordRefused = 0;
  /** Seconds of each batch that the record took. */
  readonly recordWrites = new Histogram(RECORD_WRITE);
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

  /** Counts a batch that the record took. */
  recorded(rows: number, refused: number, ms: number): void {
    this.recordRows += rows;
    this.recordRefused += refused;
    this.recordWrites.observe(ms / 1_000);
  }

  /**
   * Counts results that Redis has.
   *
   * @param results in the order of their inbox ids: messages relayed together share their time, and are counted at once. The times of
   *   an attempt are there with an order or a record: ms since 1970, by our clock
   */
  committed(results: readonly CommittedResult[]): void {
    const now = Date.now() + this.redisAhead;
    let prefix = '';
    let same = 0;
    const count = () => {
      if (same > 0) this.toOutput.observe(Math.max(0, now - timeOfId(prefix)) / 1_000, same);
    };
    for (const { inboxId, startedAt, finishedAt } of results) {
      if (prefix === '' || !inboxId.startsWith(prefix)) {
        count();
        prefix = inboxId.slice(0, inboxId.indexOf('-') + 1);
        same = 0;
      }
      same++;
      if (startedAt === undefined || finishedAt === undefined) continue;
      this.#step('waiting', startedAt + this.redisAhead - timeOfId(prefix));
      this.#step('processing', finishedAt - startedAt);
    }
    count();
  }

  /**
   * Counts how long results waited for earlier ones, from the end of their attempts to the output.
   *
   * @param ms of each result
   */
  parked(ms: readonly number[]): void {
    for (const one of ms) this.#step('parking', one);
  }

  /** Clocks differ a little: what ends before it began took no time. */
  #step(step: StepName, ms: number): void {
    this.steps.get(step)?.observe(Math.max(0, ms) / 1_000);
  }
}

/** What is counted of a result. */
type CommittedResult = Pick<Result, 'inboxId' | 'startedAt' | 'finishedAt'>;
