import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { CgroupError } from '../../../src/core/errors.js';
import { parseMessage } from '../../../src/core/message.js';
import { nextStep, type Plan } from '../../../src/publish/pacing.js';
import {
  carryOut,
  type Payload,
  type Publishing,
  payloads,
  Tally,
  withinBytes,
} from '../../../src/publish/publisher.js';
import type { Receivers } from '../../../src/redis/publishing.js';

const plan = (of: Partial<Plan> = {}): Plan => ({
  count: undefined,
  rate: undefined,
  duration: undefined,
  batch: 100,
  ...of,
});

describe('the next step', () => {
  it.each<[string, Partial<Plan>, number, number, object]>([
    ['flood: a whole batch', { count: 1_000 }, 0, 0, { kind: 'publish', messages: 100 }],
    ['flood: what is left', { count: 1_000 }, 950, 0, { kind: 'publish', messages: 50 }],
    ['flood: enough', { count: 1_000 }, 1_000, 0, { kind: 'done' }],
    ['flood: still time', { duration: 500 }, 1e9, 499, { kind: 'publish', messages: 100 }],
    ['flood: time is up', { duration: 500 }, 0, 500, { kind: 'done' }],
    ['flood: time is up before the count', { count: 1_000, duration: 500 }, 10, 500, { kind: 'done' }],
    ['rate: the first one at once', { rate: 10 }, 0, 0, { kind: 'publish', messages: 1 }],
    ['rate: waits for the next one', { rate: 10 }, 1, 20, { kind: 'wait', ms: 80 }],
    ['rate: exactly in time', { rate: 10 }, 1, 100, { kind: 'publish', messages: 1 }],
    ['rate: gathers for some ms', { rate: 100_000 }, 1, 0, { kind: 'wait', ms: 5 }],
    ['rate: and publishes them together', { rate: 10_000 }, 1, 5, { kind: 'publish', messages: 50 }],
    ['rate: catches up by the batch', { rate: 10_000 }, 0, 1_000, { kind: 'publish', messages: 100 }],
    ['rate: not beyond the count', { rate: 10_000, count: 30 }, 0, 1_000, { kind: 'publish', messages: 30 }],
    ['rate: enough', { rate: 10_000, count: 30 }, 30, 1_000, { kind: 'done' }],
    ['rate: not beyond the time', { rate: 10, duration: 250 }, 3, 250, { kind: 'done' }],
    [
      'rate: what was due in time, though late',
      { rate: 10, duration: 250 },
      1,
      300,
      { kind: 'publish', messages: 2 },
    ],
    ['rate: late, but not too late', { rate: 10, duration: 250 }, 1, 1_249, { kind: 'publish', messages: 2 }],
    ['rate: too late', { rate: 10, duration: 250 }, 1, 1_250, { kind: 'done' }],
  ])('%s', (_name, of, sent, elapsed, step) => {
    expect(nextStep(plan(of), sent, elapsed)).toEqual(step);
  });

  const some = (min: number, max: number) => fc.option(fc.integer({ min, max }), { nil: undefined });

  it('publishes all in the end, never early, never more than a batch, and always goes on', () => {
    const plans = fc.record({
      count: fc.integer({ min: 1, max: 2_000 }),
      rate: some(1, 100_000),
      batch: fc.integer({ min: 1, max: 300 }),
      duration: fc.constant(undefined),
    });
    fc.assert(
      fc.property(plans, fc.array(fc.nat(40), { minLength: 1 }), (of, delays) => {
        let [sent, elapsed] = [0, 0];
        for (let i = 0; ; i++) {
          const step = nextStep(of, sent, elapsed);
          if (step.kind === 'done') break;
          if (step.kind === 'wait') {
            expect(step.ms).toBeGreaterThanOrEqual(5);
            elapsed += step.ms;
          } else {
            expect(step.messages).toBeGreaterThan(0);
            expect(step.messages).toBeLessThanOrEqual(of.batch);
            sent += step.messages;
            // The last of them, number sent - 1 from 0, is due.
            if (of.rate !== undefined)
              expect((sent - 1) * 1_000).toBeLessThanOrEqual(elapsed * of.rate + 1e-6);
          }
          elapsed += delays[i % delays.length] as number;
        }
        expect(sent).toBe(of.count);
      }),
    );
  });

  it('takes rate and duration together for a count', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5_000 }),
        fc.integer({ min: 1, max: 3_000 }),
        (rate, duration) => {
          const of = plan({ rate, duration });
          let [sent, elapsed] = [0, 0];
          for (;;) {
            const step = nextStep(of, sent, elapsed);
            if (step.kind === 'done') break;
            if (step.kind === 'wait') elapsed += step.ms;
            else sent += step.messages;
          }
          expect(sent).toBe(Math.ceil((rate * duration) / 1_000));
        },
      ),
    );
  });
});

