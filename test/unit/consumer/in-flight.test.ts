import { describe, expect, it } from 'vitest';
import { InFlight } from '../../../src/consumer/in-flight.js';

function setUp() {
  let releases = 0;
  const holdings = new InFlight(() => {
    releases++;
  });
  const add = (...ids: string[]) =>
    holdings.add(
      ids.map((id) => ({ id, message: `of ${id}`, attempts: 2 })),
      true,
    );
  return { holdings, add, releases: () => releases };
}

describe('holdings', () => {
  it('are in the order of their arrival', () => {
    const { holdings, add } = setUp();
    add('5-1', '5-2');
    add('3-9', '6-0');
    expect(holdings.ids()).toEqual(['5-1', '5-2', '3-9', '6-0']);
    expect(holdings.size).toBe(4);
  });

  it('are taken in once, however often they come, until they are let go of', () => {
    const { holdings, add } = setUp();
    const [first] = add('5-1', '5-2');
    expect(add('5-2', '5-1', '4-0', '4-0', '5-3').map(({ inboxId }) => inboxId)).toEqual(['4-0', '5-3']);
    first?.settled();
    expect(add('5-1', '5-2').map(({ inboxId }) => inboxId)).toEqual(['5-1']);
    expect(holdings.ids()).toEqual(['5-2', '4-0', '5-3', '5-1']);
    expect(add('5-2', '6-0', '6-0').map(({ inboxId }) => inboxId)).toEqual(['6-0']);
  });

  it('are let go of once', () => {
    const { holdings, add, releases } = setUp();
    const [first, second] = add('5-1', '5-2');
    first?.settled();
    first?.settled();
    expect([holdings.size, releases(), first?.held, second?.held]).toEqual([1, 1, false, true]);
    expect(holdings.among(['5-1', '5-2', '9-9'])).toEqual([second]);
    second?.settled();
    expect([holdings.size, holdings.ids()]).toEqual([0, []]);
  });

  it('are jobs whose message is kept until the outcome is known', () => {
    const { add } = setUp();
    const [holding] = add('5-1');
    expect(holding).toMatchObject({ inboxId: '5-1', attempts: 2, attempt: 3, message: 'of 5-1' });
    holding?.end();
    expect(holding).toMatchObject({ ended: true, held: true, message: '' });
  });

  it('tell what has been held for a while', async () => {
    const { holdings, add } = setUp();
    add('5-1', '5-2')[0]?.settled();
    await new Promise((resolve) => setTimeout(resolve, 30));
    add('5-3');
    expect([holdings.ids(25), holdings.ids()]).toEqual([['5-2'], ['5-2', '5-3']]);
  });

  it('stay right through thousands of arrivals and departures', () => {
    const { holdings, add } = setUp();
    const held = new Map<string, { settled(): void }>();
    let seed = 1;
    const random = (below: number) => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed % below;
    };
    for (let round = 0; round < 2_000; round++) {
      const ids = Array.from({ length: random(8) }, () => `${1 + random(300)}-0`);
      for (const holding of add(...ids)) {
        expect(held.has(holding.inboxId)).toBe(false);
        held.set(holding.inboxId, holding);
      }
      for (const [id, holding] of [...held])
        if (random(4) === 0) {
          holding.settled();
          held.delete(id);
        }
      expect([holdings.size, holdings.ids()]).toEqual([held.size, [...held.keys()]]);
    }
  });
});
