import type { Recorder } from '../core/record.js';
import type { Logger } from '../log/logger.js';
import type { Settings } from '../settings/settings.js';
import type { PostgresRecordOptions } from './postgres-record.js';

/** The settings of the record. */
export type RecordSettings = Pick<Settings, 'record' | 'recordTable' | 'recordSql'>;

/** Whether results are recorded in PostgreSQL. */
export function recordsInPostgres({ record }: RecordSettings): boolean {
  return record !== undefined && record !== 'redis';
}

/**
 * The record in PostgreSQL, not started; undefined if there is none. Loads the driver.
 *
 * @throws {CgroupError} RECORD_REFUSED if the URL names files that cannot be read
 */
export async function openRecorder(
  settings: RecordSettings,
  log: Logger,
  onWritten?: PostgresRecordOptions['onWritten'],
): Promise<Recorder | undefined> {
  const { record: url, recordTable: table, recordSql: sql } = settings;
  if (url === undefined || !recordsInPostgres(settings)) return undefined;
  const { PostgresRecord } = await import('./postgres-record.js');
  return new PostgresRecord({ url, table, sql, log, onWritten });
}
