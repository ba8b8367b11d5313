import { afterEach, describe, expect, it, vi } from 'vitest';
import { consumerWithLanes } from '../../helpers/lane-consumers.js';

describe('packs of several lanes', () => {
  vi.useFakeTimers();
  afterEach(() => vi.clearAllTimers());

  it.each(
    [1, 3].flatMap((lanes) => [
      { lanes, batch: 'auto' as const },
      { lanes, batch: 100 },
    ]),
  )(
    'are processed as a whole by a processor that returns at once: $lanes lanes, batch $batch',
    async (options) => {
      const { consumer, lanes, state, settle } = consumerWithLanes({ ...options, ms: 0.01, instant: true });
      consumer.resume();
      for (const lane of lanes) for (let i = 0; i < 30; i++) lane.publishPack(100);
      await settle();
      expect(lanes.map(({ committed }) => committed.length)).toEqual(lanes.map(() => 3_000));
      expect([state.whole, lanes.map(({ left }) => left)]).toEqual([
        3_000 * lanes.length,
        lanes.map(() => 0),
      ]);
    },
  );

  it('whose messages wait are held, up to the batch over all lanes, and do not go back', async () => {
    const { consumer, lanes, settle, end } = consumerWithLanes({ lanes: 3, batch: 100, ms: 0.1 });
    consumer.resume();
    // Nothing is measured before: the rest of a pack would go back.
    lanes[0]?.publish();
    await settle();
    await end();
    for (const lane of lanes) for (let i = 0; i < 10; i++) lane.publishPack(50);
    for (let i = 0; i < 1_600; i++) await end();
    expect(lanes.map(({ committed }) => committed.length)).toEqual([501, 500, 500]);
    // But for the first packs: all three reads waited in Redis, and brought one each at the same moment.
    expect(lanes.reduce((sum, { left }) => sum + left, 0)).toBeLessThanOrEqual(100);
  });
});
