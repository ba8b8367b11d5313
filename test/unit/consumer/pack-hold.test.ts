import { describe, expect, it } from 'vitest';
import { PackHold } from '../../../src/consumer/pack-hold.js';
import { processedIn } from '../../../src/core/consumer-store.js';
import { INTERRUPTED, type Outcome } from '../../../src/core/executor.js';

/** A pack of `count` messages; the tests say which are in work. */
function setUp(count: number, patience = 1_000, retries = false) {
  let completed = 0;
  const pack = new PackHold({
    id: `7-${1_000_000 + count}`,
    consumerId: 'c',
    patience,
    retries,
    onComplete: () => {
      completed++;
    },
  });
  const messages = Array.from({ length: count }, () => {
    const calls = { settling: 0, released: 0 };
    const message = {
      inWork: false,
      calls,
      beginSettling: () => {
        calls.settling++;
      },
      release: () => {
        calls.released++;
      },
    };
    pack.add(message);
    return message;
  });
  const numbers = () => {
    const { settlement } = pack;
    const done = processedIn(settlement).map((id) => Number(id.slice(-3)));
    return { done, left: settlement.left.map(({ number }) => number) };
  };
  return { pack, messages, numbers, completed: () => completed };
}

const processed = (data: string): Outcome => ({ kind: 'processed', messageId: `m${data}`, data });
const failed: Outcome = { kind: 'failed', reason: 'timeout', error: 'too late', retryAfter: 7 };
const givenUp: Outcome = { kind: 'given-up', error: 'no use' };
const invalid: Outcome = { kind: 'invalid', reason: 'invalid-json', error: 'no JSON' };

