import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { CgroupError } from '../../../src/core/errors.js';
import { parseMessage } from '../../../src/core/message.js';
import { carryOut, type OutgoingMessage, type Publishing, Tally } from '../../../src/publish/carry-out.js';
import { messageGenerator, withinBytes } from '../../../src/publish/generated-messages.js';
import type { Plan } from '../../../src/publish/pacing.js';
import type { Receivers } from '../../../src/redis/scripts/group.js';

const plan = (of: Partial<Plan> = {}): Plan => ({
  count: undefined,
  rate: undefined,
  duration: undefined,
  batch: 100,
  ...of,
});

describe('generated messages', () => {
  it('have an id each', () => {
    const next = messageGenerator(undefined);
    const made = Array.from({ length: 1_000 }, next);
    expect(new Set(made.map(({ id }) => id)).size).toBe(1_000);
    for (const { id, text } of made) {
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
      expect(text).toBe(JSON.stringify({ message_id: id }));
    }
  });

  it('have exactly the requested size, unless it is too small', () => {
    const natural = messageGenerator(undefined)().text.length;
    fc.assert(
      fc.property(fc.nat(300), (bytes) => {
        const { id, text } = messageGenerator(bytes)();
        expect(text.length).toBe(Math.max(natural, bytes));
        expect(parseMessage(Buffer.from(text))).toMatchObject({ valid: true, messageId: id });
      }),
    );
  });

  it('are padded with a property', () => {
    expect(JSON.parse(messageGenerator(1_000)().text)).toHaveProperty(
      'padding',
      expect.stringMatching(/^x{900,}$/),
    );
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

  it('adds up the batches', () => {
    const tally = new Tally();
    tally.add(10, { least: 2, most: 3, unheard: 0 });
    tally.add(5, { least: 0, most: 2, unheard: 4 });
    tally.add(1, { least: 1, most: 1, unheard: 0 });
    expect(tally).toMatchObject({ published: 16, unheard: 4, receivers: { min: 0, max: 3 } });
  });
});

/** A Redis that answers on demand. */
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
  const next = (): OutgoingMessage => ({ id: `id${++made}`, text: `text${made}` });
  const take = (most: number) => Array.from({ length: most }, next);
  const publish = async () => ({ least: 1, most: 2, unheard: 0 });
  return { plan: plan({ count: 1_000 }), take, publish, mostAwaited: 1_000, ...of };
}

describe('carrying out a plan', () => {
  it('publishes in order, and adds up the receivers', async () => {
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

  it('says after a failure how many messages were published for sure', async () => {
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

  it('goes on after a failure that is over, and counts what may or may not have been published', async () => {
    const redis = new SlowRedis();
    let works = (_goesOn: boolean) => {};
    const recover = vi.fn(() => new Promise<boolean>((resolve) => (works = resolve)));
    const result = carryOut(publishing({ publish: redis.publish, recover, plan: plan({ count: 500 }) }));
    await vi.waitFor(() => expect(redis.inFlight).toBe(3));
    for (let i = 0; i < 3; i++) redis.answer(new CgroupError('OUTCOME_UNKNOWN', 'no reply'));
    await vi.waitFor(() => expect(recover).toHaveBeenCalledTimes(1));
    await new Promise(setImmediate);
    expect(redis.batches.length).toBe(3);
    works(true);
    await vi.waitFor(() => expect(redis.batches.length).toBe(5));
    redis.answer();
    redis.answer();
    expect((await result).tally).toMatchObject({ published: 200, unsure: 300 });
    expect(recover).toHaveBeenCalledTimes(1);
  });

  it('stops at its signal, and counts what it has sent', async () => {
    const ending = new AbortController();
    const onProgress = (published: number) => published >= 300 && ending.abort();
    const { tally } = await carryOut(
      publishing({ signal: ending.signal, onProgress, plan: plan({ duration: 1e9 }) }),
    );
    expect(tally.published).toBeGreaterThanOrEqual(300);
    expect(tally.published).toBeLessThan(1_000);
  });

  it('stops at its signal while it waits for the next message', async () => {
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

  it('announces each message to the recorder before it publishes it, and does not run far ahead', async () => {
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

  it('waits for batches under way when the recorder fails', async () => {
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

  it('ends when the recorder fails', async () => {
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