describe('the messages', () => {
  it('are messages with an id of their own', () => {
    const next = payloads(undefined);
    const made = Array.from({ length: 1_000 }, next);
    expect(new Set(made.map(({ id }) => id)).size).toBe(1_000);
    for (const { id, text } of made) {
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(text).toBe(JSON.stringify({ message_id: id }));
    }
  });

  it('have exactly the size that is asked for, from the smallest on', () => {
    const natural = payloads(undefined)().text.length;
    fc.assert(
      fc.property(fc.nat(300), (bytes) => {
        const { id, text } = payloads(bytes)();
        expect(text.length).toBe(Math.max(natural, bytes));
        expect(parseMessage(Buffer.from(text))).toMatchObject({ valid: true, messageId: id });
      }),
    );
  });

  it('are padded with a property', () => {
    expect(JSON.parse(payloads(1_000)().text)).toHaveProperty('padding', expect.stringMatching(/^x{900,}$/));
  });

  it.each([
    [53, 1_000],
    [1_000, 1_000],
    [10_000, 100],
    [999_999, 1],
    [16_000_000, 1],
  ])('of %d bytes come in batches of %d', (bytes, batch) => {
    expect(withinBytes(plan({ batch: 1_000 }), bytes)).toEqual(plan({ batch }));
  });
});

describe('the tally', () => {
  it('has no receivers before the first batch', () => {
    expect(new Tally().receivers).toEqual({ min: 0, max: 0 });
  });

  it('adds up batches', () => {
    const tally = new Tally();
    tally.add(10, { least: 2, most: 3, unheard: 0 });
    tally.add(5, { least: 0, most: 2, unheard: 4 });
    tally.add(1, { least: 1, most: 1, unheard: 0 });
    expect(tally).toMatchObject({ published: 16, unheard: 4, receivers: { min: 0, max: 3 } });
  });
});

/** A Redis that answers when it is told to. */
class SlowRedis {
  readonly batches: (readonly string[])[] = [];
  readonly #answers: ((receivers: Receivers | Error) => void)[] = [];

  readonly publish = (messages: readonly string[]): Promise<Receivers> => {
    this.batches.push(messages);
    return new Promise((resolve, reject) => {
      this.#answers.push((answer) => (answer instanceof Error ? reject(answer) : resolve(answer)));
    });
  };

  answer(answer: Receivers | Error = { least: 1, most: 1, unheard: 0 }): void {
    this.#answers.shift()?.(answer);
  }

  get inFlight(): number {
    return this.#answers.length;
  }
}

function publishing(of: Partial<Publishing>): Publishing {
  let made = 0;
  const next = (): Payload => ({ id: `id${++made}`, text: `text${made}` });
  const publish = async () => ({ least: 1, most: 2, unheard: 0 });
  return { plan: plan({ count: 1_000 }), next, publish, mostAwaited: 1_000, ...of };
}

