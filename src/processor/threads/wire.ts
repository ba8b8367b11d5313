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
  /** The memory of its {@link Progress}. */
  readonly progress: SharedArrayBuffer;
}

/** A job on its way, without its message. */
export interface JobHead {
  readonly slot: number;
  /** Rises by one with each job of the slot; see {@link after}. */
  readonly number: number;
  readonly inboxId: string;
  readonly attempt: number;
  /** Where its message ends, in the piece of memory that holds all of them, end to end. */
  readonly end: number;
}

export type ToThread =
  | { readonly kind: 'jobs'; readonly messages: Uint8Array; readonly heads: readonly JobHead[] }
  | { readonly kind: 'interrupt'; readonly slot: number; readonly number: number; readonly reason: string }
  | { readonly kind: 'quiet'; readonly slot: number };

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** A job that has ended. */
export interface Done {
  readonly slot: number;
  readonly number: number;
  readonly outcome: Outcome;
  /** ms */
  readonly busy: number;
}

export type FromThread =
  | { readonly kind: 'ready' }
  | { readonly kind: 'broken'; readonly error: string }
  | { readonly kind: 'done'; readonly done: readonly Done[] }
  | { readonly kind: 'log'; readonly level: LogLevel; readonly fields: object; readonly text: string };

/** A job of a slot. */
export interface NumberedJob extends Job {
  readonly slot: number;
  readonly number: number;
}

/** Jobs as one message, and the memory to hand over with it: a Buffer of ioredis would be cloned with all its neighbours. */
export function pack(jobs: readonly NumberedJob[]): { message: ToThread; transfer: ArrayBuffer[] } {
  const messages = new Uint8Array(jobs.reduce((sum, { message }) => sum + message.length, 0));
  let end = 0;
  const heads = jobs.map(({ slot, number, inboxId, attempt, message }) => {
    messages.set(message, end);
    end += message.length;
    return { slot, number, inboxId, attempt, end };
  });
  return { message: { kind: 'jobs', messages, heads }, transfer: [messages.buffer] };
}

/** The jobs of a message made by {@link pack}. */
export function unpack(messages: Uint8Array, heads: readonly JobHead[]): NumberedJob[] {
  let start = 0;
  return heads.map(({ slot, number, inboxId, attempt, end }) => {
    const message = Buffer.from(messages.buffer, messages.byteOffset + start, end - start);
    start = end;
    return { slot, number, inboxId, attempt, message };
  });
}

/** The number after a job's: 32 bits, and then from the lowest again. */
export function after(number: number): number {
  return (number + 1) | 0;
}

const NONE = -1;

/**
 * How far a thread is, in memory that both sides see: a thread that is kept busy by the processor, or has
 * ended, can say nothing any more.
 */
export class Progress {
  /** The job begun last of each slot, then the slot whose processor has the thread at this moment. */
  readonly #cells: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#cells = new Int32Array(memory);
  }

  static memory(slots: number): SharedArrayBuffer {
    const memory = new SharedArrayBuffer(4 * (slots + 1));
    new Int32Array(memory)[slots] = NONE;
    return memory;
  }

  /** The job is begun, and has the thread until {@link leaves}. */
  enters(slot: number, number: number): void {
    Atomics.store(this.#cells, slot, number);
    Atomics.store(this.#cells, this.#cells.length - 1, slot);
  }

  leaves(): void {
    Atomics.store(this.#cells, this.#cells.length - 1, NONE);
  }

  isBegun(slot: number, number: number): boolean {
    return ((Atomics.load(this.#cells, slot) - number) | 0) >= 0;
  }

  /** Whether this job has the thread. */
  isIn(slot: number, number: number): boolean {
    return this.#current === slot && Atomics.load(this.#cells, slot) === number;
  }

  /** Whether any job has the thread. */
  get busy(): boolean {
    return this.#current !== NONE;
  }

  get #current(): number {
    return Atomics.load(this.#cells, this.#cells.length - 1);
  }
}
