import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { inLane } from '../../../src/consumer/lane-consumers.js';
import { INTERRUPTED } from '../../../src/core/executor.js';
import { consumerWithLanes } from '../../helpers/lane-consumers.js';

const NEVER = new AbortController().signal;

describe('a consumer with several lanes', () => {
  vi.useFakeTimers();
  afterEach(() => vi.clearAllTimers());

  it('never runs more than its concurrency over all lanes', async () => {
    const { consumer, lanes, attempts, begun, state, settle, end } = consumerWithLanes({
      lanes: 3,
      concurrency: 2,
    });
    consumer.resume();
    for (const lane of lanes) lane.publish(10);
    await settle();
    expect(attempts).toHaveLength(2);
    for (let i = 0; i < 30; i++) await end();
    expect([state.most, begun.length, new Set(begun).size]).toEqual([2, 30, 30]);
    expect(lanes.map(({ committed }) => committed.length)).toEqual([10, 10, 10]);
  });

  it.each([{ deep: false }, { deep: true }])(
    'gives a lane its turn beside another that always has messages: $deep',
    async (options) => {
      const { consumer, lanes, begun, settle, end } = consumerWithLanes({
        lanes: 3,
        ms: 10,
        ...options,
      });
      const [busy, , rare] = lanes;
      consumer.resume();
      busy?.publish(500);
      await settle();
      for (let i = 0; i < 20; i++) await end();
      for (let round = 0; round < 5; round++) {
        rare?.publish();
        await settle();
        // What is read already ends first: no more than 100 ms of work.
        for (let i = 0; i <= 10; i++) await end();
        expect(rare?.committed).toHaveLength(round + 1);
      }
      expect(begun.length).toBeGreaterThan(25);
      expect(busy?.waiting).toBeGreaterThan(0);
    },
  );

  it('shares its time evenly among lanes that all have messages', async () => {
    const { consumer, lanes, settle, end } = consumerWithLanes({ lanes: 3, ms: 1 });
    consumer.resume();
    for (const lane of lanes) lane.publish(2_000);
    await settle();
    for (let i = 0; i < 600; i++) await end();
    for (const { committed } of lanes) expect(Math.abs(committed.length - 200)).toBeLessThan(60);
  });

  it('goes on with the other lanes while Redis does not answer in one', async () => {
    const { consumer, lanes, attempts, settle, end } = consumerWithLanes({ lanes: 3 });
    const [first, second, third] = lanes;
    consumer.resume();
    first?.publish(3);
    await settle();
    if (first) first.answers = false;
    second?.publish(50);
    third?.publish(50);
    for (let i = 0; i < 120 && attempts.length > 0; i++) await end();
    expect([second, third].map((lane) => lane?.committed.length)).toEqual([50, 50]);
    // What it takes over there, too, waits without a place.
    const there = inLane(consumer, 0);
    const entry = { id: '1-90', message: 'm', attempts: 1 };
    await there.takeOver(async () => ({ entries: [entry] }));
    await vi.advanceTimersByTimeAsync(250);
    second?.publish(5);
    await settle();
    for (let i = 0; i < 5; i++) await end();
    expect([second?.committed.length, first?.noted]).toEqual([55, []]);
    // Its messages wait for Redis, and nothing is lost when it answers again.
    if (first) first.answers = true;
  });

  it('notes that an attempt begins only when there is a place for it', async () => {
    const { consumer, lanes, begun, settle, end } = consumerWithLanes({ lanes: 2 });
    const [first, second] = lanes;
    consumer.resume();
    first?.publish();
    await settle();
    const entries = ['2-7', '2-8'].map((id) => ({ id, message: 'm', attempts: 1 }));
    await inLane(consumer, 1).takeOver(async () => ({ entries }));
    await settle();
    expect([begun, second?.noted]).toEqual([['1-1'], []]);
    await end();
    expect([begun, second?.noted]).toEqual([['1-1', '2-7'], ['2-7']]);
    await end();
    await end();
    expect([begun, second?.committed]).toEqual([
      ['1-1', '2-7', '2-8'],
      ['2-7', '2-8'],
    ]);
  });

  it('gets the place of an attempt back that is interrupted', async () => {
    const { consumer, lanes, begun, settle, end } = consumerWithLanes({ lanes: 2 });
    consumer.resume();
    lanes[0]?.publish();
    await settle();
    lanes[1]?.publish();
    await settle();
    consumer.interrupt();
    await settle();
    for (let i = 0; i < 3; i++) await end();
    expect(begun.filter((id) => id === '2-1')).toHaveLength(1);
    expect(lanes.map(({ committed }) => committed)).toEqual([['1-1'], ['2-1']]);
  });

  it('waits in Redis, in all lanes, when there is nothing to do', async () => {
    const { consumer, lanes, settle, end } = consumerWithLanes({ lanes: 3, concurrency: 2 });
    consumer.resume();
    for (const lane of lanes) lane.publish();
    await settle();
    for (let i = 0; i < 3; i++) await end();
    const before = lanes.map(({ reads }) => reads);
    await vi.advanceTimersByTimeAsync(20_000);
    // A read waits for 2 s.
    for (const [i, { reads }] of lanes.entries()) expect(reads - (before[i] ?? 0)).toBeLessThan(20);
  });

  it('loses an entry that another consumer took, and its place is free for the other lane', async () => {
    const { consumer, lanes, attempts, settle, end } = consumerWithLanes({ lanes: 2, concurrency: 2 });
    consumer.resume();
    lanes[0]?.publish(2);
    lanes[1]?.publish(2);
    await settle();
    expect(attempts).toHaveLength(2);
    inLane(consumer, 0).lose(['1-1', '1-2']);
    await settle();
    for (let i = 0; i < 4; i++) await end();
    expect(lanes[1]?.committed).toEqual(['2-1', '2-2']);
    expect(lanes[0]?.committed).toEqual([]);
  });

  it('is drained, settled and left while attempts run: nothing more begins, the rest is handed back', async () => {
    const { consumer, lanes, attempts, begun, state, settle, end } = consumerWithLanes({
      lanes: 3,
      deep: true,
    });
    consumer.resume();
    for (const lane of lanes) lane.publish(2);
    await settle();
    const steps: string[] = [];
    const left = (async () => {
      await consumer.pause();
      await consumer.drain(NEVER);
      steps.push('drained');
      await consumer.settled(NEVER);
      steps.push('settled');
      return consumer.leave();
    })();
    await settle();
    expect([state.quiet, attempts.length, steps]).toEqual([true, 1, []]);
    const count = begun.length;
    await end();
    await settle();
    expect([begun.length, steps]).toEqual([count, ['drained', 'settled']]);
    const held = (await left) + lanes.reduce((sum, { waiting }) => sum + waiting, 0);
    expect(held + lanes.flatMap(({ committed }) => committed).length).toBe(6);
  });

  it('leaves all lanes before it says that one has refused', async () => {
    const { consumer, lanes, settle } = consumerWithLanes({ lanes: 3 });
    const [first, second] = lanes;
    if (first) first.refuses = true;
    if (second) second.answers = false;
    const refused = new Error('refused');
    const ended = vi.fn();
    const left = consumer.leave().catch(ended);
    await settle();
    expect(ended).not.toHaveBeenCalled();
    second?.answerAgain();
    await left;
    expect(ended).toHaveBeenCalledWith(refused);
  });

  it('pauses and resumes as one: its executor is quiet once all lanes are', async () => {
    const { consumer, lanes, state, settle, end } = consumerWithLanes({ lanes: 3 });
    for (let i = 0; i < 3; i++) {
      consumer.resume();
      for (const lane of lanes) lane.publish(3);
      await settle();
      await end();
      void consumer.pause();
      await settle();
      expect(state.quiet).toBe(true);
      await end();
    }
    consumer.resume();
    for (let i = 0; i < 30; i++) await end();
    expect(lanes.map(({ committed }) => committed.length)).toEqual([9, 9, 9]);
  });

  it('hands everything back while its executor is closed, in all lanes', async () => {
    const { consumer, lanes, attempts, state, settle } = consumerWithLanes({ lanes: 2, concurrency: 2 });
    consumer.resume();
    for (const lane of lanes) lane.publish();
    await settle();
    state.closed = true;
    for (const attempt of [...attempts]) attempt.end(INTERRUPTED);
    await vi.advanceTimersByTimeAsync(1_000);
    expect([consumer.stalled, lanes.map(({ left }) => left)]).toEqual([true, [1, 1]]);
    state.closed = false;
    for (const lane of lanes) lane.publish();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(attempts).toHaveLength(2);
  });
});

