import { type Recorder, recordsInPostgres } from '../core/record.js';
import type { Logger } from '../log/logger.js';
import type { Settings } from '../settings/settings.js';

/** The settings of the record. */
export type RecordSettings = Pick<Settings, 'record' | 'recordTable' | 'recordSql'>;

/** Counts batches that the record took: rows in it, refused ones, ms of the write. */
export interface RecordStats {
  recorded(rows: number, refused: number, ms: number): void;
}

/**
 * The record in PostgreSQL, not started; undefined if there is none, or if the process writes no results. Loads the driver.
 *
 * @throws {CgroupError} RECORD_REFUSED if the URL names files that cannot be read
 */
export async function openRecorder(
  settings: RecordSettings & Pick<Settings, 'bridge'>,
  log: Logger,
  stats: RecordStats | undefined,
): Promise<Recorder | undefined> {
  const { record: url, recordTable: table, recordSql: sql } = settings;
  if (url === undefined || !recordsInPostgres(settings) || settings.bridge === 'only') return undefined;
  const { PostgresRecord } = await import('./postgres-record.js');
  return new PostgresRecord({
    ...{ url, table, sql, log },
    onWritten: (rows, refused, ms) => stats?.recorded(rows, refused, ms),
  });
}
