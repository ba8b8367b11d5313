import { z } from 'zod';
import {
  cancelParams,
  extendParams,
  failedAttempt,
  helloParams,
  helloResult,
  logParams,
  processParams,
  quietParams,
} from './schema.js';

const VERSION = { jsonrpc: { const: '2.0' } };
const ID = { type: ['string', 'integer'] };

/** The JSON schema of all messages. `npm run schema` writes it to `config/worker-protocol.schema.json`. */
export function protocolJsonSchema(): object {
  const fromGroup = {
    process: request('process', processParams),
    cancel: notification('cancel', cancelParams),
    quiet: notification('quiet', quietParams),
    welcome: message({ id: ID, result: schemaOf(helloResult) }, helloResult.description),
    extended: message({ id: ID, result: { const: true } }, 'the result of extend, if it was a request'),
  };
  const fromWorker = {
    answer: message(
      { id: { type: 'string' }, result: {} },
      'the reply to process: its id is the delivery_id',
    ),
    failure: message({ id: { type: 'string' }, error: schemaOf(failedAttempt) }, failedAttempt.description),
    hello: request('hello', helloParams),
    extend: notification('extend', extendParams, { id: ID }),
    log: notification('log', logParams),
    quiet: notification('quiet', quietParams),
  };
  const refused = message(
    {
      id: { type: ['string', 'integer', 'null'] },
      error: object({ code: { type: 'integer' }, message: { type: 'string' } }, ['code', 'message']),
    },
    'in both directions: a message that was not understood; the id is that of the message, or null',
  );
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'urn:cgroup:worker-protocol:1',
    title: 'Worker protocol of cgroup, version 1',
    description: 'One JSON-RPC 2.0 message. docs/worker-protocol.md explains the messages.',
    anyOf: [reference('fromGroup'), reference('fromWorker')],
    $defs: {
      fromGroup: { anyOf: [...Object.keys(fromGroup), 'refused'].map(reference) },
      fromWorker: { anyOf: [...Object.keys(fromWorker), 'refused'].map(reference) },
      ...fromGroup,
      ...fromWorker,
      refused,
    },
  };
}

function reference(name: string): object {
  return { $ref: `#/$defs/${name}` };
}

function request(method: string, params: z.ZodType): object {
  const properties = { id: ID, method: { const: method }, params: schemaOf(params) };
  return message(properties, params.description);
}

/** @param optional members that it may have as well */
function notification(method: string, params: z.ZodType, optional: object = {}): object {
  const properties = { method: { const: method }, params: schemaOf(params) };
  return message(properties, params.description, optional);
}

function message(properties: object, description: string | undefined, optional: object = {}): object {
  const required = ['jsonrpc', ...Object.keys(properties)];
  return { description, ...object({ ...VERSION, ...properties, ...optional }, required) };
}

function object(properties: object, required: readonly string[]): object {
  return { type: 'object', properties, required };
}

function schemaOf(params: z.ZodType): object {
  const { $schema, description, ...schema } = z.toJSONSchema(params, { io: 'input', unrepresentable: 'any' });
  return schema;
}
