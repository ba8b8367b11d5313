import { describe, expect, it } from 'vitest';
import { InFlight } from '../../../src/consumer/in-flight.js';
import { PackHold } from '../../../src/consumer/pack-hold.js';

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
    expect(inFlight.ids().entries).toEqual(['5-1', '5-2', '3-9', '6-0']);
    expect(inFlight.size).toBe(4);
  });

  it('are accepted once, however often their entries come, until they are released', () => {
    const { inFlight, accept } = setUp();
    const [first] = accept('5-1', '5-2');
    expect(accept('5-2', '5-1', '4-0', '4-0', '5-3').map(({ inboxId }) => inboxId)).toEqual(['4-0', '5-3']);
    first?.release();
    expect(accept('5-1', '5-2').map(({ inboxId }) => inboxId)).toEqual(['5-1']);
    expect(inFlight.ids().entries).toEqual(['5-2', '4-0', '5-3', '5-1']);
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
    expect([inFlight.size, inFlight.ids().entries]).toEqual([0, []]);
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
    expect([inFlight.ids(25).entries, inFlight.ids().entries]).toEqual([['5-2'], ['5-2', '5-3']]);
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
      expect([inFlight.size, inFlight.ids().entries]).toEqual([held.size, [...held.keys()]]);
    }
  });
});

describe('the messages of packs that a consumer holds', () => {
  const holdOf = (id: string) => new PackHold({ id, consumerId: 'c', patience: 1, onComplete: () => {} });
  const packOf = (id: string, ...messages: string[]) => ({ id, messages });

  it('have the ids that follow from the id of their pack, and are held with it', () => {
    const { inFlight, accept, releases } = setUp();
    accept('5-1');
    const hold = holdOf('5-1003003');
    const accepted = inFlight.acceptPack(packOf('5-1003003', 'a', 'bc', 'd'), hold);
    accept('5-2');
    expect(accepted).toMatchObject([
      { entryId: '5-1003003', inboxId: '5-1003001', message: 'a', attempt: 1, fresh: true, number: 1 },
      { entryId: '5-1003003', inboxId: '5-1003002', message: 'bc', attempt: 1, fresh: true, number: 2 },
      { entryId: '5-1003003', inboxId: '5-1003003', message: 'd', attempt: 1, fresh: true, number: 3 },
    ]);
    expect(inFlight.ids()).toEqual({ entries: ['5-1', '5-2'], packs: ['5-1003003'] });
    expect([inFlight.size, inFlight.bytes, [...inFlight.packs()]]).toEqual([5, 16, [hold]]);
    expect(inFlight.withIds(['5-1003003', '5-1003001'])).toEqual(accepted);
    hold.release();
    expect([inFlight.size, inFlight.bytes, inFlight.ids().packs, releases()]).toEqual([2, 12, [], 3]);
  });

  it('are accepted once, and do not make entries look known', () => {
    const { inFlight, accept } = setUp();
    inFlight.acceptPack(packOf('5-1000002', 'a', 'b'), holdOf('5-1000002'));
    expect(accept('5-1', '4-1').map(({ inboxId }) => inboxId)).toEqual(['5-1', '4-1']);
    const hold = holdOf('5-1001002');
    expect(inFlight.acceptPack(packOf('5-1001002', 'a', 'b'), hold).length).toBe(2);
    for (const id of ['5-1000002', '5-1001002'])
      expect(inFlight.acceptPack(packOf(id, 'a', 'b'), holdOf(id))).toEqual([]);
    hold.release();
    expect(inFlight.acceptPack(packOf('5-1001002', 'a', 'b'), hold).length).toBe(2);
    expect(inFlight.acceptPack(packOf('4-1000001', 'a'), holdOf('4-1000001')).length).toBe(1);
  });

  it('are over when their pack knows how they end', () => {
    const { inFlight, accept } = setUp();
    const hold = holdOf('5-1000002');
    const deliveries = inFlight.acceptPack(packOf('5-1000002', 'a', 'b'), hold);
    hold.end(2, { kind: 'given-up', error: 'no use' }, 0);
    expect([...deliveries, ...accept('5-1')].map(({ over }) => over)).toEqual([false, true, false]);
  });
});

describe('an entry that came out of a pack', () => {
  it('has the id that it had, and is fresh only if it was not tried', () => {
    const { inFlight } = setUp();
    const outcome = { kind: 'given-up' as const, error: 'no use' };
    const entry = { id: '9-1', identity: '5-1000002', message: 'm', attempts: 0 };
    expect(
      inFlight.accept([entry, { ...entry, id: '9-2', attempts: 3 }, { ...entry, id: '9-3', outcome }], true),
    ).toMatchObject([
      { entryId: '9-1', inboxId: '5-1000002', fresh: true, attempt: 1, unrecorded: undefined },
      { entryId: '9-2', inboxId: '5-1000002', fresh: false, attempt: 4 },
      { entryId: '9-3', unrecorded: outcome },
    ]);
    expect(inFlight.accept([{ ...entry, id: '9-4' }], false)).toMatchObject([{ fresh: false }]);
    expect(inFlight.ids().entries).toEqual(['9-1', '9-2', '9-3', '9-4']);
  });
});
