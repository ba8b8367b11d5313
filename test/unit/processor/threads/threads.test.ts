import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Logger, silentLogger } from '../../../../src/log/logger.js';
import type { Outcome } from '../../../../src/processor/executor.js';
import type { Processor } from '../../../../src/processor/processor.js';
import {
  after,
  type FromThread,
  type NumberedJob,
  pack,
  unpack,
} from '../../../../src/processor/threads/messages.js';
import { PendingJobs } from '../../../../src/processor/threads/pending.js';
import { SharedProgress } from '../../../../src/processor/threads/progress.js';
import { SequenceMap } from '../../../../src/processor/threads/sequence-map.js';
import { Slot } from '../../../../src/processor/threads/slot.js';
import { StallDetector } from '../../../../src/processor/threads/stall-detector.js';
import { threadLogger } from '../../../../src/processor/threads/thread-log.js';

const LOWEST = -(2 ** 31);
const HIGHEST = 2 ** 31 - 1;

function job(number: number, text = `{"message_id":"${number}"}`, slot = 0): NumberedJob {
  return { slot, number, inboxId: `${number}-0`, attempt: 1, message: text };
}

describe('jobs on their way', () => {
  it('arrive as they were sent, and of a reply that brought one nothing else travels with it', () => {
    const reply = Buffer.from([0x7b, 0xff, 0x00, 0x7d]);
    const jobs = [
      { ...job(1, 'é\n') },
      { ...job(2, ''), attempt: 3 },
      { ...job(HIGHEST), slot: 4, message: reply.subarray(1, 3) },
    ];
    const arrived = unpack(structuredClone(pack(jobs)));
    expect(arrived).toEqual(jobs);
    const bytes = arrived[2]?.message as Buffer;
    expect([Buffer.isBuffer(bytes), bytes.buffer.byteLength]).toEqual([true, 2]);
  });

  it('may be none', () => {
    expect(unpack(pack([]))).toEqual([]);
  });

  it.each([
    [0, 1],
    [-1, 0],
    [HIGHEST, LOWEST],
  ])('the number after %i is %i', (number, next) => {
    expect(after(number)).toBe(next);
  });
});

describe('the progress of a thread', () => {
  /** Both ends of one piece of memory. */
  function ends(...last: number[]) {
    const ours = SharedProgress.from(last);
    return { ours, theirs: new SharedProgress(ours.memory) };
  }

  it('is nothing at first', () => {
    const { ours } = ends(0, 41);
    expect([ours.isBegun(0, 1), ours.isBegun(1, 42), ours.holder]).toEqual([false, false, undefined]);
  });

  it('shows which job has the thread, and which ended', () => {
    const { ours, theirs } = ends(0, 0);
    expect(theirs.enter(1, 1)).toBe(true);
    expect(ours.holder).toEqual({ slot: 1, number: 1 });
    expect([ours.isInWork(1, 1), ours.isInWork(1, 2), ours.isInWork(0, 1)]).toEqual([true, false, false]);
    theirs.leave();
    expect(ours.holder).toBeUndefined();
    expect(ours.isInWork(1, 1)).toBe(true); // it awaits something
    theirs.end(1, 1);
    expect([ours.isInWork(1, 1), ours.isBegun(1, 1)]).toEqual([false, true]);
  });

  it('goes on where the numbers begin again', () => {
    const { ours, theirs } = ends(HIGHEST - 1);
    theirs.enter(0, HIGHEST);
    expect([ours.isBegun(0, HIGHEST), ours.isBegun(0, LOWEST)]).toEqual([true, false]);
    theirs.enter(0, LOWEST);
    theirs.end(0, LOWEST);
    expect([ours.isBegun(0, LOWEST), ours.isInWork(0, LOWEST)]).toEqual([true, false]);
    expect([ours.isInWork(0, HIGHEST), ours.isBegun(0, LOWEST + 1)]).toEqual([true, false]);
  });

  it('lets a quiet slot begin nothing, and the others go on', () => {
    const { ours, theirs } = ends(0, 0);
    ours.quiet(0);
    expect([theirs.enter(0, 1), theirs.enter(1, 1)]).toEqual([false, true]);
    expect(ours.holder).toEqual({ slot: 1, number: 1 });
  });

  it('has a pulse', () => {
    const { ours, theirs } = ends(0);
    const { pulse } = ours;
    theirs.beat();
    expect(ours.pulse).not.toBe(pulse);
  });
});

describe('the silence of a thread', () => {
  it('lasts as long as the pulse stands still', () => {
    const silence = new StallDetector();
    expect([silence.look(1, 5_000), silence.look(1, 5_100), silence.look(1, 5_250)]).toEqual([0, 100, 250]);
    expect([silence.look(2, 5_300), silence.look(2, 5_400)]).toEqual([0, 100]);
  });

  it('does not count time in which nobody looked', () => {
    const silence = new StallDetector();
    expect([silence.look(1, 0), silence.look(1, 60_000)]).toEqual([0, 200]);
  });
});

