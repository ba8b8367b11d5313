import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Delivery, INTERRUPTED, type Outcome } from '../../../../src/core/executor.js';
import { DeliveryIds } from '../../../../src/processor/desk/delivery-ids.js';
import { Desk, type WorkerLine } from '../../../../src/processor/desk/desk.js';
import { Suspects } from '../../../../src/processor/desk/suspects.js';
import type { WorkerDelivery } from '../../../../src/protocol/from-group.js';
import { LARGEST_RESULT } from '../../../../src/protocol/limits.js';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const TIMEOUT = 60_000;

/** A desk with a worker that only keeps what it gets. */
class Story {
  readonly suspects: Suspects;
  readonly desk: Desk;
  /** What the worker has: inbox ids by delivery id. */
  readonly atWorker = new Map<string, string>();
  /** All delivery ids that were ever given out. */
  readonly ids: string[] = [];
  readonly given: WorkerDelivery[] = [];
  readonly cancels: [deliveryId: string, reason: string][] = [];
  readonly outcomes = new Map<string, Outcome[]>();
  readonly running: { inboxId: string; interrupt(reason: string): void }[] = [];
  attached = false;
  congested = false;
  count = 0;
  ended = 0;

  constructor(concurrency: number, suspects = new Suspects()) {
    this.suspects = suspects;
    const [consumerId, ids] = ['host-1-abc-1', new DeliveryIds('host-1-abc')];
    const onEnded = () => void this.ended++;
    this.desk = new Desk({ consumerId, concurrency, timeout: TIMEOUT, ids, suspects, onEnded });
  }

  attach(concurrency?: number): void {
    this.attached = true;
    const story = this;
    const line: WorkerLine = {
      process: (delivery) => this.#receive(delivery),
      cancel: (deliveryId, reason) => {
        this.cancels.push([deliveryId, reason]);
        this.atWorker.delete(deliveryId);
      },
      get congested() {
        return story.congested;
      },
    };
    this.desk.attach(line, concurrency);
  }

  /** The worker is gone, with all that it had. */
  detach(): void {
    this.attached = false;
    this.desk.detach();
    this.atWorker.clear();
  }

  #receive(delivery: WorkerDelivery): void {
    expect([this.attached, this.congested]).toEqual([true, false]);
    this.atWorker.set(delivery.deliveryId, delivery.inboxId);
    this.ids.push(delivery.deliveryId);
    this.given.push(delivery);
    expect(this.atWorker.size).toBeLessThanOrEqual(this.desk.concurrency);
    // A suspect is alone, also when others come.
    if ([...this.atWorker.values()].some((inboxId) => this.suspects.has(inboxId)))
      expect(this.atWorker.size).toBe(1);
    // Of those that wait, the oldest comes first.
    const number = numberOf(delivery.inboxId);
    for (const waiting of this.waiting) expect(numberOf(waiting)).toBeGreaterThan(number);
  }

  execute(message = '{"message_id":"m"}', attempt = 1): string {
    const inboxId = `${++this.count}-0`;
    const delivery: Delivery = { inboxId, message, attempt };
    this.outcomes.set(inboxId, []);
    const attemptOf = this.desk.execute(delivery, (ended, outcome, busy) => {
      expect(ended).toBe(delivery);
      expect(busy).toBeGreaterThanOrEqual(0);
      this.outcomes.get(inboxId)?.push(outcome);
      // An outcome may come from the desk itself: then the worker does not have it any more.
      for (const [id, other] of this.atWorker) if (other === inboxId) this.atWorker.delete(id);
    });
    this.running.push({ inboxId, interrupt: (reason) => attemptOf.interrupt(reason) });
    return inboxId;
  }

  outcomeOf(inboxId: string): Outcome | undefined {
    return this.outcomes.get(inboxId)?.[0];
  }

  /** Those without an outcome that the worker does not have. */
  get waiting(): string[] {
    const at = new Set(this.atWorker.values());
    return [...this.outcomes].filter(([id, all]) => all.length === 0 && !at.has(id)).map(([id]) => id);
  }

  /** What must hold after each step. */
  check(): void {
    for (const [inboxId, all] of this.outcomes) expect(all.length, inboxId).toBeLessThanOrEqual(1);
    if (!this.attached) return;
    expect(this.desk.given).toBe(this.atWorker.size);
    // Nothing waits that the worker could have.
    const [first] = this.waiting;
    if (first === undefined || this.congested || this.atWorker.size >= this.desk.concurrency) return;
    const onTrial = [...this.atWorker.values()].some((inboxId) => this.suspects.has(inboxId));
    expect(onTrial || (this.suspects.has(first) && this.atWorker.size > 0)).toBe(true);
  }
}

