import { CgroupError, messageOf } from '../core/errors.js';

/**
 * What an error of PostgreSQL means for a batch of rows. `row`: one of them cannot be written. `again`: it collided with
 * another transaction. `away`: there is no server that can write for now. `refused`: no row can be written.
 */
export type FailureKind = 'row' | 'again' | 'away' | 'refused';

/** Fields of an error of `pg` (https://www.postgresql.org/docs/current/protocol-error-fields.html). */
interface ServerError extends Error {
  readonly code: string;
  readonly severity: string;
  readonly detail?: string;
  readonly position?: string;
}

/** By the class of the code, its first two characters (https://www.postgresql.org/docs/current/errcodes-appendix.html). */
const KINDS: Readonly<Record<string, FailureKind>> = {
  '08': 'away', // connection exception
  '0A': 'refused', // feature not supported
  '25': 'refused', // invalid transaction state
  '26': 'refused', // invalid statement name
  '28': 'refused', // the user or the password
  '3D': 'refused', // no such database
  '3F': 'refused', // no such schema
  '40': 'again', // serialization failure, deadlock
  '42': 'refused', // syntax, missing table or column, missing right
  '53': 'away', // insufficient resources: disk, memory, connections
  '55': 'away', // not in the required state: a lock is not available in time
  '57': 'away', // shut down, starting, cancelled after the statement time-out
  '58': 'away', // system error
  XX: 'refused', // internal error
};

/** Codes that mean something else than their class. */
const EXCEPTIONS: Readonly<Record<string, FailureKind>> = {
  '08P01': 'refused', // protocol violation: a statement with another number of parameters
  '25006': 'away', // read-only: a standby, for example after a failover
};

/** The error as PostgreSQL gave it; undefined if it is the driver's or the system's. */
export function serverErrorIn(error: unknown): ServerError | undefined {
  const { code, severity } = error as Partial<ServerError>;
  if (!(error instanceof Error) || severity === undefined) return undefined;
  return /^[0-9A-Z]{5}$/.test(code ?? '') ? (error as ServerError) : undefined;
}

/** All classes that are not listed are of the data: 21, 22, 23, 44, 54, P0, and those that a function of the user raises. */
export function kindOfFailure(error: unknown): FailureKind {
  const code = serverErrorIn(error)?.code;
  return code === undefined ? 'away' : (EXCEPTIONS[code] ?? KINDS[code.slice(0, 2)] ?? 'row');
}

/** Whether a statement took too long: fewer rows at a time may help. */
export function isTimeout(error: unknown): boolean {
  return serverErrorIn(error)?.code === '57014' || /^Query read timeout/.test(messageOf(error));
}

/** The words of PostgreSQL with its code, or those of the driver. */
export function wordsOf(error: unknown): string {
  // Node tries all addresses of a name, and its error of them has no message of its own.
  const { errors } = error as Partial<AggregateError>;
  const text = messageOf(errors?.[0] ?? error);
  const server = serverErrorIn(error);
  if (!server) return text;
  // The row itself is no news, and may be long.
  const detail = server.detail?.startsWith('Failing row') ? undefined : server.detail;
  return `${text} (${server.code}${detail ? `: ${detail}` : ''})`;
}

/**
 * The error as ours.
 *
 * @param advice what to do, if PostgreSQL refuses
 */
export function recordError(error: unknown, advice = ''): CgroupError {
  if (error instanceof CgroupError) return error;
  const words = wordsOf(error);
  if (kindOfFailure(error) === 'refused' || kindOfFailure(error) === 'row')
    return new CgroupError('RECORD_REFUSED', `PostgreSQL refuses: ${words}${advice && `; ${advice}`}`, {
      cause: error,
    });
  return new CgroupError(
    'RECORD_AWAY',
    `the record in PostgreSQL does not take rows: ${words}; messages wait in Redis until it does`,
    { cause: error },
  );
}
