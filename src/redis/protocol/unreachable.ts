import { CgroupError, messageOf } from '../../core/errors.js';
import { hostAndPort, type RedisAddress } from '../../core/redis-address.js';
import { shortened } from '../../log/printable.js';
import { isReply } from './failure.js';

/** Characters of a reason. */
const LONGEST_REASON = 200;
const IS_IT_RIGHT = 'is it running, and is --redis right?';
const TRY_PLAIN = 'does this port speak TLS? If not, write redis://';
const TRY_TLS = 'is --redis right? A port that speaks TLS needs rediss://';
const CA =
  'this machine does not know who signed the certificate of Redis; ' +
  'if it is the right Redis, set the variable NODE_EXTRA_CA_CERTS=ca.pem, a file with the certificate of that CA';

/** What to do, by the code of an error of TLS. */
const TLS_ADVICE: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: CA,
  SELF_SIGNED_CERT_IN_CHAIN: CA,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: CA,
  UNABLE_TO_GET_ISSUER_CERT: CA,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: CA,
  ERR_TLS_CERT_ALTNAME_INVALID:
    'use a name of the certificate in --redis, or give Redis a certificate with this name',
  CERT_HAS_EXPIRED: 'renew the certificate of Redis, and look at the clock of this machine',
  CERT_NOT_YET_VALID: 'look at the clocks of this machine and of the one that made the certificate',
  ERR_SSL_WRONG_VERSION_NUMBER: TRY_PLAIN,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: TRY_PLAIN,
};

/** The server ends the handshake of TLS because it wants to know the client. */
const WANTS_CERTIFICATE = /certificate required|handshake failure|bad certificate/;
const NO_CERTIFICATE =
  'Redis asks for a certificate of its clients, which cgroup cannot show yet: set tls-auth-clients no, or optional, in its configuration';

/** What to do, by the first words of a reply. */
const REPLY_ADVICE: readonly (readonly [RegExp, string])[] = [
  [/^DENIED/, 'give Redis a password, and put it into the URL'],
  [/max number of clients/, 'end clients of it, or raise its setting maxclients'],
  [/^LOADING|^MASTERDOWN/, 'start again when it is ready'],
];

/**
 * The error for a Redis that could not be used for a while.
 *
 * @param timeout ms
 * @param last why the last attempt failed; undefined if Redis gave no answer
 */
export function unreachable(address: RedisAddress, timeout: number, last: unknown): CgroupError {
  const [why, advice] = explained(address, last);
  const text = `cannot reach Redis at ${hostAndPort(address)} within ${timeout / 1_000} s (${why}): ${advice}`;
  return new CgroupError('REDIS_UNREACHABLE', text, { cause: last });
}

/**
 * Of two errors of the same connection, the one that says more. A server that refuses a client closes the connection, and
 * its reason may be lost: so the end of a connection does not replace a reason. A failure of the network is none.
 */
export function moreTelling(before: unknown, now: unknown): unknown {
  const isReason = before instanceof Error && !isEnd(before) && !('syscall' in before);
  return isEnd(now) && isReason ? before : now;
}

function explained({ tls }: RedisAddress, error: unknown): readonly [why: string, advice: string] {
  if (!(error instanceof Error)) return ['no answer', tls ? TRY_PLAIN : IS_IT_RIGHT];
  if (isReply(error)) {
    const advice = REPLY_ADVICE.find(([reply]) => reply.test(error.message))?.[1] ?? 'is --redis right?';
    return [`it answers: ${firstLine(error.message)}`, advice];
  }
  if (isNoRedis(error))
    return [`what answers is not Redis: ${error.message.replace('. Please report this.', '')}`, TRY_TLS];
  const { code = '', reason, address, port, syscall } = error as SocketError;
  if (WANTS_CERTIFICATE.test(reason ?? '')) return [reason ?? '', NO_CERTIFICATE];
  const advice = TLS_ADVICE[code] ?? (isEnd(error) ? (tls ? TRY_PLAIN : TRY_TLS) : IS_IT_RIGHT);
  if (error.name === 'MaxRetriesPerRequestError') return ['it closes the connection', advice];
  if (address !== undefined && port !== undefined)
    return [`${syscall} ${code} ${hostAndPort({ host: address, port })}`, advice];
  return [
    firstLine((code.startsWith('ERR_SSL') && reason) || error.message || code || messageOf(error)),
    advice,
  ];
}

/** What Node adds to the errors of sockets and of TLS. */
interface SocketError extends NodeJS.ErrnoException {
  readonly address?: string;
  readonly port?: number;
  /** Of OpenSSL, without its numbers. */
  readonly reason?: string;
}

/** Whether the connection was closed, and no more is known. */
function isEnd(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as NodeJS.ErrnoException;
  return code === 'ECONNRESET' || code === 'EPIPE' || error.name === 'MaxRetriesPerRequestError';
}

/** Whether the parser of ioredis found something that is no reply. */
function isNoRedis(error: unknown): boolean {
  return error instanceof Error && error.name === 'ParserError';
}

function firstLine(text: string): string {
  return shortened(text.split('\n')[0]?.trim() ?? '', LONGEST_REASON);
}
