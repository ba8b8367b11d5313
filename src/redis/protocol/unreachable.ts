import { CgroupError, messageOf } from '../../core/errors.js';
import { hostAndPort } from '../../core/redis-address.js';
import { shortened } from '../../log/printable.js';
import { isReply } from './failure.js';
import type { TlsSettings } from './tls.js';

/** What could not be reached. */
export interface Sought {
  /** In words: `Redis at host:6379` */
  readonly name: string;
  /** Undefined without TLS. */
  readonly tls: TlsSettings | undefined;
}

/** Characters of a reason. */
const LONGEST_REASON = 200;
const IS_IT_RIGHT = 'is it running, and is --redis right?';
const TRY_PLAIN = 'does this port speak TLS? If not, write redis://';
const TRY_TLS = 'is --redis right? A port that speaks TLS needs rediss://';

/** What to do about a certificate that no known CA has signed. */
function adviceOnIssuer({ redisCa }: TlsSettings): string {
  return redisCa === undefined
    ? 'this machine does not know who signed the certificate of Redis; if it is the right Redis, set redisCa ' +
        '(--redis-ca ca.pem), a file with the certificate of that CA'
    : 'the CA in redisCa did not sign the certificate of Redis: give the one that did, or look whether it is the right Redis';
}

/** What to do about the name of a certificate. */
function adviceOnName({ redisServerName }: TlsSettings): string {
  return redisServerName === undefined
    ? 'use a name of the certificate in --redis, set redisServerName (--redis-server-name) to one, or give Redis a certificate with this name'
    : 'set redisServerName (--redis-server-name) to a name of the certificate';
}

/** What to do, by the code of an error of TLS. */
const TLS_ADVICE: Readonly<Record<string, string | ((settings: TlsSettings) => string)>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: adviceOnIssuer,
  SELF_SIGNED_CERT_IN_CHAIN: adviceOnIssuer,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: adviceOnIssuer,
  UNABLE_TO_GET_ISSUER_CERT: adviceOnIssuer,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: adviceOnIssuer,
  ERR_TLS_CERT_ALTNAME_INVALID: adviceOnName,
  CERT_HAS_EXPIRED: 'renew the certificate of Redis, and look at the clock of this machine',
  CERT_NOT_YET_VALID: 'look at the clocks of this machine and of the one that made the certificate',
  ERR_SSL_WRONG_VERSION_NUMBER: TRY_PLAIN,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: TRY_PLAIN,
  ERR_OSSL_X509_KEY_VALUES_MISMATCH: 'redisKey is not the key of the certificate in redisCert',
  ERR_OSSL_PEM_NO_START_LINE: 'redisCa, redisCert and redisKey must be files in the form PEM',
};

/** The server ends the handshake of TLS because it wants to know the client, or does not accept its certificate. */
const WANTS_CERTIFICATE =
  /certificate required|handshake failure|bad certificate|unknown ca|certificate (?:expired|unknown|revoked)/;

function adviceOnClient({ redisCert }: TlsSettings): string {
  return redisCert === undefined
    ? 'Redis asks for a certificate of its clients: set redisCert and redisKey (--redis-cert cert.pem --redis-key key.pem)'
    : 'Redis does not accept the certificate in redisCert: is it still valid, and signed by a CA that Redis knows (tls-ca-cert-file)?';
}

/** What to do, by the first words of a reply. */
const REPLY_ADVICE: readonly (readonly [RegExp, string])[] = [
  [/^DENIED/, 'give Redis a password, and put it into the URL'],
  [/max number of clients/, 'end clients of it, or raise its setting maxclients'],
  [/^WRONGPASS|^NOAUTH/, 'correct the user and the password in the URL'],
  [/^LOADING|^MASTERDOWN/, 'start again when it is ready'],
];
/** Replies after which somebody has to change something. */
const MENDABLE_REPLY = /^DENIED|^WRONGPASS|^NOAUTH|max number of clients/;

/**
 * The error for a Redis that could not be used for a while.
 *
 * @param timeout ms
 * @param last why the last attempt failed; undefined if Redis gave no answer
 */
export function unreachable(sought: Sought, timeout: number, last: unknown): CgroupError {
  const [why, advice] = explained(sought, last);
  const text = `cannot reach ${sought.name} within ${timeout / 1_000} s (${why}): ${advice}`;
  return new CgroupError('REDIS_UNREACHABLE', text, { cause: last });
}

/**
 * Why a connection that was lost cannot be made again, and what to do. Undefined if it may work by itself soon: when Redis is away.
 */
export function mendable(sought: Sought, error: unknown): string | undefined {
  if (error instanceof CgroupError) return error.message;
  if (!(error instanceof Error)) return undefined;
  const { code = '', reason = '' } = error as SocketError;
  const isOfTls = sought.tls !== undefined && (code in TLS_ADVICE || WANTS_CERTIFICATE.test(reason));
  if (!isOfTls && !(isReply(error) && MENDABLE_REPLY.test(error.message))) return undefined;
  return explained(sought, error).join(': ');
}

/**
 * The error for a Redis where nothing listens; undefined for any other failure, and with Sentinels or a Cluster, which have other
 * servers to ask.
 */
export function refused(sought: Sought & { isPlain: boolean }, error: unknown): CgroupError | undefined {
  if (!sought.isPlain || (error as NodeJS.ErrnoException | undefined)?.code !== 'ECONNREFUSED')
    return undefined;
  const [why] = explained(sought, error);
  const text = `cannot reach ${sought.name} (${why}): nothing listens there; start Redis, or correct --redis`;
  return new CgroupError('REDIS_UNREACHABLE', text, { cause: error });
}

/**
 * Of two errors of the same connection, the one that says more. A server that refuses a client closes the connection, and
 * its reason may be lost: so the end of a connection does not replace a reason. A failure of the network is none.
 */
export function moreTelling(before: unknown, now: unknown): unknown {
  const isReason = before instanceof Error && !isEnd(before) && !('syscall' in before);
  return isEnd(now) && isReason ? before : now;
}

function explained({ tls }: Sought, error: unknown): readonly [why: string, advice: string] {
  if (!(error instanceof Error)) return ['no answer', tls ? TRY_PLAIN : IS_IT_RIGHT];
  if (isReply(error)) {
    const advice = REPLY_ADVICE.find(([reply]) => reply.test(error.message))?.[1] ?? 'is --redis right?';
    return [`it answers: ${firstLine(error.message)}`, advice];
  }
  if (isNoRedis(error))
    return [`what answers is not Redis: ${error.message.replace('. Please report this.', '')}`, TRY_TLS];
  const { code = '', reason, address, port, syscall } = error as SocketError;
  if (tls && WANTS_CERTIFICATE.test(reason ?? '')) return [reason ?? '', adviceOnClient(tls)];
  const known = TLS_ADVICE[code] ?? (isEnd(error) ? (tls ? TRY_PLAIN : TRY_TLS) : IS_IT_RIGHT);
  const advice = typeof known === 'string' ? known : known(tls ?? {});
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
