import { DatabaseError } from 'pg';
import { describe, expect, it } from 'vitest';
import { CgroupError } from '../../../src/core/errors.js';
import { kindOfFailure, recordError, wordsOf } from '../../../src/record/failure.js';

function serverError(code: string, message = 'no', detail?: string): DatabaseError {
  const error = new DatabaseError(message, 0, 'error');
  return Object.assign(error, { code, severity: 'ERROR', detail });
}

describe('an error of PostgreSQL', () => {
  it.each([
    ['row', ['21000', '22003', '22P02', '22P05', '23505', '23514', '44000', '54001', 'P0001', 'ZX042']],
    ['again', ['40001', '40P01']],
    ['away', ['08006', '25006', '53100', '53300', '55P03', '57014', '57P01', '57P03', '58030']],
    ['refused', ['08P01', '0A000', '28P01', '3D000', '3F000', '42501', '42703', '42P01', 'XX000']],
  ])('%s: %j', (kind, codes) => {
    expect(codes.map((code) => [code, kindOfFailure(serverError(code))])).toEqual(
      codes.map((code) => [code, kind]),
    );
  });

  it('of the driver or the system means that it is away', () => {
    for (const error of [
      new Error('Connection terminated'),
      Object.assign(new Error('x'), { code: 'EPIPE' }),
    ])
      expect(kindOfFailure(error)).toBe('away');
  });

  it('is told with its code and detail, without the row', () => {
    expect(wordsOf(serverError('23505', 'twice', 'Key (a)=(b) already exists.'))).toBe(
      'twice (23505: Key (a)=(b) already exists.)',
    );
    expect(wordsOf(serverError('23514', 'breaks it', 'Failing row contains (secret).'))).toBe(
      'breaks it (23514)',
    );
  });

  it('of several addresses is told in the words of the first', () => {
    expect(wordsOf(new AggregateError([new Error('connect ECONNREFUSED ::1:5432'), new Error('x')]))).toBe(
      'connect ECONNREFUSED ::1:5432',
    );
  });

  it('becomes ours, with what to do; one of ours stays', () => {
    expect(recordError(serverError('42501'), 'GRANT it')).toMatchObject({
      ...{ code: 'RECORD_REFUSED', message: 'PostgreSQL refuses: no (42501); GRANT it' },
    });
    expect(recordError(serverError('57P03'), 'GRANT it')).toMatchObject({ code: 'RECORD_AWAY' });
    const own = new CgroupError('STATE', 'x');
    expect(recordError(own)).toBe(own);
  });
});
