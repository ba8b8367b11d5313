import { hasCode, messageOf } from '../core/errors.js';
import type { Finding } from '../core/finding.js';
import { recordsInPostgres, recordsInRedis } from '../core/record.js';
import type { Logger } from '../log/logger.js';
import type { RecordSettings } from './open.js';

/**
 * What the doctor finds about the record; nothing if results are not recorded. Changes nothing.
 *
 * @param hashes the prefix of the hashes in Redis
 */
export async function examineRecord(
  settings: RecordSettings,
  hashes: string,
  log: Logger,
): Promise<Finding[]> {
  const { record: url, recordTable: table, recordSql: sql } = settings;
  if (recordsInRedis(settings)) {
    const what = `results are recorded in Redis, a hash for each message: ${hashes}MESSAGE_ID`;
    return [{ check: 'record', status: 'ok', what }];
  }
  if (url === undefined || !recordsInPostgres(settings)) return [];
  const { PostgresRecord } = await import('./postgres-record.js');
  const record = new PostgresRecord({ url, table, sql, log });
  const check = 'record';
  try {
    if (await record.check()) {
      const what = `the table ${table} in PostgreSQL takes rows${sql === undefined ? '' : ', and recordSql fits'}`;
      return [{ check, status: 'ok', what }];
    }
    const what = `there is no table ${table} in PostgreSQL yet: the first process that starts makes it`;
    return [{ check, status: 'note', what }];
  } catch (error) {
    const why = hasCode(error, 'RECORD_AWAY')
      ? 'no result is written while it is away: messages wait in Redis'
      : 'no process starts with this record, and those that run write no result: messages wait in Redis';
    return [{ check, status: 'mend', what: messageOf(error), why }];
  } finally {
    await record.stop();
  }
}
