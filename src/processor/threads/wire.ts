import type { Job, Outcome } from '../workshop.js';

/** What a thread is given when it is made. */
export interface ThreadData {
  /** Of the processor's module. */
  readonly path: string;
  /** Of one attempt, ms. */
  readonly timeout: number;
  readonly concurrency: number;
  /** Ids of the consumers whose jobs it does; the index is the slot. */
  readonly consumers: readonly string[];
  /** Of its {@link Progress}. */
  readonly memory: SharedArrayBuffer;
}

/** A job of a slot. */
export interface NumberedJob extends Job {
  readonly slot: number;
  /** Rises by one with each job of the slot; see {@link after}. */
  readonly number: number;
}

/** A job on its way, without its message. */
interface JobHead {
  readonly slot: number;
  readonly number: number;
  readonly inboxId: string;
  readonly attempt: number;
  /** Where its message ends, in the piece of memory that holds all of them, end to end. */
  readonly end: number;
  readonly traceparent?: string;
}

export interface PackedJobs {
  readonly kind: 'jobs';
  readonly messages: Uint8Array<ArrayBuffer>;
  readonly heads: readonly JobHead[];
}

export type ToThread =
  | PackedJobs
  | { readonly kind: 'interrupt'; readonly slot: number; readonly number: number; readonly reason: string }
  /** End yourself, and tell what there is to tell before. */
  | { readonly kind: 'end' };

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** A job that has ended. */
export interface Done {
  readonly slot: number;
  readonly number: number;
  readonly outcome: Outcome;
  /** As {@link OnOutcome} has it. */
  readonly busy: number;
}

export type FromThread =
  | { readonly kind: 'ready' }
  /** The processor cannot be loaded. */
  | { readonly kind: 'broken'; readonly error: string; readonly cause: unknown }
  | { readonly kind: 'done'; readonly done: readonly Done[] }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly fields: object; readonly text: string };

/**
 * Jobs as one message. Their messages are copied together into a piece of memory to be handed over: a Buffer
 * that ioredis made would be cloned with everything else that came in the same reply.
 */
export function pack(jobs: readonly NumberedJob[]): PackedJobs {
  const messages = new Uint8Array(jobs.reduce((sum, { message }) => sum + message.length, 0));
  let end = 0;
  const heads = jobs.map(({ slot, number, inboxId, attempt, message, traceparent }) => {
    messages.set(message, end);
    end += message.length;
    const head = { slot, number, inboxId, attempt, end };
    return traceparent === undefined ? head : { ...head, traceparent };
  });
  return { kind: 'jobs', messages, heads };
}

/** The jobs of a message made by {@link pack}; their messages are views of its memory. */
export function unpack({ messages, heads }: PackedJobs): NumberedJob[] {
  let start = 0;
  return heads.map(({ slot, number, inboxId, attempt, end, traceparent }) => {
    const message = Buffer.from(messages.buffer, messages.byteOffset + start, end - start);
    start = end;
    const job = { slot, number, inboxId, attempt, message };
    return traceparent === undefined ? job : { ...job, traceparent };
  });
}

/** The number after a job's: 32 bits, because the memory that threads share holds no more; then from the lowest again. */
export function after(number: number): number {
  return (number + 1) | 0;
}