describe('a pack', () => {
  it('is settled when all of its messages have ended, in their order, whatever the order of the ends', () => {
    const { pack, messages, completed } = setUp(6);
    const ends: [number, Outcome][] = [
      [5, givenUp],
      [2, processed('2')],
      [6, processed('6')],
      [1, failed],
      [4, INTERRUPTED],
    ];
    for (const [number, outcome] of ends) pack.end(number, outcome, 1);
    expect([completed(), pack.isOver(3), pack.isOver(4)]).toEqual([0, false, true]);
    expect(messages.every(({ calls }) => calls.settling === 0)).toBe(true);
    pack.end(3, invalid, 0);
    expect(completed()).toBe(1);
    expect(pack.settlement).toEqual({
      id: '7-1000006',
      consumerId: 'c',
      texts: ['m2', '2', 'm6', '6'],
      left: [
        { number: 1, outcome: failed },
        { number: 3, outcome: invalid },
        { number: 4 },
        { number: 5, outcome: givenUp },
      ],
    });
    expect(pack.failed.map(({ number }) => number)).toEqual([1, 3, 5]);
    expect(messages.every(({ calls }) => calls.settling === 1)).toBe(true);
    pack.release();
    expect(messages.every(({ calls }) => calls.released === 1)).toBe(true);
  });

  it.each([true, false])('keeps a stack only where no attempt follows; retries: %s', (retries) => {
    const { pack } = setUp(3, 1_000, retries);
    pack.end(1, { ...failed, stack: 'at a' }, 1);
    pack.end(2, { ...givenUp, stack: 'at b' }, 1);
    pack.end(3, processed('3'), 1);
    expect(pack.settlement.left).toEqual([
      { number: 1, outcome: { ...failed, stack: retries ? undefined : 'at a' } },
      { number: 2, outcome: { ...givenUp, stack: 'at b' } },
    ]);
  });

  it('counts the first end of a message only', () => {
    const { pack, completed } = setUp(2);
    pack.end(1, processed('first'), 1);
    pack.end(1, failed, 1);
    expect([pack.settlement.texts[1], pack.settlement.left, completed()]).toEqual(['first', [], 0]);
  });

  it('that is closed gives back what is not in work, and waits for the rest', () => {
    const { pack, messages, numbers, completed } = setUp(4);
    for (const i of [0, 2]) (messages[i] as { inWork: boolean }).inWork = true;
    pack.close();
    expect([pack.settlement, completed()]).toMatchObject([
      { texts: [], left: [{ number: 2 }, { number: 4 }] },
      0,
    ]);
    pack.end(3, processed('3'), 1);
    pack.end(1, processed('1'), 1);
    expect([numbers(), completed()]).toEqual([{ done: [1, 3], left: [2, 4] }, 1]);
  });

  it('that is abandoned gives back what is in work, too', () => {
    const { pack, messages, numbers, completed } = setUp(3);
    (messages[0] as { inWork: boolean }).inWork = true;
    pack.end(2, processed('2'), 1);
    pack.close();
    pack.abandon();
    pack.end(1, processed('1'), 1);
    expect([numbers(), completed()]).toEqual([{ done: [2], left: [1, 3] }, 1]);
  });

  it('that is idle is closed if it holds an end, and none of its messages is in work', () => {
    const { pack, messages, numbers } = setUp(3);
    pack.closeIdle();
    expect(pack.closed).toBe(false);
    (messages[1] as { inWork: boolean }).inWork = true;
    pack.end(1, processed('1'), 1);
    pack.closeIdle();
    expect(pack.closed).toBe(false);
    (messages[1] as { inWork: boolean }).inWork = false;
    pack.closeIdle();
    expect(numbers()).toEqual({ done: [1], left: [2, 3] });
  });

  it('is closed when its attempts have taken long, or its results are large', () => {
    const slow = setUp(4, 100);
    slow.pack.end(1, processed('1'), 60);
    slow.pack.end(2, processed('2'), 40);
    expect(slow.pack.closed).toBe(false);
    slow.pack.end(3, processed('3'), 1);
    expect([slow.numbers(), slow.completed()]).toEqual([{ done: [1, 2, 3], left: [4] }, 1]);
    const large = setUp(4);
    large.pack.end(1, processed('x'.repeat(600_000)), 1);
    expect(large.pack.closed).toBe(false);
    large.pack.end(3, { kind: 'given-up', error: 'x'.repeat(600_000) }, 1);
    expect([large.completed(), large.pack.length]).toEqual([1, 1_200_000]);
  });

  it('keeps no more than 8 KB of an error', () => {
    const { pack } = setUp(1);
    pack.end(1, { kind: 'given-up', error: 'x'.repeat(50_000) }, 1);
    const { left } = pack.settlement;
    expect(left[0]?.outcome?.error.length).toBeLessThanOrEqual(8_192);
  });

  it('is settled once, and says each message once, whatever happens, thousands of times', () => {
    let seed = 7;
    const random = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    const outcomes = [processed('d'), processed('e'), failed, givenUp, invalid, INTERRUPTED];
    for (let round = 0; round < 3_000; round++) {
      const count = 1 + random(9);
      const { pack, messages, numbers, completed } = setUp(count, 30);
      const ends = new Map<number, Outcome>();
      for (let steps = 0; ends.size < count && steps < 400; steps++) {
        const number = 1 + random(count);
        const message = messages[number - 1] as { inWork: boolean };
        const open = () => messages.map((_, i) => i + 1).filter((one) => !pack.isOver(one));
        const before = open();
        const wasClosed = pack.closed;
        const step = random(12);
        if (step < 4 && !wasClosed && !pack.isOver(number)) message.inWork = true;
        else if (step < 10 && message.inWork) {
          message.inWork = false;
          const outcome = outcomes[random(outcomes.length)] as Outcome;
          pack.end(number, outcome, random(10));
          if (before.includes(number)) ends.set(number, outcome);
        } else if (step === 10) pack.closeIdle();
        else if (step === 11 && random(8) === 0) pack.close();
        else if (step === 11 && random(20) === 0) pack.abandon();
        for (const one of before) if (pack.isOver(one) && !ends.has(one)) ends.set(one, INTERRUPTED);
        // What waits in a closed pack never begins.
        if (pack.closed) expect(open().every((one) => messages[one - 1]?.inWork)).toBe(true);
        expect(completed()).toBe(ends.size === count ? 1 : 0);
        expect(pack.count).toBe(count);
      }
      pack.abandon();
      for (let number = 1; number <= count; number++) if (!ends.has(number)) ends.set(number, INTERRUPTED);
      const numbersOf = (done: boolean) =>
        [...ends]
          .filter(([, { kind }]) => (kind === 'processed') === done)
          .map(([number]) => number)
          .toSorted((a, b) => a - b);
      expect([completed(), numbers()]).toEqual([1, { done: numbersOf(true), left: numbersOf(false) }]);
      for (const { number, outcome } of pack.settlement.left)
        expect(outcome ?? INTERRUPTED).toEqual(ends.get(number));
    }
  });
});
