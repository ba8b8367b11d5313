import { messageOf } from '../core/errors.js';
import { cutText } from '../log/bounded.js';

/** The codes of errors (https://www.jsonrpc.org/specification#error_object). */
export const PARSE_ERROR = -32_700;
export const INVALID_REQUEST = -32_600;
export const METHOD_NOT_FOUND = -32_601;
export const INVALID_PARAMS = -32_602;
/** Of ours: an attempt failed. Other codes count the same. */
export const ATTEMPT_FAILED = -32_000;
/** Of ours: a delivery is unknown, or its answer no longer counts. */
export const TOO_LATE = -32_001;

/** Characters of an id. Errors quote it. */
const LONGEST_ID = 200;

export type RpcId = string | number | null;

/** One message, not looked at further. */
export type RpcMessage =
  | {
      readonly kind: 'request';
      readonly id: string | number | undefined;
      readonly method: string;
      readonly params: unknown;
    }
  | { readonly kind: 'result'; readonly id: RpcId; readonly result: unknown }
  | { readonly kind: 'error'; readonly id: RpcId; readonly error: unknown }
  /** To be answered with an error. */
  | { readonly kind: 'invalid'; readonly id: RpcId; readonly code: number; readonly error: string };

/** Parses one message. A request without an id, or with the id null, is a notification. Never throws. */
export function parseRpc(text: string): RpcMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { kind: 'invalid', id: null, code: PARSE_ERROR, error: `this is not JSON: ${messageOf(error)}` };
  }
  const invalid = (error: string, id: RpcId = null): RpcMessage => ({
    kind: 'invalid',
    id,
    code: INVALID_REQUEST,
    error,
  });
  if (typeof value !== 'object' || value === null) return invalid('a message must be a JSON object');
  if (Array.isArray(value)) return invalid('batches are not supported: send one message at a time');
  const { jsonrpc, id, method, params, result, error } = value as Record<string, unknown>;
  const ownId = isId(id) ? id : null;
  if (jsonrpc !== '2.0') return invalid('a message must have "jsonrpc":"2.0"', ownId);
  if (id !== undefined && id !== ownId)
    return invalid(`"id" must be a text of at most ${LONGEST_ID} characters, or a whole number up to 2^53`);
  if (method !== undefined) {
    if (typeof method !== 'string') return invalid('"method" must be a text', ownId);
    return { kind: 'request', id: ownId ?? undefined, method, params };
  }
  if (error !== undefined && error !== null) return { kind: 'error', id: ownId, error };
  if (result === undefined) return invalid('a message must have "method", "result" or "error"', ownId);
  return { kind: 'result', id: ownId, result };
}

/** A number beyond 2^53 would be rounded: the reply would name another request. */
function isId(id: unknown): id is string | number {
  return typeof id === 'string' ? id.length <= LONGEST_ID : Number.isSafeInteger(id);
}

export function noMethod(method: string, known: string): string {
  return `there is no method ${JSON.stringify(cutText(method, 100))}; there are ${known}`;
}

export function requestLine(id: string | number, method: string, params: object): string {
  return JSON.stringify({ jsonrpc: '2.0', id, method, params });
}

export function notificationLine(method: string, params: object): string {
  return JSON.stringify({ jsonrpc: '2.0', method, params });
}

export function resultLine(id: RpcId, result: unknown): string {
  return JSON.stringify({ jsonrpc: '2.0', id, result });
}

export function errorLine(id: RpcId, code: number, message: string, data?: object): string {
  return JSON.stringify({ jsonrpc: '2.0', id, error: { code, message, ...(data && { data }) } });
}
