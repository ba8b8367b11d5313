import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Delivery, Outcome } from '../../../src/core/executor.js';
import { type Logger, silentLogger } from '../../../src/log/logger.js';
import { Attempt } from '../../../src/processor/attempt.js';
import type { Context } from '../../../src/processor/context.js';
import type { Processor } from '../../../src/processor/processor.js';

const message = { message_id: 'm' };

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** Begins one attempt; `endings` gets each of its outcomes. */
function begin(processor: Processor, timeout = 1_000, log: Logger = silentLogger) {
  const endings: Outcome[] = [];
  const delivery: Delivery = { inboxId: '5-1', message: '{"message_id":"m"}', attempt: 3 };
  const options = { consumerId: 'c-1', processor, timeout, log };
  const attempt = new Attempt(delivery, 'm', options, (of, outcome) => {
    expect(of).toBe(delivery);
    endings.push(outcome);
  });
  attempt.begin(message);
  return { attempt, endings };
}

/** All endings of an attempt, once a minute has passed; without stacks. */
async function endingsOf(processor: Processor): Promise<Outcome[]> {
  const { endings } = begin(processor);
  await vi.advanceTimersByTimeAsync(60_000);
  return endings.map((outcome) => ('stack' in outcome ? { ...outcome, stack: undefined } : outcome));
}

const refuse = () => {
  throw new Error('do not look');
};
const REFUSING = new Proxy({}, { get: refuse, getPrototypeOf: refuse, has: refuse, ownKeys: refuse });
const never = () => new Promise<never>(() => {});
const failed = (error: unknown) => ({ kind: 'failed', reason: 'failed', error });

