import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { INTERRUPTED, type Outcome } from '../../../../src/core/executor.js';
import { type Logger, silentLogger } from '../../../../src/log/logger.js';
import type { Processor } from '../../../../src/processor/processor.js';
import { LogGate } from '../../../../src/processor/threads/log-gate.js';
import {
  type FromThread,
  type LogMessage,
  type NumberedDelivery,
  numberAfter,
  pack,
  unpack,
} from '../../../../src/processor/threads/messages.js';
import { PendingDeliveries } from '../../../../src/processor/threads/pending.js';
import { SharedProgress } from '../../../../src/processor/threads/progress.js';
import { SequenceMap } from '../../../../src/processor/threads/sequence-map.js';
import { Slot } from '../../../../src/processor/threads/slot.js';
import { StallDetector } from '../../../../src/processor/threads/stall-detector.js';
import { threadLogger } from '../../../../src/processor/threads/thread-log.js';

const LOWEST = -(2 ** 31);
const HIGHEST = 2 ** 31 - 1;

function delivery(number: number, text = `{"message_id":"${number}"}`, slot = 0): NumberedDelivery {
  return { slot, number, inboxId: `${number}-0`, attempt: 1, message: text };
}

describe('deliveries that are posted to a thread', () => {
  it('arrive as they were sent, without the rest of the reply that their bytes came in', () => {
    const reply = Buffer.from([0x7b, 0xff, 0x00, 0x7d]);
    const sent = [
      { ...delivery(1, 'é\n') },
      { ...delivery(2, ''), attempt: 3 },
      { ...delivery(HIGHEST), slot: 4, message: reply.subarray(1, 3) },
    ];
    const arrived = unpack(structuredClone(pack(sent)));
    expect(arrived).toEqual(sent);
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
    expect(numberAfter(number)).toBe(next);
  });
});

