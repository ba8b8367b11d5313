import type { z } from 'zod';
import { problemIn } from './from-worker.js';
import { INVALID_PARAMS, METHOD_NOT_FOUND, parseRpc, type RpcId } from './rpc.js';
import { cancelParams, processParams } from './schema.js';

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
  | { readonly kind: 'process'; readonly params: z.output<typeof processParams> }
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

/**
 * The line of `process`. The message stands in it as it was published, so that no number in it changes; only line breaks
 * between its values become blanks.
 */
export function processLine(delivery: WorkerDelivery): string {
  const { deliveryId, message, attempt, deadline, consumerId, inboxId, traceparent } = delivery;
  const id = JSON.stringify(deliveryId);
  const trace = traceparent === undefined ? '' : `,"traceparent":${JSON.stringify(traceparent)}`;
  const inOneLine = /[\r\n]/.test(message) ? message.replace(/[\r\n]/g, ' ') : message;
  return (
    `{"jsonrpc":"2.0","id":${id},"method":"process","params":{"delivery_id":${id},"message":${inOneLine},` +
    `"attempt":${attempt},"deadline_ms":${Math.ceil(deadline)},"consumer_id":${JSON.stringify(consumerId)},` +
    `"inbox_id":"${inboxId}"${trace}}}`
  );
}

/** Reads a message of a group. Never throws: what is wrong with it is returned. */
export function parseFromGroup(text: string): FromGroup {
  const message = parseRpc(text);
  if (message.kind !== 'request') return message;
  const { id, method, params } = message;
  const wrong = (error: z.ZodError): FromGroup => ({
    kind: 'invalid',
    id,
    code: INVALID_PARAMS,
    error: `${method}: ${problemIn(error)}`,
  });
  switch (method) {
    case 'process': {
      const { data, error } = processParams.safeParse(params);
      return error ? wrong(error) : { kind: 'process', params: data };
    }
    case 'cancel': {
      const { data, error } = cancelParams.safeParse(params);
      return error
        ? wrong(error)
        : { kind: 'cancel', deliveryId: data.delivery_id, reason: data.reason ?? 'cancelled' };
    }
    case 'quiet':
      return { kind: 'quiet' };
    default: {
      const known = 'there are process, cancel, quiet';
      const error = `there is no method ${JSON.stringify(method.slice(0, 100))}; ${known}`;
      return { kind: 'invalid', id, code: METHOD_NOT_FOUND, error };
    }
  }
}
