import { readFile } from 'node:fs/promises';
import type { ClientBase } from 'pg';
import { CgroupError, messageOf } from '../core/errors.js';
import { kindOfFailure, recordError, serverErrorIn, wordsOf } from './failure.js';

/** Plans the statement and checks its rights, without running it. */
const PLAN = 'EXPLAIN (COSTS OFF) ';

/**
 * The user's own statement.
 *
 * @throws {CgroupError} RECORD_REFUSED if it cannot be read
 */
export async function readRecordSql(path: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    throw new CgroupError('RECORD_REFUSED', `recordSql cannot be read: ${messageOf(error)}`, {
      cause: error,
    });
  }
  if (text.trim() === '') throw new CgroupError('RECORD_REFUSED', `recordSql ${path} is empty`);
  return text;
}

/**
 * Lets PostgreSQL check the statement.
 *
 * @throws {CgroupError} RECORD_REFUSED with the place in the file
 */
export async function checkRecordSql(client: ClientBase, path: string, text: string): Promise<void> {
  try {
    await client.query(`${PLAN}${text}`, ['[]']);
  } catch (error) {
    if (kindOfFailure(error) === 'away') throw recordError(error);
    throw new CgroupError(
      'RECORD_REFUSED',
      `recordSql ${path}${placeIn(text, error)}: ${wordsOf(error)}; it has to be one INSERT, UPDATE, DELETE, MERGE, SELECT or ` +
        'WITH whose only parameter is $1, the new rows as jsonb',
      { cause: error },
    );
  }
}

/** `:3:14`, line and column from 1; empty if PostgreSQL names no place. */
function placeIn(text: string, error: unknown): string {
  // In characters, from 1.
  const position = Number(serverErrorIn(error)?.position) - PLAN.length;
  if (!(position > 0)) return '';
  const before = [...text].slice(0, position - 1).join('');
  const lines = before.split('\n');
  return `:${lines.length}:${[...(lines.at(-1) ?? '')].length + 1}`;
}
