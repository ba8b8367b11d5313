import { z } from 'zod';

// The messages between a group and its workers: JSON-RPC 2.0 (https://www.jsonrpc.org/specification), one message a line
// on stdin and stdout of a child process, or one a text frame of a WebSocket. docs/worker-protocol.md explains them, and
// config/worker-protocol.schema.json is made from this file. Unknown members are allowed, so that both sides can grow.

/** The version that {@link helloParams} names. */
export const PROTOCOL = 1;
/** The name of a worker. */
export const WORKER_NAME = /^[\w.-]{1,64}$/;
/** Most messages that a worker may have at a time. */
export const MOST_CONCURRENCY = 10_000;
/** The longest time that one `extend` may ask for, ms. */
export const LONGEST_EXTENSION = 86_400_000;
/** Most ids that a worker may say it still holds. */
const MOST_HELD_IDS = MOST_CONCURRENCY;

const deliveryId = z
  .string()
  .min(1)
  .max(200)
  .describe('the id of the delivery: its answer and all else name it');

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export const processParams = z
  .looseObject({
    delivery_id: deliveryId,
    // Not an object of zod: it would copy the message, without a member `__proto__`.
    message: z
      .custom<Readonly<Record<string, unknown>>>(isObject, { error: 'must be an object' })
      .meta({ type: 'object', description: 'the published message' }),
    attempt: z.int().min(1).describe('1 for the first attempt'),
    deadline_ms: z.int().min(0).describe('ms from now within which the answer must come'),
    consumer_id: z.string().describe('the consumer that the worker works for'),
    inbox_id: z.string().describe('the id of the message in the group: the same at each attempt'),
    traceparent: z.string().optional().describe('the W3C trace context of the attempt, if tracing is on'),
  })
  .describe(
    'group to worker, request: process a message; the result of the reply is the result of the message',
  );

export const cancelParams = z
  .looseObject({
    delivery_id: deliveryId,
    reason: z.string().optional().describe('why, in words; it begins with "late" if an answer came too late'),
  })
  .describe('group to worker, notification: the answer to this delivery no longer counts');

export const quietParams = z
  .looseObject({})
  .describe(
    'in both directions, notification: no further deliveries for now; what is in work is to be finished',
  );

export const helloParams = z
  .looseObject({
    name: z
      .string()
      .regex(WORKER_NAME, { error: 'must be 1 to 64 letters, digits, _ . -' })
      .describe('the name of the worker; several may have the same'),
    concurrency: z
      .int()
      .min(1)
      .max(MOST_CONCURRENCY)
      .default(1)
      .describe('how many deliveries it takes at a time'),
    protocol: z
      .literal(PROTOCOL, { error: `must be ${PROTOCOL}: this side speaks no other version` })
      .describe('the version of this protocol'),
    holds: z
      .array(deliveryId)
      .max(MOST_HELD_IDS)
      .default([])
      .describe('after a lost connection: the ids of the deliveries that it still works on'),
  })
  .describe(
    'worker to group, request: the first message of a remote worker; a child process may leave it out',
  );

export const helloResult = z
  .looseObject({
    group: z.string(),
    channel: z.string(),
    heartbeat: z.int().describe('ms between two pings'),
    lease: z.int().describe('ms of silence after which the deliveries of the worker are given to others'),
    consumer_id: z.string().describe('the consumer that the worker works for'),
    concurrency: z.int().describe('how many deliveries it gets at a time'),
    resumed: z.array(z.string()).describe('those of "holds" that still count; the others are to be dropped'),
  })
  .describe('the result of hello');

export const extendParams = z
  .looseObject({
    delivery_id: deliveryId,
    ms: z.int().min(1).max(LONGEST_EXTENSION).describe('ms from now: the new deadline'),
  })
  .describe('worker to group, request or notification: more time; the result is true');

export const logParams = z
  .looseObject({
    level: z.enum(['debug', 'info', 'warn', 'error']),
    msg: z.string(),
  })
  .describe('worker to group, notification: a line for the log');

export const failedAttempt = z
  .looseObject({
    code: z.int(),
    message: z.string(),
    data: z
      .looseObject({
        dead: z.boolean().optional().describe('true: no further attempt, the message becomes a dead letter'),
        retry_after_ms: z.int().min(0).optional().describe('ms to wait before the next attempt'),
      })
      .optional(),
  })
  .describe('the error of a reply to process: a failed attempt');

export type Hello = z.output<typeof helloParams>;
export type HelloResult = z.output<typeof helloResult>;
