import type { MessagePort } from 'node:worker_threads';
import type { Delivery, Outcome } from '../../core/executor.js';
import type { Level } from '../../log/logger.js';
import type { ExecutorOptions } from '../inline.js';

/** What a thread gets when it is made. */
export interface ThreadData extends Omit<ExecutorOptions, 'log'> {
  /** Of the processor's module. */
  readonly path: string;
  /** Of its {@link SharedProgress}. */
  readonly memory: SharedArrayBuffer;
  /** Of its {@link LogGate}. */
  readonly logMemory: SharedArrayBuffer;
  /** For messages in both directions. */
  readonly port: MessagePort;
}

/** A delivery as it is posted to a thread. */
export interface NumberedDelivery extends Delivery {
  readonly slot: number;
  /** Its sequence number: rises by one with each delivery of the slot; see {@link numberAfter}. */
  readonly number: number;
}

export type ToThread =
  /** A consumer comes. `memory` is that of its slot in the {@link SharedProgress}. */
  | {
      readonly kind: 'add';
      readonly slot: number;
      readonly consumerId: string;
      readonly memory: SharedArrayBuffer;
    }
  /** The consumer of a slot has left. */
  | { readonly kind: 'remove'; readonly slot: number }
  /** Made by {@link pack}. */
  | { readonly kind: 'deliveries'; readonly deliveries: readonly NumberedDelivery[] }
  | { readonly kind: 'interrupt'; readonly slot: number; readonly number: number; readonly reason: string }
  /** The thread posts what it still has to post, and ends. */
  | { readonly kind: 'end' };

/** An attempt that has ended. */
export interface AttemptEnd {
  readonly slot: number;
  readonly number: number;
  readonly outcome: Outcome;
  /** As in {@link OnOutcome}, ms. */
  readonly busy: number;
}

export type FromThread =
  | { readonly kind: 'ready' }
  /** The processor cannot be loaded. */
  | { readonly kind: 'broken'; readonly error: string; readonly cause: unknown }
  | { readonly kind: 'ended'; readonly ends: readonly AttemptEnd[] }
  | LogMessage;

/** A line for the log of the process. */
export interface LogMessage {
  readonly kind: 'log';
  readonly level: Level;
  readonly fields: object;
  readonly text: string;
  /** What it counts for in the {@link LogGate}. */
  readonly bytes: number;
}

/**
 * Deliveries to be posted. Bytes are copied: a Buffer of ioredis would be cloned together with everything else that
 * came in the same reply.
 */
export function pack(deliveries: readonly NumberedDelivery[]): NumberedDelivery[] {
  return deliveries.map((one) => withBytes(one, (bytes) => new Uint8Array(bytes) as Buffer));
}

/** In the thread: the deliveries as they were before {@link pack}. */
export function unpack(deliveries: readonly NumberedDelivery[]): NumberedDelivery[] {
  // A Buffer arrives as a plain Uint8Array.
  return deliveries.map((one) => withBytes(one, ({ buffer }) => Buffer.from(buffer)));
}

function withBytes(delivery: NumberedDelivery, change: (bytes: Buffer) => Buffer): NumberedDelivery {
  const { message } = delivery;
  return typeof message === 'string' ? delivery : { ...delivery, message: change(message) };
}

/** The next sequence number. It has 32 bits, like the memory that threads share; after the highest comes the lowest. */
export function numberAfter(number: number): number {
  return (number + 1) | 0;
}
