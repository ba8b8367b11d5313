import { describe, expect, it } from 'vitest';
import type { RecordRow } from '../../../src/core/record.js';
import { rowsAsJson } from '../../../src/record/statements.js';
import {
  createTable,
  differencesOf,
  grantOf,
  quotedName,
  type TableFacts,
} from '../../../src/record/table.js';

const right: TableFacts = {
  kind: 'r',
  columns: [
    ...['inbox_id', 'message_id', 'consumer_id'].map((name) => ({ name, type: 'text', needed: true })),
    { name: 'data', type: 'jsonb', needed: true },
    { name: 'attempts', type: 'bigint', needed: true },
    ...['published_at', 'started_at', 'finished_at'].map((name) => ({
      ...{ name, type: 'timestamp(3) with time zone', needed: true },
    })),
    { name: 'note', type: 'text', needed: false },
  ],
  ...{ isUnique: true, mayInsert: true, maySelect: true, user: 'me' },
};

describe('a table', () => {
  it('fits with types that hold the same, and with more columns', () => {
    expect(differencesOf(right)).toEqual([]);
    expect(differencesOf({ ...right, kind: 'p' })).toEqual([]);
  });

  it('has differences in words', () => {
    expect(differencesOf({ ...right, kind: 'v' })).toEqual(['it is no table']);
    expect(differencesOf({ ...right, isUnique: false })).toEqual(['inbox_id is no primary key']);
    const columns = right.columns
      .filter(({ name }) => name !== 'attempts')
      .map((column) => (column.name === 'data' ? { ...column, type: 'text' } : { ...column, needed: true }));
    expect(differencesOf({ ...right, columns })).toEqual([
      'the column data is text, not jsonb',
      'the column attempts (integer) is missing',
      'the column note is NOT NULL and has no default',
    ]);
  });

  it('needs rights', () => {
    expect(grantOf(right, 'a.b')).toBeUndefined();
    expect(grantOf({ ...right, mayInsert: false, user: 'o"k' }, 'a.b')).toBe(
      'GRANT INSERT ON "a"."b" TO "o""k"',
    );
  });

  it('is made with quoted names', () => {
    expect(quotedName('Sales.Results')).toBe('"Sales"."Results"');
    expect(createTable('t')).toMatch(
      /^CREATE TABLE IF NOT EXISTS "t" \(inbox_id text PRIMARY KEY, message_id text NOT NULL/,
    );
  });
});

it('rows for the statement of the user hold the data as they are', () => {
  const row: RecordRow = {
    ...{ inboxId: '1-0', messageId: 'm"1', consumerId: 'c', data: '{"n":1.50,"big":123456789012345678901}' },
    ...{ attempts: 1, publishedAt: 0, startedAt: 1, finishedAt: 2 },
  };
  expect(rowsAsJson([row, row])).toBe(
    `[${Array(2).fill('{"inbox_id":"1-0","message_id":"m\\"1","consumer_id":"c","attempts":1,"published_at":"1970-01-01T00:00:00.000Z","started_at":"1970-01-01T00:00:00.001Z","finished_at":"1970-01-01T00:00:00.002Z","data":{"n":1.50,"big":123456789012345678901}}').join(',')}]`,
  );
});