describe('carrying out a plan', () => {
  it('publishes in order, and says what came of it', async () => {
    const texts: string[] = [];
    const onProgress = vi.fn();
    const publish = async (messages: readonly string[]) => {
      texts.push(...messages);
      return { least: 2, most: 3, unheard: 1 };
    };
    const { tally } = await carryOut(publishing({ plan: plan({ count: 250 }), publish, onProgress }));
    expect(texts).toEqual(Array.from({ length: 250 }, (_, i) => `text${i + 1}`));
    expect(tally).toMatchObject({ published: 250, unheard: 3, receivers: { min: 2, max: 3 } });
    expect(onProgress.mock.calls.flat()).toEqual([100, 200, 250]);
  });

  it('has a few batches under way, and waits for all of them', async () => {
    const redis = new SlowRedis();
    const result = carryOut(publishing({ publish: redis.publish }));
    await vi.waitFor(() => expect(redis.inFlight).toBe(3));
    for (let answered = 1; answered <= 7; answered++) {
      redis.answer();
      await vi.waitFor(() => expect(redis.batches.length).toBe(3 + answered));
      expect(redis.inFlight).toBe(3);
    }
    let over = false;
    void result.then(() => {
      over = true;
    });
    redis.answer();
    redis.answer();
    await new Promise(setImmediate);
    expect(over).toBe(false);
    redis.answer();
    expect((await result).tally.published).toBe(1_000);
  });

  it('says after a failure how many were published for sure', async () => {
    const redis = new SlowRedis();
    const result = carryOut(publishing({ publish: redis.publish }));
    const failed = expect(result).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      message: 'no reply; 200 messages were published for sure, 200 more may or may not have been',
    });
    await vi.waitFor(() => expect(redis.inFlight).toBe(3));
    redis.answer();
    await vi.waitFor(() => expect(redis.inFlight).toBe(3));
    redis.answer(new CgroupError('OUTCOME_UNKNOWN', 'no reply'));
    redis.answer();
    redis.answer(new CgroupError('OUTCOME_UNKNOWN', 'another one'));
    await failed;
    expect(redis.batches.length).toBe(4);
  });

  it('stops when it is told to, with what is sent', async () => {
    const ending = new AbortController();
    const onProgress = (published: number) => published >= 300 && ending.abort();
    const { tally } = await carryOut(
      publishing({ signal: ending.signal, onProgress, plan: plan({ duration: 1e9 }) }),
    );
    expect(tally.published).toBeGreaterThanOrEqual(300);
    expect(tally.published).toBeLessThan(1_000);
  });

  it('stops also while it waits for its time', async () => {
    const ending = new AbortController();
    const result = carryOut(
      publishing({
        signal: ending.signal,
        onProgress: () => void setImmediate(() => ending.abort()),
        plan: plan({ rate: 0.01, count: 2, batch: 1 }),
      }),
    );
    expect((await result).tally.published).toBe(1);
  });

  it('keeps not far ahead of the recorder, which knows of each message before it is published', async () => {
    const expected = new Set<string>();
    const asked: number[] = [];
    const recorder = {
      expect: (id: string) => void expected.add(id.replace('id', 'text')),
      until: async (most: number) => void asked.push(most),
    };
    const publish = async (messages: readonly string[]) => {
      for (const message of messages) expect(expected).toContain(message);
      return { least: 1, most: 1, unheard: 0 };
    };
    await carryOut(publishing({ recorder, publish, mostAwaited: 77, plan: plan({ count: 300 }) }));
    expect(asked).toEqual([77, 77, 77, 0]);
  });

  it('waits for what is under way also when the recorder cannot follow', async () => {
    const redis = new SlowRedis();
    const recorder = {
      expect: () => {},
      until: () => Promise.reject(new CgroupError('OUTCOME_UNKNOWN', 'cut')),
    };
    const result = carryOut(publishing({ recorder, publish: redis.publish }));
    const failed = expect(result).rejects.toMatchObject({
      message: 'cut; 100 messages were published for sure',
    });
    await new Promise(setImmediate);
    redis.answer();
    await failed;
  });

  it('ends when the recorder cannot follow', async () => {
    const recorder = {
      expect: () => {},
      until: async () => {
        throw new CgroupError('OUTCOME_UNKNOWN', 'the ledger is not complete');
      },
    };
    await expect(carryOut(publishing({ recorder }))).rejects.toMatchObject({
      code: 'OUTCOME_UNKNOWN',
      message: 'the ledger is not complete; 100 messages were published for sure',
    });
  });
});
