import { CgroupError, type ErrorCode } from '../../core/errors.js';

/** Redis's own word in front of an error reply, for those that we act upon by name. */
export type Refusal =
  | 'NOGROUP'
  | 'UNBLOCKED'
  | 'WRONGTYPE'
  | 'KEYTYPE'
  | 'READONLY'
  | 'LOADING'
  | 'OOM'
  | 'MISCONF'
  | 'NOAUTH'
  | 'WRONGPASS'
  | 'NOPERM'
  | 'OTHER';

const REFUSALS: readonly Refusal[] = [
  'NOGROUP',
  'UNBLOCKED',
  'WRONGTYPE',
  'KEYTYPE',
  'READONLY',
  'LOADING',
  'OOM',
  'MISCONF',
  'NOAUTH',
  'WRONGPASS',
  'NOPERM',
];

/** The first of the words counts: after it come names that a user gave, and these may hold any word. */
const FIRST_REFUSAL = new RegExp(`(?:^|[ :-])(${REFUSALS.join('|')})\\b`);

/**
 * Commands and scripts that only ask: without a reply nobody need wonder whether they were done. A test holds the list
 * against the sources. Of CONFIG only GET is ever carried out: what the doctor queues of it is discarded.
 */
export const QUESTIONS: ReadonlySet<string> = new Set([
  ...['snapshot', 'totals', 'dead-letters', 'orphans'],
  ...['XRANGE', 'XREVRANGE', 'XLEN', 'LRANGE', 'HGET', 'HGETALL', 'HMGET', 'TYPE'],
  ...['INFO', 'CONFIG', 'PUBSUB', 'TIME', 'PING'],
]);

/** Redis answered a command, and the answer was an error: the command did nothing. */
export class RefusedError extends CgroupError {
  override readonly name = 'RefusedError';
  readonly refusal: Refusal;

  constructor(code: ErrorCode, refusal: Refusal, message: string, options?: ErrorOptions) {
    super(code, message, options);
    this.refusal = refusal;
  }
}

/**
 * What went wrong with a command, in our words. A reply of Redis is a refusal; anything else means that
 * the connection ended first, and the command may or may not have run: of a question, that Redis is away.
 *
 * @param doing what was being done, for the message: `relay`, `XREADGROUP`
 * @param address of Redis, `host:port`; without it the message does not say where the reply did not come from
 */
export function failureOf(error: unknown, doing: string, address?: string): CgroupError {
  if (error instanceof CgroupError) return error;
  const cause = withoutCommand(error);
  if (!(cause instanceof Error) || cause.name !== 'ReplyError') {
    const code = QUESTIONS.has(doing) ? 'REDIS_UNREACHABLE' : 'OUTCOME_UNKNOWN';
    const from = address === undefined ? 'Redis' : `Redis at ${address}`;
    return new CgroupError(code, `${doing}: no reply from ${from} (${reasonOf(cause)})`, { cause });
  }
  const refusal = (FIRST_REFUSAL.exec(cause.message)?.[1] ?? 'OTHER') as Refusal;
  return new RefusedError(codeOf(refusal), refusal, `${doing}: ${adviceOf(refusal, cause.message)}`, {
    cause,
  });
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  // ioredis speaks of its own options where it only means that the connection is gone.
  return cause.name === 'MaxRetriesPerRequestError' ? 'not connected' : cause.message;
}

/** ioredis hangs the whole command on its errors, AUTH with the password included: nobody may ever log that. */
export function withoutCommand(error: unknown): unknown {
  if (error instanceof Error && 'command' in error) delete error.command;
  return error;
}

function codeOf(refusal: Refusal): ErrorCode {
  switch (refusal) {
    case 'NOGROUP':
    case 'UNBLOCKED':
      return 'NO_GROUP';
    case 'WRONGTYPE':
    case 'KEYTYPE':
      return 'KEY_TYPE';
    case 'NOAUTH':
    case 'WRONGPASS':
    case 'NOPERM':
      return 'REDIS_AUTH';
    default:
      return 'REDIS_REFUSED';
  }
}

function adviceOf(refusal: Refusal, reply: string): string {
  const said = reply.replace(/^KEYTYPE /, '').replace(/ script: [0-9a-f]{40}.*$/s, '');
  switch (refusal) {
    case 'KEYTYPE':
      return `the key ${said}; nothing was changed: rename it, or choose other names (--output, --consumer-list)`;
    case 'NOAUTH':
      return 'Redis asks for a password: put it into the URL, redis://:password@host:6379';
    case 'WRONGPASS':
      return 'Redis does not accept this user and password: correct them in the URL';
    case 'NOPERM':
      return `the Redis user lacks a right (${said}): cgroup doctor prints the ACL line with all of them`;
    default:
      return said;
  }
}
