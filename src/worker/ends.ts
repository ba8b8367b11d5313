import { messageOf } from '../core/errors.js';
import { shortened } from '../log/printable.js';
import { BROKEN, GOING_AWAY } from '../protocol/close-codes.js';

// Why there is no connection, in words.

/** Characters of a reason that another program gives. */
const LONGEST_REASON = 200;

const CA =
  'this machine does not know who signed the certificate; if it is the right server, set the variable ' +
  'NODE_EXTRA_CA_CERTS=ca.pem, a file with the certificate of that CA';
const PLAIN = 'does this port speak TLS? If not, write ws://';

/** What to do, by the code of an error. */
const ADVICE: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: CA,
  SELF_SIGNED_CERT_IN_CHAIN: CA,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: CA,
  UNABLE_TO_GET_ISSUER_CERT: CA,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: CA,
  ERR_TLS_CERT_ALTNAME_INVALID: 'connect to a name of the certificate',
  CERT_HAS_EXPIRED: 'renew the certificate, and look at the clock of this machine',
  CERT_NOT_YET_VALID: 'look at the clocks of this machine and of the one that made the certificate',
  ERR_SSL_WRONG_VERSION_NUMBER: PLAIN,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: PLAIN,
  ECONNREFUSED: 'nothing listens there: does cgroup start run, with http set?',
  ENOTFOUND: 'there is no host of this name',
};

const NO_WORKERS =
  'nothing is for workers at this address: the path is /workers, and the process of the group needs -p remote';

/** What to do, by the status of an answer. */
const STATUS_ADVICE: Readonly<Record<number, string>> = {
  401: 'set CGROUP_HTTP_TOKEN to the httpToken of the group',
  403: 'a server or proxy does not let this worker in',
  404: NO_WORKERS,
  426: NO_WORKERS,
};

/** @param body of the answer; those of a group have an `error` */
export function refusedText(status: number, body: string): string {
  const said = errorIn(body);
  const advice = STATUS_ADVICE[status];
  return [`the server answers with status ${status}`, said, advice].filter(Boolean).join(': ');
}

function errorIn(body: string): string | undefined {
  try {
    const { error } = JSON.parse(body) as { error?: unknown };
    return typeof error === 'string' ? shortened(error, LONGEST_REASON) : undefined;
  } catch {
    return undefined;
  }
}

export function closedText(code: number, reason: string): string {
  const why = reason === '' ? '' : `: ${shortened(reason, LONGEST_REASON)}`;
  if (code === BROKEN) return 'the connection broke';
  return code === GOING_AWAY
    ? `the process of the group stops${why}`
    : `the group closes the connection (${code})${why}`;
}

export function networkText(error: unknown): string {
  const { code = '' } = error as NodeJS.ErrnoException;
  const text = shortened(messageOf(error).split('\n')[0] || code, LONGEST_REASON);
  const advice = ADVICE[code];
  return advice === undefined ? text : `${text}: ${advice}`;
}
