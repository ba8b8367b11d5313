import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { nextStep, type Plan } from '../../../src/publish/pacing.js';

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
    ['flood: the rest', { count: 1_000 }, 950, 0, { kind: 'publish', messages: 50 }],
    ['flood: all are sent', { count: 1_000 }, 1_000, 0, { kind: 'done' }],
    ['flood: still time', { duration: 500 }, 1e9, 499, { kind: 'publish', messages: 100 }],
    ['flood: time is up', { duration: 500 }, 0, 500, { kind: 'done' }],
    ['flood: time is up before the count', { count: 1_000, duration: 500 }, 10, 500, { kind: 'done' }],
    ['rate: the first one at once', { rate: 10 }, 0, 0, { kind: 'publish', messages: 1 }],
    ['rate: waits for the next one', { rate: 10 }, 1, 20, { kind: 'wait', ms: 80 }],
    ['rate: exactly in time', { rate: 10 }, 1, 100, { kind: 'publish', messages: 1 }],
    ['rate: waits 5 ms at least', { rate: 100_000 }, 1, 0, { kind: 'wait', ms: 5 }],
    ['rate: publishes together all that is due', { rate: 10_000 }, 1, 5, { kind: 'publish', messages: 50 }],
    ['rate: catches up by the batch', { rate: 10_000 }, 0, 1_000, { kind: 'publish', messages: 100 }],
    ['rate: not beyond the count', { rate: 10_000, count: 30 }, 0, 1_000, { kind: 'publish', messages: 30 }],
    ['rate: all are sent', { rate: 10_000, count: 30 }, 30, 1_000, { kind: 'done' }],
    ['rate: not beyond the time', { rate: 10, duration: 250 }, 3, 250, { kind: 'done' }],
    [
      'rate: late, the messages that were due in time',
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

  it('publishes all messages, none early, at most a batch at once', () => {
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

  it('makes a count from rate and duration', () => {
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