describe('slow messages', () => {
  vi.useFakeTimers();
  afterEach(() => vi.clearAllTimers());

  it('of several lanes: a consumer that is busy with one leaves the others to other consumers', async () => {
    const { consumer, lanes, attempts, settle, end } = consumerWithLanes({ lanes: 3, ms: 5_000 });
    consumer.resume();
    await settle();
    // At the same moment: all three reads were waiting in Redis.
    for (const lane of lanes) lane.publish(1);
    await settle();
    expect(attempts).toHaveLength(1);
    expect(lanes.map(({ left }) => left).reduce((a, b) => a + b)).toBe(2);
    for (const lane of lanes) lane.publish(1);
    await vi.advanceTimersByTimeAsync(10_000);
    // None of these is read before the attempt has ended.
    expect(lanes.map(({ waiting }) => waiting)).toEqual([1, 1, 1]);
    await end();
    await vi.advanceTimersByTimeAsync(3_000);
    expect([attempts.length, lanes.reduce((sum, { waiting }) => sum + waiting, 0)]).toEqual([1, 2]);
  });

  it('begin in no lane while they are handed back: another consumer may have them already', async () => {
    const { consumer, lanes, begun, settle, end } = consumerWithLanes({ lanes: 2, ms: 5_000 });
    consumer.resume();
    await settle();
    let answer = () => {};
    for (const lane of lanes)
      lane.handBackTakes = new Promise((resolve) => {
        answer = resolve;
      });
    for (const lane of lanes) lane.publish();
    await settle();
    const [other] = lanes.flatMap(({ returned }) => returned.splice(0));
    expect(begun).toHaveLength(1);
    await end();
    expect([other, begun]).toEqual(['2-1', ['1-1']]);
    answer();
    await settle();
    for (const lane of lanes) lane.publish();
    await settle();
    await end();
    await end();
    expect(begun.toSorted()).toEqual(['1-1', '1-2', '2-2']);
  });

  it('are taken over by a consumer that is idle, before one that is busy', async () => {
    const [busy, idle] = [
      consumerWithLanes({ lanes: 2, ms: 5_000 }),
      consumerWithLanes({ lanes: 2, ms: 5_000 }),
    ];
    for (const { consumer } of [busy, idle]) consumer.resume();
    busy.lanes[0]?.publish();
    await busy.settle();
    const [there, here] = [inLane(busy.consumer, 1), inLane(idle.consumer, 1)];
    expect([there.idle, here.idle]).toEqual([false, true]);
    expect(here.room).toBeGreaterThan(0);
  });
});

