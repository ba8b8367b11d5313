import { memberText } from '../core/json-member.js';
import { cutText } from '../log/bounded.js';
import type { Level } from '../log/logger.js';
import { readParams } from './params.js';
import {
  ATTEMPT_FAILED,
  errorLine,
  INVALID_PARAMS,
  INVALID_REQUEST,
  METHOD_NOT_FOUND,
  noMethod,
  parseRpc,
  type RpcId,
} from './rpc.js';
import { extendParams, type Hello, helloParams, logParams } from './schema.js';

/** What a worker sends. */
export type FromWorker =
  /** The reply to `process`. `result` is its JSON, as it was written. */
  | { readonly kind: 'answer'; readonly deliveryId: string; readonly result: string }
  | ({ readonly kind: 'failure'; readonly deliveryId: string } & WorkerFailure)
  | { readonly kind: 'hello'; readonly id: RpcId; readonly hello: Hello }
  | {
      readonly kind: 'extend';
      readonly id: RpcId | undefined;
      readonly deliveryId: string;
      readonly ms: number;
    }
  | { readonly kind: 'log'; readonly level: Level; readonly msg: string }
  | { readonly kind: 'quiet' }
  /** `id` is undefined for a notification: JSON-RPC has no answer to it. */
  | {
      readonly kind: 'invalid';
      readonly id: RpcId | undefined;
      readonly code: number;
      readonly error: string;
    };

/** Why an attempt failed. */
export interface WorkerFailure {
  readonly error: string;
  /** No further attempt. */
  readonly dead: boolean;
  /** ms to wait before the next attempt. */
  readonly retryAfter: number | undefined;
}

/** Characters of a line for the log. */
const LONGEST_LOG = 8_192;
/** Characters of what a worker says about a message that it could not read. */
const LONGEST_COMPLAINT = 1_000;

/**
 * The line of an answer.
 *
 * @param result JSON, which stands in it as it is
 */
export function answerLine(deliveryId: string, result: string): string {
  return `{"jsonrpc":"2.0","id":${JSON.stringify(deliveryId)},"result":${result}}`;
}

/** The line of a failed attempt. */
export function failureLine(deliveryId: string, { error, dead, retryAfter }: WorkerFailure): string {
  const data = { ...(dead && { dead }), ...(retryAfter !== undefined && { retry_after_ms: retryAfter }) };
  return errorLine(deliveryId, ATTEMPT_FAILED, error, data);
}

/** Reads a message of a worker. Never throws: what is wrong with it is returned. */
export function parseFromWorker(text: string): FromWorker {
  const message = parseRpc(text);
  switch (message.kind) {
    case 'invalid':
      return message;
    case 'request':
      return requestOf(message.id, message.method, message.params);
    case 'result':
      if (message.id === null) return unnamed('a result without the "id" of a delivery');
      // Not the parsed result: its numbers may be rounded, and JSON.stringify fails on deep ones.
      return { kind: 'answer', deliveryId: String(message.id), result: memberText(text, 'result') ?? 'null' };
    case 'error': {
      const failure = failureIn(message.error);
      // An error without an id says that the worker could not read a message.
      if (message.id === null)
        return unnamed(`the worker says: ${cutText(failure.error, LONGEST_COMPLAINT)}`);
      return { kind: 'failure', deliveryId: String(message.id), ...failure };
    }
  }
}

/** Reads an error less strictly than its schema: a failure stays one, and `dead` counts, also beside a wrong member. */
function failureIn(error: unknown): WorkerFailure {
  const { message, data } = membersOf(error);
  const { dead, retry_after_ms: wait } = membersOf(data);
  const retryAfter = typeof wait === 'number' && wait >= 0 ? Math.ceil(wait) : undefined;
  return { error: typeof message === 'string' ? message : shown(error), dead: dead === true, retryAfter };
}

function membersOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function shown(value: unknown): string {
  if (typeof value === 'string') return value;
  try {
    return JSON.stringify(value);
  } catch {
    return 'an error that is nested too deeply to be shown';
  }
}

function requestOf(id: RpcId | undefined, method: string, params: unknown): FromWorker {
  const invalid = (code: number, error: string): FromWorker => ({ kind: 'invalid', id, code, error });
  switch (method) {
    case 'hello': {
      const { data, error } = readParams(helloParams, method, params);
      if (error !== undefined) return invalid(INVALID_PARAMS, error);
      if (id === undefined) return unnamed('hello must be a request: give it an "id"');
      return { kind: 'hello', id, hello: data };
    }
    case 'extend': {
      const { data, error } = readParams(extendParams, method, params);
      return error === undefined
        ? { kind: 'extend', id, deliveryId: data.delivery_id, ms: data.ms }
        : invalid(INVALID_PARAMS, error);
    }
    case 'log': {
      const { data, error } = readParams(logParams, method, params);
      return error === undefined
        ? { kind: 'log', level: data.level, msg: cutText(data.msg, LONGEST_LOG) }
        : invalid(INVALID_PARAMS, error);
    }
    case 'quiet':
      return { kind: 'quiet' };
    default:
      return invalid(METHOD_NOT_FOUND, noMethod(method, 'hello, extend, log, quiet'));
  }
}

function unnamed(error: string): FromWorker {
  return { kind: 'invalid', id: null, code: INVALID_REQUEST, error };
}