describe('an attempt', () => {
  it('gives the processor the message and the context', async () => {
    let seen: unknown[] = [];
    const lines: object[] = [];
    const log: Logger = {
      ...silentLogger,
      child: (fields) => ({ ...silentLogger, info: () => lines.push(fields) }),
    };
    begin(
      (...args) => {
        seen = args;
        args[1].log.info({}, 'seen');
        return 1;
      },
      1_000,
      log,
    );
    expect(seen[0]).toBe(message);
    expect(seen[1]).toMatchObject({ consumerId: 'c-1', inboxId: '5-1', attempt: 3 });
    expect((seen[1] as Context).signal.aborted).toBe(false);
    expect(lines).toEqual([{ consumer: 'c-1', inboxId: '5-1', attempt: 3 }]);
  });

  it('ends at once if the result is no promise', () => {
    expect(begin(() => ({ a: 1 })).endings).toEqual([{ kind: 'processed', messageId: 'm', data: '{"a":1}' }]);
  });

  it.each<[string, Processor]>([
    ['a promise', async () => ({ a: 1 })],
    ['a promise that takes its time', () => new Promise((resolve) => setTimeout(resolve, 999, { a: 1 }))],
    // biome-ignore lint/suspicious/noThenProperty: a promise of the user's own making
    ['an object with a then', () => ({ then: (resolve: (value: unknown) => void) => resolve({ a: 1 }) })],
    [
      'one that gives another promise',
      // biome-ignore lint/suspicious/noThenProperty: a promise of the user's own making
      () => ({ then: (resolve: (value: unknown) => void) => resolve(Promise.resolve({ a: 1 })) }),
    ],
  ])('ends with the result of %s', async (_name, processor) => {
    expect(await endingsOf(processor)).toEqual([{ kind: 'processed', messageId: 'm', data: '{"a":1}' }]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each<[string, Processor, unknown]>([
    [
      'throws',
      () => {
        throw new Error('no');
      },
      'no',
    ],
    ['rejects', () => Promise.reject(new Error('no')), 'no'],
    ['rejects with an error of a kind', () => Promise.reject(new TypeError('no')), 'TypeError: no'],
    ['rejects with an error that says nothing', () => Promise.reject(new Error()), 'Error'],
    ['rejects with a text', () => Promise.reject('no'), 'no'],
    ['rejects with nothing', () => Promise.reject(), 'undefined'],
    ['returns undefined', () => undefined, expect.stringContaining('undefined, which has no JSON')],
    ['returns a function', () => () => {}, expect.stringContaining('a function, which has no JSON')],
    ['promises what is no JSON', async () => 10n, expect.stringMatching(/^TypeError: .*BigInt/)],
    [
      'returns a circle',
      () => {
        const circle: unknown[] = [];
        circle.push(circle);
        return circle;
      },
      expect.stringContaining('circular'),
    ],
  ])('fails if the processor %s', async (_name, processor, error) => {
    expect(await endingsOf(processor)).toEqual([failed(error)]);
  });

  it.each<[string, () => unknown]>([
    ['throws a value without a text', () => Promise.reject(Object.create(null))],
    [
      'throws an error whose message throws',
      () =>
        Promise.reject(
          Object.defineProperty(new Error(), 'message', {
            get() {
              throw new Error('ha');
            },
          }),
        ),
    ],
    ['rejects with a Proxy that refuses every look', () => Promise.reject(REFUSING)],
    [
      'throws a Proxy that refuses every look',
      () => {
        throw REFUSING;
      },
    ],
    ['returns a Proxy that refuses every look', () => REFUSING],
    [
      'throws an error whose message is no text',
      () => Promise.reject(Object.assign(new Error(), { message: 5 })),
    ],
    [
      'returns an object whose then cannot be read',
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: what a hostile processor might return
        get then() {
          throw new Error('ha');
        },
      }),
    ],
    [
      'returns an object whose then throws',
      () => ({
        // biome-ignore lint/suspicious/noThenProperty: what a hostile processor might return
        then() {
          throw new Error('ha');
        },
      }),
    ],
    [
      'returns an object whose toJSON throws',
      () => ({
        toJSON() {
          throw new Error('ha');
        },
      }),
    ],
  ])('fails, and lets no error out, if the processor %s', async (_name, processor) => {
    expect(await endingsOf(processor)).toEqual([failed(expect.any(String))]);
  });
});

describe('the time of an attempt', () => {
  it('is over after the timeout, and the signal is aborted', async () => {
    let signal: AbortSignal | undefined;
    const { endings } = begin((_message, context) => {
      signal = context.signal;
      return never();
    });
    await vi.advanceTimersByTimeAsync(999);
    expect(endings).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(endings).toEqual([{ kind: 'failed', reason: 'timeout', error: 'no result within 1000 ms' }]);
    expect(signal?.reason).toMatchObject({ name: 'TimeoutError' });
  });

  it('is over for a processor that uses the signal only afterwards, too', async () => {
    let context: Context | undefined;
    begin((_message, given) => {
      context = given;
      return never();
    });
    await vi.advanceTimersByTimeAsync(1_000);
    expect(context?.signal.aborted).toBe(true);
  });

  it.each<[string, () => Promise<unknown>]>([
    ['a result', () => new Promise((resolve) => setTimeout(resolve, 1_500, {}))],
    ['a failure', () => new Promise((_, reject) => setTimeout(reject, 1_500, new Error('late')))],
  ])('counts: %s that comes later changes nothing', async (_name, processor) => {
    expect(await endingsOf(processor)).toEqual([expect.objectContaining({ reason: 'timeout' })]);
  });
});

describe('an interrupted attempt', () => {
  it('ends as interrupted at once, and aborts the signal with the reason', async () => {
    let signal: AbortSignal | undefined;
    const { attempt, endings } = begin((_message, context) => {
      signal = context.signal;
      return new Promise((resolve) => setTimeout(resolve, 500, 'late'));
    });
    attempt.interrupt('the group stops');
    expect(endings).toEqual([{ kind: 'interrupted' }]);
    expect(signal?.reason).toMatchObject({ name: 'AbortError', message: 'the group stops' });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(endings).toHaveLength(1);
  });

  it('ends as interrupted even if the processor fails because of it', async () => {
    const { attempt, endings } = begin(
      (_message, { signal }) =>
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    );
    attempt.interrupt('the group stops');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(endings).toEqual([{ kind: 'interrupted' }]);
  });

  it('changes nothing if it had ended before', () => {
    const { attempt, endings } = begin(() => 1);
    attempt.interrupt('the group stops');
    expect(endings).toEqual([{ kind: 'processed', messageId: 'm', data: '1' }]);
  });
});

describe('giving a message up', () => {
  it.each<[string, Processor]>([
    ['at once', (_message, context) => context.deadLetter('not for us')],
    ['after a while', async (_message, context) => context.deadLetter('not for us')],
    [
      'though the processor catches all and returns',
      (_message, context) => {
        try {
          context.deadLetter('not for us');
        } catch {}
        return 'a result';
      },
    ],
    [
      'though the processor throws something else over it',
      (_message, context) => {
        try {
          context.deadLetter('not for us');
        } catch {
          throw new Error('wrapped');
        }
      },
    ],
    [
      'twice: the first reason counts',
      (_message, context) => {
        try {
          context.deadLetter('not for us');
        } catch {
          context.deadLetter('really not');
        }
      },
    ],
  ])('works %s', async (_name, processor) => {
    expect(await endingsOf(processor)).toEqual([{ kind: 'given-up', error: 'not for us' }]);
  });
});
