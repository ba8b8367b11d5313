import type { Result } from './consumer-store.js';
import type { Service } from './service.js';
import { timeOfId } from './stream-id.js';

/** The setting `record` for a hash of each message in Redis, beside the group. */
export const IN_REDIS = 'redis';

/** The setting that says where results are recorded; undefined for nowhere. */
interface Recording {
  readonly record?: string | undefined;
}

export function recordsInRedis({ record }: Recording): boolean {
  return record === IN_REDIS;
}

export function recordsInPostgres({ record }: Recording): boolean {
  return record !== undefined && record !== IN_REDIS;
}

/** Where results are recorded. */
export function recordKindOf(recording: Recording): 'none' | 'redis' | 'postgres' {
  if (recording.record === undefined) return 'none';
  return recordsInRedis(recording) ? 'redis' : 'postgres';
}

/** A result as the record in PostgreSQL keeps it. */
export interface RecordRow {
  readonly inboxId: string;
  readonly messageId: string;
  readonly consumerId: string;
  /** JSON text. */
  readonly data: string;
  /** Attempts made, the one with this result included. */
  readonly attempts: number;
  /** ms since 1970, by Redis's clock: the time in the inbox id. */
  readonly publishedAt: number;
  /** ms since 1970, by the clock of the process: when the attempt began and when it ended. */
  readonly startedAt: number;
  readonly finishedAt: number;
}

/** A row that the record does not take, whenever it is tried. */
export interface RefusedRow {
  readonly inboxId: string;
  /** What the record says. */
  readonly error: string;
}

/** What the record holds of a message. */
export type RecordedResult = Pick<RecordRow, 'inboxId' | 'messageId' | 'data'>;

/** What became of rows that were given to {@link Recorder.write}: those that are not refused are in the record. */
export interface Written {
  readonly refused: readonly RefusedRow[];
  /** What was in the record before, where its data are not those of the row: an earlier attempt wrote it. */
  readonly before: readonly RecordedResult[];
}

/**
 * A system of record besides Redis. A message has one row at most: the first that is written.
 *
 * @throws {CgroupError} RECORD_AWAY if the record does not answer; RECORD_REFUSED if it refuses the whole: for example, its
 *   table is gone, or a right is missing
 */
export interface Recorder extends Service {
  /** Checks the table, or makes it. Throws also if the table is another one. */
  start(): Promise<void>;
  /**
   * Writes rows, in their order. May be sent again after an unknown outcome.
   *
   * @param halts whether those behind a refused row are not to be written: then it is the last one of `refused`, and not more
   *   than one
   */
  write(rows: readonly RecordRow[], halts?: boolean): Promise<Written>;
  /** What the record holds of messages. */
  find(inboxIds: readonly string[]): Promise<readonly RecordedResult[]>;
  /** Whether the last call failed: what waits for the record waits in Redis. */
  readonly away: boolean;
}

/** The row of a result. A time that is not known is that of the message. */
export function rowOf(result: Omit<Result, 'entryId'>): RecordRow {
  const { inboxId, messageId, consumerId, data } = result;
  const publishedAt = timeOfId(inboxId);
  const { attempts = 1, finishedAt = publishedAt, startedAt = finishedAt } = result;
  return { inboxId, messageId, consumerId, data, attempts, publishedAt, startedAt, finishedAt };
}
