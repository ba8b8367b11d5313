import { describe, expect, it } from 'vitest';
import { InFlight } from '../../../src/consumer/in-flight.js';

function setUp() {
  let releases = 0;
  const inFlight = new InFlight(() => {
    releases++;
  });
  const accept = (...ids: string[]) =>
    inFlight.accept(
      ids.map((id) => ({ id, message: `of ${id}`, attempts: 2 })),
      true,
    );
  return { inFlight, accept, releases: () => releases };
}

describe('the deliveries of a consumer', () => {
  it('are in the order of their arrival', () => {
    const { inFlight, accept } = setUp();
    accept('5-1', '5-2');
    accept('3-9', '6-0');
    expect(inFlight.ids()).toEqual(['5-1', '5-2', '3-9', '6-0']);
    expect(inFlight.size).toBe(4);
  });

  it('are accepted once, however often their entries come, until they are released', () => {
    const { inFlight, accept } = setUp();
    const [first] = accept('5-1', '5-2');
    expect(accept('5-2', '5-1', '4-0', '4-0', '5-3').map(({ inboxId }) => inboxId)).toEqual(['4-0', '5-3']);
    first?.release();
    expect(accept('5-1', '5-2').map(({ inboxId }) => inboxId)).toEqual(['5-1']);
    expect(inFlight.ids()).toEqual(['5-2', '4-0', '5-3', '5-1']);
    expect(accept('5-2', '6-0', '6-0').map(({ inboxId }) => inboxId)).toEqual(['6-0']);
  });

  it('are released once', () => {
    const { inFlight, accept, releases } = setUp();
    const [first, second] = accept('5-1', '5-2');
    first?.release();
    first?.release();
    expect([inFlight.size, releases(), first?.held, second?.held]).toEqual([1, 1, false, true]);
    expect(inFlight.withIds(['5-1', '5-2', '9-9'])).toEqual([second]);
    second?.release();
    expect([inFlight.size, inFlight.ids()]).toEqual([0, []]);
  });

  it('keep their message until the outcome is known', () => {
    const { accept } = setUp();
    const [delivery] = accept('5-1');
    expect(delivery).toMatchObject({ inboxId: '5-1', attempts: 2, attempt: 3, message: 'of 5-1' });
    delivery?.beginSettling();
    expect(delivery).toMatchObject({ settling: true, held: true, message: '' });
  });

  it('give the ids of those held for a while', async () => {
    const { inFlight, accept } = setUp();
    accept('5-1', '5-2')[0]?.release();
    await new Promise((resolve) => setTimeout(resolve, 30));
    accept('5-3');
    expect([inFlight.ids(25), inFlight.ids()]).toEqual([['5-2'], ['5-2', '5-3']]);
  });

  it('stay right while thousands are accepted and released', () => {
    const { inFlight, accept } = setUp();
    const held = new Map<string, { release(): void }>();
    let seed = 1;
    const random = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    for (let round = 0; round < 2_000; round++) {
      const ids = Array.from({ length: random(8) }, () => `${1 + random(300)}-0`);
      for (const delivery of accept(...ids)) {
        expect(held.has(delivery.inboxId)).toBe(false);
        held.set(delivery.inboxId, delivery);
      }
      for (const [id, delivery] of [...held])
        if (random(4) === 0) {
          delivery.release();
          held.delete(id);
        }
      expect([inFlight.size, inFlight.ids()]).toEqual([held.size, [...held.keys()]]);
    }
  });
});
