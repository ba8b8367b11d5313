import { messageOf } from '../../core/errors.js';
import type { Outcome } from '../../core/executor.js';
import { payloadOf } from '../../core/message.js';
import { maskUrls } from '../../log/redaction.js';
import type { Sign } from './circuit.js';

/** The head of an answer. */
export interface AnswerHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
}

/** Statuses of the 4xx after which another attempt may help: request timeout, too early, too many requests. */
const TRY_AGAIN: ReadonlySet<number> = new Set([408, 425, 429]);
/** What a gateway answers in place of a service that it cannot reach. */
const GATEWAY: ReadonlySet<number> = new Set([502, 503, 504]);

const failed = (error: string): Outcome => ({ kind: 'failed', reason: 'failed', error });

export function isSuccess(status: number): boolean {
  return status >= 200 && status < 300;
}

/** What an answer says about the service. */
export function signOf(status: number): Sign {
  return GATEWAY.has(status) ? 'failing' : 'answered';
}

/**
 * What an answer means for its message.
 *
 * @param body all of it if it is a success, else its beginning
 * @param sent the message, as it was published
 * @param now ms since 1970, for a `Retry-After` that is a date
 */
export function outcomeOf(
  head: AnswerHead,
  body: Buffer,
  sent: { readonly messageId: string; readonly text: string },
  now: number,
): Outcome {
  const { messageId, text } = sent;
  if (head.status === 204) return { kind: 'processed', messageId, data: text };
  if (isSuccess(head.status)) return resultOf(head, body, messageId);
  const error = describe(head, body);
  const { status } = head;
  if (status >= 400 && status < 500 && !TRY_AGAIN.has(status)) return { kind: 'given-up', error };
  const retryAfter = retryAfterOf(first(head.headers['retry-after']), now);
  return { kind: 'failed', reason: 'failed', error, ...(retryAfter !== undefined && { retryAfter }) };
}

/** The text is kept as it is written: numbers beyond 2^53 stay exact. */
function resultOf(head: AnswerHead, body: Buffer, messageId: string): Outcome {
  const answered = `the service answered ${head.status}`;
  if (body.length === 0)
    return failed(`${answered} without a body: answer with JSON, or with 204 to keep the message as it is`);
  const encoding = first(head.headers['content-encoding']);
  if (encoding !== undefined && encoding !== 'identity')
    return failed(`${answered} with content-encoding ${encoding}, which was not asked for`);
  const text = payloadOf(body);
  if (typeof text !== 'string') return failed(`${answered} with a body that is not valid UTF-8`);
  const data = text.replace(/^\uFEFF/, '').trim();
  try {
    JSON.parse(data);
  } catch (error) {
    return failed(`${answered} with a body that is no JSON: ${messageOf(error)}`);
  }
  return { kind: 'processed', messageId, data };
}

/** `the service answered 422: no such order` */
function describe({ status, headers }: AnswerHead, body: Buffer): string {
  const answered = `the service answered ${status}`;
  const location = first(headers.location);
  if (status >= 300 && status < 400)
    return location === undefined
      ? `${answered}: redirects are not followed`
      : `${answered}, which points to ${maskUrls(location)}: redirects are not followed, so use that URL`;
  // A page for people says nothing that the status does not.
  const said = /html/i.test(first(headers['content-type']) ?? '') ? '' : body.toString('utf8').trim();
  return said === '' ? answered : `${answered}: ${said}`;
}

/**
 * The wait that a `Retry-After` asks for.
 *
 * @returns ms; undefined if there is none, or if it is neither seconds nor a date
 */
export function retryAfterOf(header: string | undefined, now: number): number | undefined {
  const text = header?.trim() ?? '';
  if (/^\d+$/.test(text)) return Number(text) * 1_000;
  const at = /GMT$/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(at) ? undefined : Math.max(at - now, 0);
}

function first(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'object' ? value[0] : value;
}

/** Codes of errors about the certificate of the service. */
const UNTRUSTED: ReadonlySet<unknown> = new Set([
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
]);

/** Errors that mean: the other side has ended the connection. The code of the first one stands for more. */
const CLOSED = /^other side closed$|\b(?:ECONNRESET|EPIPE)\b/;

/** Why there is no answer, though the request was sent. */
export function brokenText(error: Error): string {
  return CLOSED.test(error.message)
    ? 'the service closed the connection without an answer: look for an exception in its log'
    : `the connection to the service broke before the answer: ${reasonOf(error)}`;
}

/** Why there is no answer, in words. */
export function reasonOf(error: Error): string {
  const { code } = error as { code?: unknown };
  if (UNTRUSTED.has(code))
    return `${error.message}: if this certificate is right, set the variable NODE_EXTRA_CA_CERTS=ca.pem`;
  // Of a name with several addresses.
  return error instanceof AggregateError ? error.errors.map(messageOf).join(', ') : messageOf(error);
}