describe('what is numbered', () => {
  it('is found under its number until it goes, whatever goes before it, and in its order', () => {
    const numbered = new SequenceMap<string>();
    for (const [number, text] of [
      [HIGHEST - 1, 'a'],
      [HIGHEST, 'b'],
      [LOWEST, 'c'],
    ] as const)
      numbered.add(number, text);
    numbered.delete(HIGHEST);
    expect([numbered.get(HIGHEST - 1), numbered.get(HIGHEST), numbered.get(LOWEST)]).toEqual([
      'a',
      undefined,
      'c',
    ]);
    expect([...numbered]).toEqual(['a', 'c']);
    expect([numbered.get(LOWEST + 1), numbered.get(HIGHEST - 2)]).toEqual([undefined, undefined]);
    numbered.clear();
    numbered.add(7, 'd');
    expect([numbered.get(7), numbered.get(LOWEST), ...numbered]).toEqual(['d', undefined, 'd']);
  });

  it('may be a hundred thousand, of which any go at any time', () => {
    const numbered = new SequenceMap<number>();
    const here = new Set<number>();
    let seed = 1;
    for (let number = 1; number <= 100_000; number++) {
      numbered.add(number, number);
      here.add(number);
      seed = (seed * 48_271) % 2_147_483_647;
      for (const gone of [number, number - (seed % 3_000), number - 5_000])
        if (seed % 3 > 0 && here.delete(gone)) numbered.delete(gone);
    }
    expect([...numbered]).toEqual([...here]);
    for (let number = 90_000; number <= 100_000; number++)
      expect(numbered.get(number)).toBe(here.has(number) ? number : undefined);
  });
});

describe('the jobs of a thread', () => {
  const { inboxId, message, attempt } = job(1);
  function some(count: number, slots = 1) {
    const jobs = new PendingJobs(slots);
    const outcomes: [number, string][] = [];
    const all = Array.from({ length: count }, (_, i) =>
      jobs.add(i % slots, { inboxId, message, attempt }, (_job, { kind }) => outcomes.push([i, kind])),
    );
    return { jobs, all, outcomes };
  }

  it('are numbered in each slot when they are posted', () => {
    const { jobs, all } = some(4, 2);
    expect(all.map((pending) => jobs.post(pending)).map(({ slot, number }) => [slot, number])).toEqual([
      [0, 1],
      [1, 1],
      [0, 2],
      [1, 2],
    ]);
    expect([jobs.last, jobs.waiting()]).toEqual([[2, 2], []]);
  });

  it('end once, posted or not', () => {
    const { jobs, all, outcomes } = some(2);
    jobs.post(all[0] as (typeof all)[0]);
    for (const pending of [...all, ...all]) jobs.end(pending, { kind: 'interrupted' }, 0);
    expect(outcomes).toEqual([
      [0, 'interrupted'],
      [1, 'interrupted'],
    ]);
    expect(jobs.all()).toEqual([]);
  });

  it('wait again when their thread is gone, the oldest first, and get new numbers', () => {
    const { jobs, all, outcomes } = some(3);
    for (const pending of all.slice(0, 2)) jobs.post(pending);
    jobs.recall();
    expect(jobs.waiting()).toEqual(all);
    expect(jobs.posted(0, 1)).toBeUndefined();
    const progress = SharedProgress.from(jobs.last);
    const { number } = jobs.post(all[0] as (typeof all)[0]);
    expect([number, progress.isBegun(0, number)]).toEqual([3, false]);
    jobs.end(all[0] as (typeof all)[0], { kind: 'interrupted' }, 0);
    expect(outcomes).toHaveLength(1);
  });

  it('are suspects if they are in work; one alone, if it has the thread', () => {
    const { jobs, all } = some(4);
    const progress = SharedProgress.from(jobs.last);
    for (const pending of all) jobs.post(pending);
    for (const number of [1, 2, 3]) progress.enter(0, number);
    progress.end(0, 2);
    expect(jobs.suspects(progress)).toEqual([all[2]]);
    progress.leave();
    expect(jobs.suspects(progress)).toEqual([all[0], all[2]]);
  });

  it('are not to blame for what a job left behind that has ended', () => {
    const { jobs, all } = some(1);
    const progress = SharedProgress.from(jobs.last);
    for (const pending of all) jobs.post(pending);
    progress.enter(0, 1);
    for (const pending of all) jobs.end(pending, { kind: 'interrupted' }, 0);
    expect(jobs.suspects(progress)).toEqual([]);
  });
});