describe('whatever happens', () => {
  vi.useFakeTimers();
  afterEach(() => vi.clearAllTimers());

  it('each message is processed once, and places never run out', async () => {
    const step = fc.oneof(
      fc.record({
        kind: fc.constantFrom('publish' as const, 'publishPack' as const),
        which: fc.nat(2),
        count: fc.integer({ min: 1, max: 9 }),
      }),
      fc.record({
        kind: fc.constantFrom('end' as const, 'interrupt' as const, 'pause' as const, 'resume' as const),
        which: fc.nat(9),
        count: fc.constant(1),
      }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.boolean(),
        fc.boolean(),
        fc.integer({ min: 1, max: 3 }),
        fc.constantFrom(0.1, 30),
        fc.array(step, { maxLength: 60 }),
        async (deep, instant, concurrency, ms, steps) => {
          const world = consumerWithLanes({ lanes: 3, concurrency, deep, instant, ms });
          const { consumer, lanes, attempts, state, settle } = world;
          let published = 0;
          consumer.resume();
          for (const { kind, which, count } of steps) {
            if (kind === 'publish' || kind === 'publishPack') {
              lanes[which]?.[kind](count);
              published += count;
            } else if (kind === 'end') attempts[which % Math.max(attempts.length, 1)]?.end();
            else if (kind === 'interrupt') attempts[which % Math.max(attempts.length, 1)]?.end(INTERRUPTED);
            else if (kind === 'pause') void consumer.pause();
            else consumer.resume();
            await settle();
            if (!deep) expect(attempts.length).toBeLessThanOrEqual(concurrency);
          }
          consumer.resume();
          for (let i = 0; i < 4 * published + 10; i++) await world.end();
          await vi.advanceTimersByTimeAsync(3_000);
          while (attempts.length > 0) await world.end();
          expect(state.quiet).toBe(false);
          const committed = lanes.flatMap((lane) => lane.committed);
          expect(new Set(committed).size).toBe(committed.length);
          expect(committed.length).toBe(published);
          vi.clearAllTimers();
        },
      ),
      { numRuns: 100 },
    );
  }, 60_000);
});