const numberOf = (inboxId: string) => Number(inboxId.split('-')[0]);

describe('the desk', () => {
  it('gives a worker the published text, and what it must know', () => {
    const story = new Story(2);
    const text = '{"message_id": 12345678901234567890,\n"x":"é"}';
    story.execute(text, 3);
    story.attach();
    const [deliveryId] = story.ids;
    expect(story.given).toEqual([
      {
        deliveryId,
        message: text,
        attempt: 3,
        deadline: TIMEOUT,
        consumerId: 'host-1-abc-1',
        inboxId: '1-0',
        traceparent: undefined,
      },
    ]);
    expect(deliveryId).toBe('host-1-abc/1');
    expect(story.desk.answer('host-1-abc/1', '{"x":1}')).toBe(true);
    expect(story.outcomeOf('1-0')).toEqual({
      kind: 'processed',
      messageId: '12345678901234567890',
      data: '{"x":1}',
    });
    expect(story.desk.answer('host-1-abc/1', '{"x":2}')).toBe(false);
    expect(story.desk.fail('host-1-abc/1', { error: 'no', dead: false, retryAfter: 1 })).toBe(false);
    expect(story.desk.extend('host-1-abc/1', 1)).toBe(false);
    story.check();
  });

  it('never gives a worker a text that is no message', () => {
    const story = new Story(2);
    story.attach();
    const inboxId = story.execute('{');
    expect(story.outcomeOf(inboxId)).toMatchObject({ kind: 'invalid', reason: 'invalid-json' });
    expect(story.given).toEqual([]);
  });

  it('takes a failure with all that the worker says about it', () => {
    const story = new Story(3);
    story.attach();
    for (let i = 0; i < 3; i++) story.execute();
    const [a = '', b = '', c = ''] = story.ids;
    story.desk.fail(a, { error: 'busy', dead: false, retryAfter: 1_500 });
    story.desk.fail(b, { error: 'no such order', dead: true, retryAfter: undefined });
    story.desk.fail(c, { error: 'x'.repeat(10_000), dead: false, retryAfter: undefined });
    expect(story.outcomeOf('1-0')).toEqual({
      kind: 'failed',
      reason: 'failed',
      error: 'busy',
      retryAfter: 1_500,
    });
    expect(story.outcomeOf('2-0')).toEqual({ kind: 'given-up', error: 'no such order' });
    expect(story.outcomeOf('3-0')).toMatchObject({ kind: 'failed', error: expect.stringContaining('cut: ') });
    expect(story.ended).toBe(3);
  });

  it('refuses a result that is too large', () => {
    const story = new Story(1);
    story.attach();
    story.execute();
    story.desk.answer(story.ids[0] ?? '', JSON.stringify('x'.repeat(LARGEST_RESULT)));
    expect(story.outcomeOf('1-0')).toMatchObject({ kind: 'failed', error: expect.stringContaining('64 MB') });
  });

  it('ends a delivery at its deadline, which extend moves, and frees its credit', () => {
    const story = new Story(1);
    story.attach();
    story.execute();
    story.execute();
    vi.advanceTimersByTime(TIMEOUT - 1);
    expect(story.desk.extend(story.ids[0] ?? '', 5_000)).toBe(true);
    vi.advanceTimersByTime(4_999);
    expect(story.given).toHaveLength(1);
    vi.advanceTimersByTime(1);
    expect(story.outcomeOf('1-0')).toMatchObject({ kind: 'failed', reason: 'timeout' });
    expect(story.cancels).toEqual([[story.ids[0], expect.stringContaining('5000 ms')]]);
    expect(story.given).toHaveLength(2);
  });

  it('lets a delivery wait for a worker as long as it takes: its deadline begins when it is given out', () => {
    const story = new Story(1);
    story.execute();
    vi.advanceTimersByTime(10 * TIMEOUT);
    expect(story.outcomeOf('1-0')).toBeUndefined();
    story.attach();
    expect(story.given).toHaveLength(1);
  });

  it('does not nest, however many deliveries are answered at once', () => {
    const [ids, suspects] = [new DeliveryIds('host-1'), new Suspects()];
    const desk = new Desk({ consumerId: 'host-1-1', concurrency: 1, timeout: TIMEOUT, ids, suspects });
    let ended = 0;
    for (let i = 1; i <= 20_000; i++)
      desk.execute(
        { inboxId: `${i}-0`, message: '{"message_id":"m"}', attempt: 1 },
        (delivery) => void expect(delivery.inboxId).toBe(`${++ended}-0`),
      );
    desk.attach({
      process: ({ deliveryId }) => void desk.answer(deliveryId, 'null'),
      cancel: () => {},
      congested: false,
    });
    expect(ended).toBe(20_000);
  });

  it('blames the only delivery of a worker that ended: it has failed, and is tried again at once', () => {
    const story = new Story(2);
    story.attach();
    story.execute();
    story.detach();
    story.desk.blame('exit code 3');
    expect(story.outcomeOf('1-0')).toEqual({
      kind: 'failed',
      reason: 'failed',
      error: 'exit code 3',
      retryAfter: 0,
    });
    expect(story.suspects.has('1-0')).toBe(false);
  });

  it('gives out several suspects one by one, before all others, until one ends the worker again', () => {
    const story = new Story(3);
    story.attach();
    for (let i = 0; i < 5; i++) story.execute();
    story.detach();
    story.desk.blame('exit code 3');
    const alone = () => [...story.atWorker.values()];
    story.attach();
    expect(alone()).toEqual(['1-0']);
    story.desk.answer(story.ids.at(-1) ?? '', '1');
    expect(alone()).toEqual(['2-0']);
    story.detach();
    story.desk.blame('exit code 3');
    expect(story.outcomeOf('2-0')).toMatchObject({ kind: 'failed', error: 'exit code 3' });
    story.attach();
    // Found: the others are free.
    expect(alone()).toEqual(['3-0', '4-0', '5-0']);
  });

  it('blames a message that comes back from workers that close, from the fourth time on, and only alone', () => {
    const story = new Story(3);
    for (let i = 0; i < 4; i++) story.execute();
    const closes = () => {
      story.detach();
      story.desk.takeBack('closed again');
      story.attach();
    };
    const alone = () => [...story.atWorker.values()];
    story.attach();
    for (let i = 0; i < 2; i++) closes();
    expect(alone()).toEqual(['1-0', '2-0', '3-0']);
    closes();
    expect(alone()).toEqual(['1-0']);
    story.desk.answer(story.ids.at(-1) ?? '', '1');
    expect(alone()).toEqual(['2-0']);
    closes();
    expect(story.outcomeOf('2-0')).toEqual({
      kind: 'failed',
      reason: 'failed',
      error: 'closed again',
      retryAfter: 0,
    });
    expect(alone()).toEqual(['3-0', '4-0']);
    // It begins anew with its next attempt, and an answer ends the count.
    expect(['1-0', '2-0'].map((id) => story.suspects.returnsOften(id))).toEqual([false, false]);
  });

  it('a suspect that another consumer gets waits until it is alone, and those behind it wait too', () => {
    const suspects = new Suspects();
    suspects.add(['2-0', '7-0']);
    const story = new Story(3, suspects);
    story.attach();
    for (let i = 0; i < 4; i++) story.execute();
    expect([...story.atWorker.values()]).toEqual(['1-0']);
    story.desk.answer(story.ids[0] ?? '', '1');
    expect([...story.atWorker.values()]).toEqual(['2-0']);
    story.desk.answer(story.ids[1] ?? '', '1');
    expect([...story.atWorker.values()]).toEqual(['3-0', '4-0']);
    expect(suspects.has('2-0')).toBe(false);
    expect(suspects.has('7-0')).toBe(true);
  });

  it('hands back everything while it is closed, and goes on with the next worker', () => {
    const story = new Story(1);
    story.attach();
    story.execute();
    story.execute();
    story.detach();
    story.desk.close();
    expect([story.outcomeOf('1-0'), story.outcomeOf('2-0')]).toEqual([undefined, INTERRUPTED]);
    story.desk.recall();
    expect(story.outcomeOf('1-0')).toEqual(INTERRUPTED);
    expect(story.desk.closed).toBe(true);
    story.execute();
    expect(story.outcomeOf('3-0')).toEqual(INTERRUPTED);
    story.attach();
    expect(story.desk.closed).toBe(false);
    story.execute();
    expect([...story.atWorker.values()]).toEqual(['4-0']);
  });

  it('a worker that comes back keeps what it holds, and nothing else', () => {
    const story = new Story(4);
    story.attach();
    for (let i = 0; i < 3; i++) story.execute();
    const [, second = ''] = story.ids;
    story.detach();
    expect(story.desk.keep([second, 'host-1-abc/99', 'unknown'])).toEqual([second]);
    story.atWorker.set(second, '2-0');
    story.attach();
    expect([...story.atWorker.values()]).toEqual(['2-0', '1-0', '3-0']);
    expect(story.desk.answer(second, '1')).toBe(true);
  });

  it('what comes back twice is given out oldest first', () => {
    const story = new Story(2);
    for (let i = 0; i < 2; i++) story.execute();
    story.attach();
    const [, second = ''] = story.ids;
    for (const holds of [[second], []]) {
      story.detach();
      story.desk.keep(holds);
      if (holds.length > 0) story.atWorker.set(second, '2-0');
      story.attach();
    }
    expect([...story.atWorker.values()]).toEqual(['1-0', '2-0']);
  });

  it('gives no more than a worker says it takes, which cannot be more than the setting', () => {
    const story = new Story(3);
    for (let i = 0; i < 5; i++) story.execute();
    story.attach(2);
    expect(story.atWorker.size).toBe(2);
    story.desk.limit(1);
    story.desk.answer(story.ids[0] ?? '', '1');
    expect(story.atWorker.size).toBe(1);
    story.desk.limit(50);
    expect(story.desk.concurrency).toBe(3);
  });

  type Step = (story: Story, number: number) => void;
  const pick = <T>(all: readonly T[], number: number): T | undefined => all[number % all.length];
  const STEPS: Record<string, Step> = {
    execute: (story) => void story.execute(),
    executeInvalid: (story) => void story.execute('[]'),
    answer: ({ desk, atWorker }, number) => {
      const id = pick([...atWorker.keys()], number);
      if (id) expect(desk.answer(id, `${number}`)).toBe(true);
    },
    answerAny: ({ desk, ids }, number) => void desk.answer(pick(ids, number) ?? 'none', 'null'),
    fail: ({ desk, ids }, number) =>
      void desk.fail(pick(ids, number) ?? 'none', {
        error: 'no',
        dead: number % 2 === 0,
        retryAfter: undefined,
      }),
    extend: ({ desk, ids }, number) => void desk.extend(pick(ids, number) ?? 'none', 1 + number * 1_000),
    interrupt: ({ running }, number) => pick(running, number)?.interrupt('taken over'),
    wait: (_, number) => void vi.advanceTimersByTime(number * 2_000),
    congest: (story) => {
      story.congested = true;
    },
    drain: (story) => {
      story.congested = false;
      story.desk.pump();
    },
    limit: ({ desk, atWorker }, number) => {
      const wanted = 1 + (number % 5);
      if (wanted >= atWorker.size) {
        desk.limit(wanted);
        desk.pump();
      }
    },
    crash: (story) => {
      story.detach();
      story.desk.blame('exit code 1');
    },
    closes: (story) => {
      story.detach();
      story.desk.takeBack('closed');
    },
    recall: (story) => {
      story.detach();
      story.desk.recall();
    },
    comeBack: (story, number) => {
      const had = [...story.atWorker];
      const holds = had.filter((_, i) => (number >> i) % 2 === 0);
      story.detach();
      expect(story.desk.keep(holds.map(([id]) => id))).toEqual(holds.map(([id]) => id));
      for (const [id, inboxId] of holds) story.atWorker.set(id, inboxId);
      story.attach();
    },
    attach: (story) => {
      if (!story.attached) story.attach();
    },
    quiet: ({ desk }) => desk.quiet(),
    resume: ({ desk }) => desk.resume(),
    close: (story) => {
      story.detach();
      story.desk.recall();
      story.desk.close();
    },
  };

  it('ends each delivery once, within the credit, with suspects alone, in any story', () => {
    const names = Object.keys(STEPS);
    const usual = ['execute', 'execute', 'execute', 'answer', 'answer', 'attach'];
    const step = fc.record({ name: fc.constantFrom(...names, ...usual), number: fc.nat(40) });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 4 }), fc.array(step, { maxLength: 120 }), (most, steps) => {
        const story = new Story(most);
        for (const { name, number } of steps) {
          STEPS[name]?.(story, number);
          story.check();
        }
        story.detach();
        story.desk.endAll();
        for (const [inboxId, all] of story.outcomes) expect(all, inboxId).toHaveLength(1);
        expect([story.desk.given, vi.getTimerCount()]).toEqual([0, 0]);
      }),
      { numRuns: 500 },
    );
  });
});