describe('a slot', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  function slot(processor: Processor, concurrency = 1) {
    const progress = SharedProgress.from([0]);
    const ends: [number, Outcome['kind']][] = [];
    const bench = { consumerId: 'c', processor, timeout: 1_000, log: silentLogger };
    const onEnd = ({ number }: NumberedJob, { kind }: Outcome) => ends.push([number, kind]);
    const it = new Slot({ bench, concurrency, progress, onEnd });
    const add = (...jobs: NumberedJob[]) => {
      for (const one of jobs) it.add(one);
      it.pump();
    };
    return { it, add, progress, ends };
  }

  it('does its jobs in their order', () => {
    const { add, ends } = slot((message) => message);
    add(job(1), job(2, 'no JSON'), job(3));
    expect(ends).toEqual([
      [1, 'processed'],
      [2, 'invalid'],
      [3, 'processed'],
    ]);
  });

  it('has so many in work as its concurrency says', async () => {
    const begun: unknown[] = [];
    const { add, ends } = slot(({ message_id }) => {
      begun.push(message_id);
      return new Promise((resolve) => setTimeout(resolve, 100, 1));
    }, 2);
    add(job(1), job(2), job(3));
    expect(begun).toEqual(['1', '2']);
    await vi.advanceTimersByTimeAsync(100);
    expect(begun).toEqual(['1', '2', '3']);
    await vi.advanceTimersByTimeAsync(100);
    expect(ends.map(([number]) => number)).toEqual([1, 2, 3]);
  });

  it('shows the job that has the thread, and those that ended', () => {
    const seen: unknown[] = [];
    const { add, progress } = slot(() => seen.push(progress.holder));
    add(job(1));
    expect(seen).toEqual([{ slot: 0, number: 1 }]);
    expect([progress.holder, progress.isBegun(0, 1), progress.isInWork(0, 1)]).toEqual([
      undefined,
      true,
      false,
    ]);
  });

  it('is interrupted in what runs, and in what waits', async () => {
    let reason: unknown;
    const {
      it: one,
      add,
      ends,
    } = slot((_, { signal }) => {
      signal.addEventListener('abort', () => {
        reason = signal.reason;
      });
      return new Promise(() => {});
    });
    add(job(1), job(2));
    one.interrupt(2, 'taken over');
    one.interrupt(1, 'taken over');
    expect(ends).toEqual([[1, 'interrupted']]);
    expect(reason).toMatchObject({ name: 'AbortError', message: 'taken over' });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(ends).toHaveLength(1);
  });

  it('begins nothing once it is quiet, and says so', () => {
    const calls: unknown[] = [];
    const { add, progress, ends } = slot(() => calls.push(1));
    progress.quiet(0);
    add(job(1), job(2));
    expect([calls, ends]).toEqual([[], [1, 2].map((number) => [number, 'interrupted'])]);
  });

  it('leaves the thread to others from time to time', async () => {
    vi.useRealTimers();
    const busy: Processor = () => {
      const end = performance.now() + 4;
      while (performance.now() < end);
      return 1;
    };
    const real = slot(busy);
    real.add(...[1, 2, 3, 4, 5, 6, 7, 8].map((number) => job(number)));
    expect(real.ends.length).toBeGreaterThan(0);
    expect(real.ends.length).toBeLessThan(8);
    await vi.waitFor(() => expect(real.ends).toHaveLength(8));
  });
});

describe('the log of a thread', () => {
  function lines(say: (log: Logger) => void): Omit<Extract<FromThread, { kind: 'log' }>, 'kind'>[] {
    const told: FromThread[] = [];
    say(threadLogger((message) => told.push(structuredClone(message)), { a: 1 }).child({ b: 2 }));
    return told.map((message) => {
      if (message.kind !== 'log') throw new Error(message.kind);
      const { kind: _, ...line } = message;
      return line;
    });
  }

  it('tells level, fields and text', () => {
    expect(lines((log) => log.warn({ c: 3 }, 'text'))).toEqual([
      { level: 'warn', fields: { a: 1, b: 2, c: 3 }, text: 'text' },
    ]);
  });

  it('takes what pino takes', () => {
    const said = lines((log) => {
      const loose = log.info as (...args: unknown[]) => void;
      loose('bare');
      loose('%s of %d', 'one', 2);
      loose(new Error('no'));
      loose({ c: 3 });
    });
    expect(said.map(({ text }) => text)).toEqual(['bare', 'one of 2', 'no', '']);
    expect(said[2]?.fields).toMatchObject({ a: 1, b: 2, err: new Error('no') });
  });

  it('leaves out fields that cannot leave the thread', () => {
    expect(lines((log) => log.info({ c: 3, f: () => {} }, 'text'))).toEqual([
      { level: 'info', fields: { a: 1, b: 2, c: 3 }, text: 'text' },
    ]);
    const circle: { itself?: unknown; f?: unknown } = { f: () => {} };
    circle.itself = circle;
    expect(lines((log) => log.info(circle, 'text'))[0]?.fields).toEqual({ a: 1, b: 2 });
  });
});
