import type { z } from 'zod';
import { memberText } from '../core/json-member.js';
import { readParams } from './params.js';
import { INVALID_PARAMS, METHOD_NOT_FOUND, noMethod, parseRpc, type RpcId } from './rpc.js';
import { cancelParams, type HelloResult, helloResult, processParams } from './schema.js';

/** What a group asks a worker to do. */
export interface WorkerDelivery {
  readonly deliveryId: string;
  /** The JSON of the published message. */
  readonly message: string;
  readonly attempt: number;
  /** ms from now within which the answer must come. */
  readonly deadline: number;
  readonly consumerId: string;
  readonly inboxId: string;
  readonly traceparent: string | undefined;
}

/** What a worker gets. */
export type FromGroup =
  | { readonly kind: 'process'; readonly delivery: WorkerDelivery }
  | { readonly kind: 'cancel'; readonly deliveryId: string; readonly reason: string }
  | { readonly kind: 'quiet' }
  /** The reply to a request of the worker. */
  | { readonly kind: 'result'; readonly id: RpcId; readonly result: unknown }
  | { readonly kind: 'error'; readonly id: RpcId; readonly error: unknown }
  | {
      readonly kind: 'invalid';
      readonly id: RpcId | undefined;
      readonly code: number;
      readonly error: string;
    };

/** What some languages take for the end of a line. Node's readline and Java's Scanner do so for the last three. */
const BREAKS = /[\r\n\u0085\u2028\u2029]/;
const BETWEEN_VALUES = /[\r\n]/g;
const IN_TEXTS = /[\u0085\u2028\u2029]/g;

/** JSON without line breaks, and otherwise as it is written. */
function inOneLine(json: string): string {
  if (!BREAKS.test(json)) return json;
  return json
    .replace(BETWEEN_VALUES, ' ')
    .replace(IN_TEXTS, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** The line of `process`. The message stands in it as it was published, so that no number in it changes. */
export function processLine(delivery: WorkerDelivery): string {
  const { deliveryId, message, attempt, deadline, consumerId, inboxId, traceparent } = delivery;
  const id = JSON.stringify(deliveryId);
  const trace = traceparent === undefined ? '' : `,"traceparent":${JSON.stringify(traceparent)}`;
  return (
    `{"jsonrpc":"2.0","id":${id},"method":"process","params":{"delivery_id":${id},"message":${inOneLine(message)},` +
    `"attempt":${attempt},"deadline_ms":${Math.ceil(deadline)},"consumer_id":${JSON.stringify(consumerId)},` +
    `"inbox_id":"${inboxId}"${trace}}}`
  );
}

/** Reads a message of a group. Never throws: what is wrong with it is returned. */
export function parseFromGroup(text: string): FromGroup {
  const message = parseRpc(text);
  if (message.kind !== 'request') return message;
  const { id, method, params } = message;
  const invalid = (code: number, error: string): FromGroup => ({ kind: 'invalid', id, code, error });
  switch (method) {
    case 'process': {
      const { data, error } = readParams(processParams, method, params);
      return error === undefined
        ? { kind: 'process', delivery: deliveryOf(data, text) }
        : invalid(INVALID_PARAMS, error);
    }
    case 'cancel': {
      const { data, error } = readParams(cancelParams, method, params);
      return error === undefined
        ? { kind: 'cancel', deliveryId: data.delivery_id, reason: data.reason ?? 'cancelled' }
        : invalid(INVALID_PARAMS, error);
    }
    case 'quiet':
      return { kind: 'quiet' };
    default:
      return invalid(METHOD_NOT_FOUND, noMethod(method, 'process, cancel, quiet'));
  }
}

function deliveryOf(params: z.output<typeof processParams>, text: string): WorkerDelivery {
  return {
    deliveryId: params.delivery_id,
    // Not the parsed message: its numbers may be rounded, and JSON.stringify fails on deep ones.
    message: memberText(memberText(text, 'params') ?? '', 'message') ?? '',
    attempt: params.attempt,
    deadline: params.deadline_ms,
    consumerId: params.consumer_id,
    inboxId: params.inbox_id,
    traceparent: params.traceparent,
  };
}

/** Reads the result of `hello`. Returns what is wrong with it as a text. */
export function parseHelloResult(result: unknown): HelloResult | string {
  const { data, error } = readParams(helloResult, 'hello', result);
  return error === undefined ? data : error.replace('"params', '"result');
}