describe('the progress of a thread', () => {
  /** Both ends of one piece of memory. */
  function ends(...last: number[]) {
    const ours = new SharedProgress();
    const theirs = new SharedProgress(ours.memory);
    for (const [slot, number] of last.entries()) theirs.openSlot(slot, ours.makeSlot(slot, number));
    return { ours, theirs };
  }

  it('shows nothing at first', () => {
    const { ours } = ends(0, 41);
    expect([ours.isBegun(0, 1), ours.isBegun(1, 42), ours.holder]).toEqual([false, false, undefined]);
  });

  it('shows which attempt holds the thread, and which ended', () => {
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

  it('goes on when the numbers wrap around', () => {
    const { ours, theirs } = ends(HIGHEST - 1);
    theirs.enter(0, HIGHEST);
    expect([ours.isBegun(0, HIGHEST), ours.isBegun(0, LOWEST)]).toEqual([true, false]);
    theirs.enter(0, LOWEST);
    theirs.end(0, LOWEST);
    expect([ours.isBegun(0, LOWEST), ours.isInWork(0, LOWEST)]).toEqual([true, false]);
    expect([ours.isInWork(0, HIGHEST), ours.isBegun(0, LOWEST + 1)]).toEqual([true, false]);
  });

  it('lets no recalled delivery begin, while later ones and other slots go on', () => {
    const { ours, theirs } = ends(HIGHEST - 1, 0);
    ours.recall(0, LOWEST);
    expect([HIGHEST, LOWEST, LOWEST + 1].map((number) => theirs.enter(0, number))).toEqual([
      false,
      false,
      true,
    ]);
    expect(theirs.enter(1, 1)).toBe(true);
    expect(ours.holder).toEqual({ slot: 1, number: 1 });
  });

  it('lets deliveries begin after more numbers than there are, though none was recalled meanwhile', () => {
    const { ours, theirs } = ends(0);
    const begun: boolean[] = [];
    for (let number = 2 ** 20, i = 0; i < 5_000; i++, number = (number + 2 ** 20) | 0)
      begun.push(theirs.enter(0, number));
    expect(begun).toEqual(Array(5_000).fill(true));
    ours.recall(0, 2 ** 25);
    expect([theirs.enter(0, 2 ** 25), theirs.enter(0, 2 ** 25 + 1)]).toEqual([false, true]);
  });

  it('knows no slot that was removed, and blames no other one if its processor holds the thread', () => {
    const { ours, theirs } = ends(0, 0);
    theirs.enter(1, 1);
    ours.removeSlot(1);
    theirs.removeSlot(1);
    theirs.end(1, 1);
    expect([ours.holder?.slot, ours.isBegun(1, 1), theirs.enter(1, 2)]).toEqual([1, false, false]);
  });

  it('has a pulse', () => {
    const { ours, theirs } = ends(0);
    const { pulse } = ours;
    theirs.beat();
    expect(ours.pulse).not.toBe(pulse);
  });
});

describe('the stall detector', () => {
  it('measures for how long the pulse stands still', () => {
    const detector = new StallDetector();
    expect([detector.silence(1, 5_000), detector.silence(1, 5_100), detector.silence(1, 5_250)]).toEqual([
      0, 100, 250,
    ]);
    expect([detector.silence(2, 5_300), detector.silence(2, 5_400)]).toEqual([0, 100]);
  });

  it('counts at most 200 ms between two calls', () => {
    const detector = new StallDetector();
    expect([detector.silence(1, 0), detector.silence(1, 60_000)]).toEqual([0, 200]);
  });
});

describe('the sequence map', () => {
  it('finds values under their numbers until they are deleted, in any order, and iterates in order', () => {
    const map = new SequenceMap<string>();
    for (const [number, text] of [
      [HIGHEST - 1, 'a'],
      [HIGHEST, 'b'],
      [LOWEST, 'c'],
    ] as const)
      map.append(number, text);
    map.delete(HIGHEST);
    expect([map.get(HIGHEST - 1), map.get(HIGHEST), map.get(LOWEST)]).toEqual(['a', undefined, 'c']);
    expect([...map]).toEqual(['a', 'c']);
    expect([map.get(LOWEST + 1), map.get(HIGHEST - 2)]).toEqual([undefined, undefined]);
    map.clear();
    map.append(7, 'd');
    expect([map.get(7), map.get(LOWEST), ...map]).toEqual(['d', undefined, 'd']);
  });

  it('holds 100,000 values that are deleted at any time', () => {
    const map = new SequenceMap<number>();
    const here = new Set<number>();
    let seed = 1;
    for (let number = 1; number <= 100_000; number++) {
      map.append(number, number);
      here.add(number);
      seed = (seed * 48_271) % 2_147_483_647;
      for (const gone of [number, number - (seed % 3_000), number - 5_000])
        if (seed % 3 > 0 && here.delete(gone)) map.delete(gone);
    }
    expect([...map]).toEqual([...here]);
    for (let number = 90_000; number <= 100_000; number++)
      expect(map.get(number)).toBe(here.has(number) ? number : undefined);
  });
});

describe('the pending deliveries of a thread', () => {
  const { inboxId, message, attempt } = delivery(1);
  function some(count: number, slots = 1) {
    const interrupted: [unknown, string][] = [];
    const pending = new PendingDeliveries((...args) => interrupted.push(args));
    for (let slot = 0; slot < slots; slot++) pending.addSlot(slot);
    const outcomes: [number, string][] = [];
    const all = Array.from({ length: count }, (_, i) =>
      pending.accept(i % slots, { inboxId, message, attempt }, (_delivery, { kind }) =>
        outcomes.push([i, kind]),
      ),
    );
    return { pending, all, outcomes, interrupted };
  }

  /** The progress of a new worker for slot 0. */
  function progressOf(pending: PendingDeliveries): SharedProgress {
    const progress = new SharedProgress();
    progress.makeSlot(0, pending.lastOf(0));
    return progress;
  }

  it('are numbered in each slot when they are posted', () => {
    const { pending, all } = some(4, 2);
    expect(all.map((one) => pending.assignNumber(one)).map(({ slot, number }) => [slot, number])).toEqual([
      [0, 1],
      [1, 1],
      [0, 2],
      [1, 2],
    ]);
    expect([pending.lastOf(0), pending.lastOf(1), pending.waiting()]).toEqual([2, 2, []]);
  });

  it('end once, posted or not', () => {
    const { pending, all, outcomes } = some(2);
    pending.assignNumber(all[0] as (typeof all)[0]);
    for (const one of [...all, ...all]) pending.end(one, INTERRUPTED, 0);
    expect(outcomes).toEqual([
      [0, 'interrupted'],
      [1, 'interrupted'],
    ]);
    expect(pending.all()).toEqual([]);
  });

  it('pass an interrupt on to their thread', () => {
    const { all, interrupted } = some(2);
    all[1]?.interrupt('taken over');
    expect(interrupted).toEqual([[all[1], 'taken over']]);
  });

  it('wait again when their worker is gone, the oldest first, and get new numbers', () => {
    const { pending, all, outcomes } = some(3);
    for (const one of all.slice(0, 2)) pending.assignNumber(one);
    pending.recall();
    expect(pending.waiting()).toEqual(all);
    expect(pending.findPosted(0, 1)).toBeUndefined();
    const progress = progressOf(pending);
    const { number } = pending.assignNumber(all[0] as (typeof all)[0]);
    expect([number, progress.isBegun(0, number)]).toEqual([3, false]);
    pending.end(all[0] as (typeof all)[0], INTERRUPTED, 0);
    expect(outcomes).toHaveLength(1);
  });

  it('are suspects if they are in work; only one is, if it holds the thread', () => {
    const { pending, all } = some(4);
    const progress = progressOf(pending);
    for (const one of all) pending.assignNumber(one);
    for (const number of [1, 2, 3]) progress.enter(0, number);
    progress.end(0, 2);
    expect(pending.suspects(progress)).toEqual([all[2]]);
    progress.leave();
    expect(pending.suspects(progress)).toEqual([all[0], all[2]]);
  });

  it('are not to blame for what an ended attempt left behind', () => {
    const { pending, all } = some(1);
    const progress = progressOf(pending);
    for (const one of all) pending.assignNumber(one);
    progress.enter(0, 1);
    for (const one of all) pending.end(one, INTERRUPTED, 0);
    expect(pending.suspects(progress)).toEqual([]);
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
    const progress = new SharedProgress();
    progress.makeSlot(0, 0);
    const ends: [number, Outcome['kind']][] = [];
    const attemptOptions = { consumerId: 'c', processor, timeout: 1_000, log: silentLogger };
    const onEnd = ({ number }: NumberedDelivery, { kind }: Outcome) => ends.push([number, kind]);
    const it = new Slot({ attemptOptions, concurrency, progress, onEnd });
    const enqueue = (...deliveries: NumberedDelivery[]) => {
      for (const one of deliveries) it.enqueue(one);
      it.beginAttempts();
    };
    return { it, enqueue, progress, ends };
  }

  it('makes its attempts in the order of the deliveries', () => {
    const { enqueue, ends } = slot((message) => message);
    enqueue(delivery(1), delivery(2, 'no JSON'), delivery(3));
    expect(ends).toEqual([
      [1, 'processed'],
      [2, 'invalid'],
      [3, 'processed'],
    ]);
  });

  it('has as many attempts in work as its concurrency says', async () => {
    const begun: unknown[] = [];
    const { enqueue, ends } = slot(({ message_id }) => {
      begun.push(message_id);
      return new Promise((resolve) => setTimeout(resolve, 100, 1));
    }, 2);
    enqueue(delivery(1), delivery(2), delivery(3));
    expect(begun).toEqual(['1', '2']);
    await vi.advanceTimersByTimeAsync(100);
    expect(begun).toEqual(['1', '2', '3']);
    await vi.advanceTimersByTimeAsync(100);
    expect(ends.map(([number]) => number)).toEqual([1, 2, 3]);
  });

  it('shows the attempt that holds the thread, and those that ended', () => {
    const seen: unknown[] = [];
    const { enqueue, progress } = slot(() => seen.push(progress.holder));
    enqueue(delivery(1));
    expect(seen).toEqual([{ slot: 0, number: 1 }]);
    expect([progress.holder, progress.isBegun(0, 1), progress.isInWork(0, 1)]).toEqual([
      undefined,
      true,
      false,
    ]);
  });

  it('interrupts what runs, and drops what waits', async () => {
    let reason: unknown;
    const {
      it: one,
      enqueue,
      ends,
    } = slot((_, { signal }) => {
      signal.addEventListener('abort', () => {
        reason = signal.reason;
      });
      return new Promise(() => {});
    });
    enqueue(delivery(1), delivery(2));
    one.interrupt(2, 'taken over');
    one.interrupt(1, 'taken over');
    expect(ends).toEqual([[1, 'interrupted']]);
    expect(reason).toMatchObject({ name: 'AbortError', message: 'taken over' });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(ends).toHaveLength(1);
  });

  it('begins nothing that was recalled, and ends it as interrupted', () => {
    const calls: unknown[] = [];
    const { enqueue, progress, ends } = slot(() => calls.push(1));
    progress.recall(0, 2);
    enqueue(delivery(1), delivery(2));
    expect([calls, ends]).toEqual([[], [1, 2].map((number) => [number, 'interrupted'])]);
  });

  it('leaves the thread to others after each turn', async () => {
    vi.useRealTimers();
    const busy: Processor = () => {
      const end = performance.now() + 4;
      while (performance.now() < end);
      return 1;
    };
    const real = slot(busy);
    real.enqueue(...[1, 2, 3, 4, 5, 6, 7, 8].map((number) => delivery(number)));
    expect(real.ends.length).toBeGreaterThan(0);
    expect(real.ends.length).toBeLessThan(8);
    await vi.waitFor(() => expect(real.ends).toHaveLength(8));
  });
});

describe('the log of a thread', () => {
  const all: Logger = { ...silentLogger, isLevelEnabled: () => true };
  function lines(
    say: (log: Logger) => void,
    gate = new LogGate(),
    log = all,
  ): Omit<LogMessage, 'kind' | 'bytes'>[] {
    const posted: FromThread[] = [];
    gate.setLevels(log);
    say(threadLogger((message) => posted.push(structuredClone(message)), gate, { a: 1 }).child({ b: 2 }));
    return posted.map((message) => {
      if (message.kind !== 'log') throw new Error(message.kind);
      const { level, fields, text } = message;
      return { level, fields, text };
    });
  }

  it('sends only lines of levels that are written', () => {
    const log: Logger = { ...silentLogger, isLevelEnabled: (level) => level === 'error' || level === 'info' };
    const say = (own: Logger) => {
      for (const level of ['debug', 'info', 'warn', 'error'] as const) own[level]({}, level);
    };
    expect(lines(say, new LogGate(), log).map(({ text }) => text)).toEqual(['info', 'error']);
    const { isLevelEnabled: _, ...plain } = silentLogger;
    expect(lines(say, new LogGate(), plain)).toHaveLength(4);
  });

  it.each([
    ['short lines', {}, 1_000],
    ['long lines', { pad: Array(9).fill('x'.repeat(10_000)) }, 6],
  ])('drops and counts %s that the process has not read yet, beyond a limit', (_name, fields, most) => {
    const gate = new LogGate();
    const say = (log: Logger) => {
      for (let i = 0; i < 3_000; i++) log.info(fields, 'again');
    };
    const sent = lines(say, gate).length;
    expect(sent).toBe(most);
    expect(gate.takeDropped()).toBe(3_000 - sent);
    expect(gate.takeDropped()).toBe(0);
    gate.leave(sent, 2 ** 20);
    expect(lines((log) => log.info({}, 'again'), gate)).toHaveLength(1);
  });

  it('posts level, fields and text', () => {
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

  it('leaves out fields that cannot be posted', () => {
    expect(lines((log) => log.info({ c: 3, f: () => {} }, 'text'))).toEqual([
      { level: 'info', fields: { a: 1, b: 2, c: 3 }, text: 'text' },
    ]);
    const circle: { itself?: unknown; f?: unknown } = { f: () => {} };
    circle.itself = circle;
    const [line] = lines((log) => log.info(circle, 'text'));
    expect(line?.fields).toMatchObject({ a: 1, b: 2, itself: { itself: {} } });
    expect(JSON.stringify(line)).toContain('…');
  });
});
