import type { MessagePort } from 'node:worker_threads';
import type { Job, Outcome } from '../executor.js';

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
  /** To talk over. */
  readonly port: MessagePort;
}

/** A job of a slot. */
export interface NumberedJob extends Job {
  readonly slot: number;
  /** Rises by one with each job of the slot; see {@link after}. */
  readonly number: number;
}

export interface JobsMessage {
  readonly kind: 'jobs';
  readonly jobs: readonly NumberedJob[];
}

export type ToThread =
  | JobsMessage
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
 * Jobs as one message. Bytes are copied: a Buffer that ioredis made would be cloned with everything else that came
 * in the same reply.
 */
export function pack(jobs: readonly NumberedJob[]): JobsMessage {
  return {
    kind: 'jobs',
    jobs: jobs.map((job) => withMessage(job, (bytes) => new Uint8Array(bytes) as Buffer)),
  };
}

/** The jobs of a message made by {@link pack}, on the other side. */
export function unpack({ jobs }: JobsMessage): NumberedJob[] {
  // A Buffer arrives as the Uint8Array that it is.
  return jobs.map((job) => withMessage(job, ({ buffer }) => Buffer.from(buffer)));
}

function withMessage(job: NumberedJob, change: (bytes: Buffer) => Buffer): NumberedJob {
  return typeof job.message === 'string' ? job : { ...job, message: change(job.message) };
}

/** The number after a job's: 32 bits, because the memory that threads share holds no more; then from the lowest again. */
export function after(number: number): number {
  return (number + 1) | 0;
}
