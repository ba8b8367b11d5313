import type { z } from 'zod';
import { memberText } from '../core/json-member.js';
import { cutText } from '../log/bounded.js';
import type { Level } from '../log/logger.js';
import { INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, parseRpc, type RpcId } from './rpc.js';
import { extendParams, failureOf, type Hello, helloParams, logParams } from './schema.js';

/** What a worker sends. */
export type FromWorker =
  /** The reply to `process`. `result` is its JSON. */
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

/** So many digits may be a number that JSON.parse rounds. */
const LONG_NUMBER = /\d{16}/;

/** Reads a message of a worker. Never throws: what is wrong with it is returned. */
export function parseFromWorker(text: string): FromWorker {
  const message = parseRpc(text);
  switch (message.kind) {
    case 'invalid':
      return message;
    case 'request':
      return requestOf(message.id, message.method, message.params);
    case 'result': {
      const { id, result } = message;
      if (id === null) return unnamed('a result without the "id" of a delivery');
      const json =
        (LONG_NUMBER.test(text) ? memberText(text, 'result') : undefined) ?? JSON.stringify(result);
      return { kind: 'answer', deliveryId: String(id), result: json };
    }
    case 'error': {
      const failure = failureOf.safeParse(message.error);
      const error = failure.success ? failure.data.message : JSON.stringify(message.error);
      // An error without an id says that the worker could not read a message.
      if (message.id === null) return unnamed(`the worker says: ${error}`);
      const data = failure.data?.data;
      return {
        kind: 'failure',
        deliveryId: String(message.id),
        error,
        dead: data?.dead === true,
        retryAfter: data?.retry_after_ms,
      };
    }
  }
}

function requestOf(id: RpcId | undefined, method: string, params: unknown): FromWorker {
  const wrong = (error: z.ZodError): FromWorker => ({
    kind: 'invalid',
    id,
    code: INVALID_PARAMS,
    error: `${method}: ${problemIn(error)}`,
  });
  switch (method) {
    case 'hello': {
      const { data, error } = helloParams.safeParse(params);
      if (error) return wrong(error);
      if (id === undefined) return unnamed('hello must be a request: give it an "id"');
      return { kind: 'hello', id, hello: data };
    }
    case 'extend': {
      const { data, error } = extendParams.safeParse(params);
      return error ? wrong(error) : { kind: 'extend', id, deliveryId: data.delivery_id, ms: data.ms };
    }
    case 'log': {
      const { data, error } = logParams.safeParse(params);
      return error ? wrong(error) : { kind: 'log', level: data.level, msg: data.msg };
    }
    case 'quiet':
      return { kind: 'quiet' };
    default: {
      const error = `there is no method ${JSON.stringify(cutText(method, 100))}; there are hello, extend, log, quiet`;
      return { kind: 'invalid', id, code: METHOD_NOT_FOUND, error };
    }
  }
}

function unnamed(error: string): FromWorker {
  return { kind: 'invalid', id: null, code: INVALID_REQUEST, error };
}

/** The first problem in one line: `params.ms: must be …`. */
export function problemIn({ issues }: z.ZodError): string {
  const [issue] = issues;
  return `${['params', ...(issue?.path ?? [])].join('.')}: ${issue?.message ?? 'wrong'}`;
}
