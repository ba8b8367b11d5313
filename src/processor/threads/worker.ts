import { performance } from 'node:perf_hooks';
import { parentPort, workerData } from 'node:worker_threads';
import { messageOf } from '../../errors.js';
import type { Logger } from '../../logger.js';
import { loadProcessor } from '../load.js';
import { Slot } from './slot.js';
import {
  type Done,
  type FromThread,
  type LogLevel,
  Progress,
  type ThreadData,
  type ToThread,
  unpack,
} from './wire.js';

// What runs in each of the threads that process messages. Its other side is thread.ts.

/** Outcomes are told at the latest after so many ms of work, though more is to be done. */
const TELL_EVERY = 5;

const data = workerData as ThreadData;
const port = parentPort;
if (!port) throw new TypeError('this module runs in a thread of its own');

let done: Done[] = [];
let toldAt = 0;
let telling = false;

function ended(one: Done): void {
  done.push(one);
  if (performance.now() - toldAt > TELL_EVERY) tellDone();
  else if (!telling) {
    telling = true;
    setImmediate(tellDone);
  }
}

function tellDone(): void {
  telling = false;
  toldAt = performance.now();
  if (done.length === 0) return;
  tell({ kind: 'done', done });
  done = [];
}

function tell(message: FromThread): void {
  port?.postMessage(message);
}

function logger(common: Record<string, unknown>): Logger {
  const line = (level: LogLevel) => (fields: object, text: string) => {
    try {
      tell({ kind: 'log', level, fields: { ...common, ...fields }, text });
    } catch {
      // Among the fields is one that cannot leave the thread, a function perhaps.
      tell({ kind: 'log', level, fields: common, text });
    }
  };
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    child: (fields) => logger({ ...common, ...fields }),
  };
}

/** What the processor leaves behind, a timer that throws for instance, must not end the thread. */
function survive(): void {
  const log = logger({});
  const stray = (what: string) => (error: unknown) =>
    log.error({ error }, `${what} in the processor, outside of any attempt: ${messageOf(error)}`);
  process.on('uncaughtException', stray('an exception that nobody caught'));
  process.on('unhandledRejection', stray('a rejection that nobody handled'));
}

async function main(): Promise<void> {
  const { path, timeout, concurrency, consumers } = data;
  const progress = new Progress(data.progress);
  let slots: Slot[];
  try {
    const processor = await loadProcessor(path);
    slots = consumers.map((consumerId, slot) => {
      const bench = { consumerId, processor, timeout, log: logger({}) };
      const onEnd = ({ number }: { number: number }, outcome: Done['outcome'], busy: number) =>
        ended({ slot, number, outcome, busy });
      return new Slot({ bench, concurrency, progress, onEnd });
    });
  } catch (error) {
    tell({ kind: 'broken', error: messageOf(error) });
    return;
  }
  survive();
  port?.on('message', (message: ToThread) => {
    if (message.kind === 'interrupt') slots[message.slot]?.interrupt(message.number, message.reason);
    else if (message.kind === 'quiet') slots[message.slot]?.quiet();
    else {
      const jobs = unpack(message.messages, message.heads);
      for (const [slot, lane] of slots.entries()) {
        const own = jobs.filter((job) => job.slot === slot);
        if (own.length > 0) lane.add(own);
      }
    }
  });
  tell({ kind: 'ready' });
}

await main();