describe('suspects', () => {
  it('are forgotten when there are too many, the oldest first', () => {
    const suspects = new Suspects();
    suspects.add(['old', 'kept']);
    suspects.add(Array.from({ length: 9_998 }, (_, i) => `${i}-0`));
    suspects.add(['kept', 'new']);
    expect(['old', 'kept', 'new'].map((id) => suspects.has(id))).toEqual([false, true, true]);
  });

  it('that come back are counted for the newest only', () => {
    const suspects = new Suspects();
    for (let i = 0; i < 3; i++) suspects.returned(['old', 'kept']);
    suspects.returned(['kept', ...Array.from({ length: 9_999 }, (_, i) => `${i}-0`)]);
    expect(['old', 'kept', '1-0'].map((id) => suspects.returnsOften(id))).toEqual([false, true, false]);
  });

  it('of other groups stay when one is found', () => {
    const suspects = new Suspects();
    suspects.add(['a', 'b', 'c']);
    suspects.add(['c', 'd']);
    suspects.found('a');
    expect(['a', 'b', 'c', 'd'].map((id) => suspects.has(id))).toEqual([false, false, true, true]);
    suspects.found('unknown');
    suspects.clear('d');
    expect(['c', 'd'].map((id) => suspects.has(id))).toEqual([true, false]);
  });
});

describe('the ids of deliveries', () => {
  it('are told from those that never were', () => {
    const ids = new DeliveryIds('host-1');
    const id = ids.next();
    expect(ids.wasGiven(id)).toBe(true);
    for (const other of ['host-1/2', 'host-1/0', 'host-1/', 'host-1/01', 'host-1/1e0', 'host-2/1', '1', ''])
      expect(ids.wasGiven(other), other).toBe(false);
  });
});
