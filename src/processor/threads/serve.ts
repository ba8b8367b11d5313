import { performance } from 'node:perf_hooks';
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../../core/errors.js';
import type { Outcome } from '../../core/executor.js';
import { boundWrites } from '../../log/bounded-writes.js';
import { surviveStrayErrors } from '../../log/stray-errors.js';
import { loadProcessor } from '../load.js';
import type { Processor } from '../processor.js';
import { LogGate } from './log-gate.js';
import {
  type AttemptEnd,
  type FromThread,
  type NumberedDelivery,
  type ThreadData,
  type ToThread,
  unpack,
} from './messages.js';
import { SharedProgress } from './progress.js';
import { Slot } from './slot.js';
import { threadLogger } from './thread-log.js';
import { registerTsx } from './tsx.js';

// Runs in each of the threads that process messages, called by worker.ts. Its other side is worker-handle.ts.

/** If the last post is longer ago, ms, an end is posted at once; otherwise together with all others of this turn of the event loop. */
const POST_EVERY = 5;
/** ms between two beats of the pulse. */
const BEAT_EVERY = 100;

const { path, timeout, concurrency, memory, logMemory, port } = workerData as ThreadData;
const gate = new LogGate(logMemory);
const log = threadLogger(post, gate);
const progress = new SharedProgress(memory);
const slots = new Map<number, Slot>();

let ends: AttemptEnd[] = [];
let postedAt = 0;
let posting = false;

/** Ends of the same turn are posted together: a message for each would cost more than most processors do. */
function onEnd({ slot, number }: NumberedDelivery, outcome: Outcome, busy: number): void {
  ends.push({ slot, number, outcome, busy });
  if (performance.now() - postedAt > POST_EVERY) postEnds();
  else if (!posting) {
    posting = true;
    setImmediate(() => {
      posting = false;
      postEnds();
    });
  }
}

function postEnds(): void {
  postedAt = performance.now();
  if (ends.length === 0) return;
  post({ kind: 'ended', ends });
  ends = [];
}

function post(message: FromThread): void {
  port.postMessage(message);
}

/** Undefined if it cannot be loaded: then the process knows. */
async function load(): Promise<Processor | undefined> {
  try {
    await registerTsx(path);
    return await loadProcessor(path);
  } catch (error) {
    const { cause } = error as Error;
    const broken = { kind: 'broken', error: messageOf(error), cause: undefined } as const;
    try {
      post({ ...broken, cause: cause instanceof Error ? cause : undefined });
    } catch {
      post(broken); // something in the cause cannot be posted
    }
    return undefined;
  }
}

function receive(processor: Processor, message: ToThread): void {
  switch (message.kind) {
    case 'add': {
      const { slot, consumerId, memory } = message;
      progress.openSlot(slot, memory);
      const attemptOptions = { consumerId, processor, timeout, log };
      slots.set(slot, new Slot({ attemptOptions, concurrency, progress, onEnd }));
      return;
    }
    case 'remove':
      slots.delete(message.slot);
      progress.removeSlot(message.slot);
      return;
    case 'deliveries':
      for (const delivery of unpack(message.deliveries)) slots.get(delivery.slot)?.enqueue(delivery);
      for (const slot of slots.values()) slot.beginAttempts();
      return;
    case 'interrupt':
      slots.get(message.slot)?.interrupt(message.number, message.reason);
      return;
    case 'end':
      // Not now: interrupts that came before this message may still have to reach the processor.
      setImmediate(() => process.exit(0));
  }
}

// What the processor writes goes through the process: a loop that writes must not fill its memory.
for (const stream of [process.stdout, process.stderr]) boundWrites(stream, { onDropped: () => gate.drop() });
// The process does not listen there. What was posted would pile up.
parentPort?.close();

/** Loads the processor, then serves what the process posts. */
export async function serve(): Promise<void> {
  const processor = await load();
  if (!processor) return;
  // What the processor leaves behind, a timer that throws for instance, must not end the thread.
  const strays = surviveStrayErrors(log);
  // A processor may end the thread: attempts that ended before must not be made again.
  process.on('exit', () => {
    strays.flush();
    postEnds();
  });
  setInterval(() => progress.beat(), BEAT_EVERY).unref();
  port.on('message', (message: ToThread) => receive(processor, message));
  post({ kind: 'ready' });
}
