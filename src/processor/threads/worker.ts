import { performance } from 'node:perf_hooks';
import { workerData } from 'node:worker_threads';
import { messageOf } from '../../core/errors.js';
import { surviveStrayErrors } from '../../log/stray-errors.js';
import { loadProcessor } from '../load.js';
import { type Done, type FromThread, type ThreadData, type ToThread, unpack } from './messages.js';
import { SharedProgress } from './progress.js';
import { Slot } from './slot.js';
import { threadLogger } from './thread-log.js';

// What runs in each of the threads that process messages. Its other side is spawned.ts.

/** Where nothing was told for so many ms, an outcome is told at once; otherwise with all others of this turn of the event loop. */
const TELL_EVERY = 5;
/** ms between two beats of the pulse. */
const BEAT_EVERY = 100;

const { path, timeout, concurrency, consumers, memory, port } = workerData as ThreadData;
const log = threadLogger(tell);
const progress = new SharedProgress(memory);

let done: Done[] = [];
let toldAt = 0;
let telling = false;

/** Outcomes that come together travel together: a message for each would cost more than most processors do. */
function ended(one: Done): void {
  done.push(one);
  if (performance.now() - toldAt > TELL_EVERY) tellDone();
  else if (!telling) {
    telling = true;
    setImmediate(() => {
      telling = false;
      tellDone();
    });
  }
}

function tellDone(): void {
  toldAt = performance.now();
  if (done.length === 0) return;
  tell({ kind: 'done', done });
  done = [];
}

function tell(message: FromThread): void {
  port.postMessage(message);
}

async function makeSlots(): Promise<Slot[] | undefined> {
  try {
    const processor = await loadProcessor(path);
    return consumers.map((consumerId, slot) => {
      const bench = { consumerId, processor, timeout, log };
      const onEnd = ({ number }: { number: number }, outcome: Done['outcome'], busy: number) =>
        ended({ slot, number, outcome, busy });
      return new Slot({ bench, concurrency, progress, onEnd });
    });
  } catch (error) {
    const { cause } = error as Error;
    const broken = { kind: 'broken', error: messageOf(error), cause: undefined } as const;
    try {
      tell({ ...broken, cause: cause instanceof Error ? cause : undefined });
    } catch {
      tell(broken); // something in the cause cannot leave the thread
    }
    return undefined;
  }
}

function take(slots: readonly Slot[], message: ToThread): void {
  switch (message.kind) {
    case 'jobs':
      for (const job of unpack(message)) slots[job.slot]?.add(job);
      for (const slot of slots) slot.pump();
      return;
    case 'interrupt':
      slots[message.slot]?.interrupt(message.number, message.reason);
      return;
    case 'end':
      // Not now: the processor may still be told, by messages before this one, to come to an end.
      setImmediate(() => process.exit(0));
  }
}

const slots = await makeSlots();
if (slots) {
  // What the processor leaves behind, a timer that throws for instance, must not end the thread.
  const strays = surviveStrayErrors(log);
  // A processor may end the thread: what was done before is not to be done again.
  process.on('exit', () => {
    strays.flush();
    tellDone();
  });
  setInterval(() => progress.beat(), BEAT_EVERY).unref();
  port.on('message', (message: ToThread) => take(slots, message));
  tell({ kind: 'ready' });
}
