import { CgroupError, type ErrorCode, hasCode } from '../../core/errors.js';

/** The first word of the error replies that have an effect here, and the code of the error. */
const CODES = {
  NOGROUP: 'NO_GROUP',
  UNBLOCKED: 'NO_GROUP',
  WRONGTYPE: 'KEY_TYPE',
  KEYTYPE: 'KEY_TYPE',
  LASTID: 'REDIS_REFUSED',
  NOAUTH: 'REDIS_AUTH',
  WRONGPASS: 'REDIS_AUTH',
  NOPERM: 'REDIS_AUTH',
  READONLY: 'REDIS_REFUSED',
  LOADING: 'REDIS_REFUSED',
  OOM: 'REDIS_REFUSED',
  NOSCRIPT: 'REDIS_REFUSED',
  MISCONF: 'REDIS_REFUSED',
  MOVED: 'REDIS_REFUSED',
  ASK: 'REDIS_REFUSED',
  TRYAGAIN: 'REDIS_REFUSED',
  CLUSTERDOWN: 'REDIS_REFUSED',
  CROSSSLOT: 'REDIS_REFUSED',
} as const satisfies Record<string, ErrorCode>;

export type Refusal = keyof typeof CODES | 'OTHER';

/** The first of the words counts: names that a user chose come after it, and may hold any word. */
const FIRST_REFUSAL = new RegExp(`(?:^|[ :-])(${Object.keys(CODES).join('|')})\\b`);

/** Also from a script. */
export const UNKNOWN_COMMAND = /\bunknown command\b|Unknown Redis command called/i;
/** How Redis refuses a command to a script of a user without the right: before 7.2, and since. */
const SCRIPT_LACKS_RIGHT = /The user executing the script can't |^ERR ACL failure in script: /;

/**
 * Commands and scripts that change nothing: without a reply it does not matter whether they were carried out. A test holds
 * the list against the sources. Of CONFIG only GET is ever carried out: the doctor queues others, and discards them.
 */
export const QUESTIONS: ReadonlySet<string> = new Set([
  ...[
    'snapshot',
    'totals',
    'results',
    'dead-letters',
    'orphans',
    'control',
    'live-among',
    'stream-lag',
    'hottest',
  ],
  ...[
    'XRANGE',
    'XREVRANGE',
    'ZRANGE',
    'ZRANGEBYLEX',
    'LRANGE',
    'HGET',
    'HGETALL',
    'HMGET',
    'TYPE',
    'XINFO',
    'XPENDING',
  ],
  // From the head of a list to its head: it stays as it is.
  ...['LLEN', 'BLMOVE', 'XREAD'],
  ...['INFO', 'CONFIG', 'CLUSTER', 'PUBSUB', 'TIME', 'PING'],
]);

/** Redis answered a command with an error: the command did nothing. */
export class RefusedError extends CgroupError {
  override readonly name = 'RefusedError';
  readonly refusal: Refusal;

  constructor(code: ErrorCode, refusal: Refusal, message: string, options?: ErrorOptions) {
    super(code, message, options);
    this.refusal = refusal;
  }
}

/**
 * The error of a command, in our words. An error reply is a refusal. Any other error means that the connection ended
 * first: the command may or may not have run, or, if it changes nothing, Redis is away.
 *
 * @param doing the command or script, for the message: `relay`, `XREADGROUP`
 * @param from which Redis, for the message
 */
export function failureOf(error: unknown, doing: string, from = 'Redis'): CgroupError {
  if (error instanceof CgroupError) return error;
  const cause = withoutCommand(error);
  // While WAIT blocked, the server became a replica: what was written may be lost.
  if (!isReply(cause) || (doing === 'WAIT' && cause.message.startsWith('UNBLOCKED'))) {
    const code = QUESTIONS.has(doing) ? 'REDIS_UNREACHABLE' : 'OUTCOME_UNKNOWN';
    return new CgroupError(code, `${doing}: no reply from ${from} (${reasonOf(cause)})`, { cause });
  }
  const refusal = SCRIPT_LACKS_RIGHT.test(cause.message)
    ? 'NOPERM'
    : ((FIRST_REFUSAL.exec(cause.message)?.[1] ?? 'OTHER') as Refusal);
  const code = refusal === 'OTHER' ? 'REDIS_REFUSED' : CODES[refusal];
  return new RefusedError(code, refusal, `${doing}: ${adviceOf(refusal, cause.message)}`, {
    cause,
  });
}

/** Whether it is an error reply of Redis, as ioredis rejects with it. */
export function isReply(error: unknown): error is Error & { name: 'ReplyError' } {
  return error instanceof Error && error.name === 'ReplyError';
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  // The message of ioredis names its own options, but means that the connection is gone.
  return cause.name === 'MaxRetriesPerRequestError' ? 'not connected' : cause.message;
}

/** ioredis attaches the whole command to its errors, AUTH with the password included: it must not be logged. */
export function withoutCommand(error: unknown): unknown {
  if (error instanceof Error && 'command' in error) delete error.command;
  return error;
}

function adviceOf(refusal: Refusal, reply: string): string {
  const said = reply.replace(/^(KEYTYPE|LASTID) /, '').replace(/ script: [0-9a-f]{40}.*$/s, '');
  switch (refusal) {
    case 'KEYTYPE':
      if (said.includes(' is the output of a running group with '))
        return `the key ${said}; give this process the same settings, stop the others first, or choose another --output`;
      return `the key ${said}; nothing was changed: rename it, or choose other names (--output, --consumer-list, --list, --stream)`;
    case 'LASTID':
      return (
        `the stream ${said} holds an entry with the last possible id, so Redis adds no other one; what is to be written ` +
        'waits: cgroup doctor prints the command that takes that entry out'
      );
    case 'NOAUTH':
      return 'Redis asks for a password: put it into the URL, redis://:password@host:6379';
    case 'WRONGPASS':
      return 'Redis does not accept this user and password: correct them in the URL (a password alone is written redis://:password@host)';
    case 'MOVED':
    case 'ASK':
    case 'TRYAGAIN':
      return `the slot of these keys is on its way to another node of the Cluster (${said}): it is tried again`;
    case 'CLUSTERDOWN':
      return (
        `${said.includes('slot not served') ? 'the slot of these keys has no master' : 'the Cluster is down: some of its slots have no master'} ` +
        `(${said}); start the node that is away, or let a replica take its place: cgroup doctor prints how to see which it is`
      );
    case 'NOPERM':
      return `the Redis user lacks a right (${said}): cgroup doctor prints the ACL line with all of them`;
    default:
      return UNKNOWN_COMMAND.test(reply)
        ? `${said.trim()}: cgroup uses this command, and the configuration of Redis has renamed it or switched it off`
        : said;
  }
}

/** Undefined if Redis refuses the command to this user, or does not know it. A Cluster that is down refuses it to all. */
export async function ifAllowed<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof RefusedError && error.refusal !== 'CLUSTERDOWN') return undefined;
    throw error;
  }
}

/** Whether Redis refused, for one of these reasons. */
export function refusedAs(error: unknown, ...kinds: RefusedError['refusal'][]): boolean {
  return error instanceof RefusedError && kinds.includes(error.refusal);
}

/** Whether no server does it for now: none answers, or it is no master (any more), or none has these slots. That passes by itself. */
export function isAway(error: unknown): boolean {
  return (
    hasCode(error, 'OUTCOME_UNKNOWN', 'REDIS_UNREACHABLE') ||
    refusedAs(error, 'READONLY', 'MOVED', 'CLUSTERDOWN', 'LOADING')
  );
}
