import { expect, it } from 'vitest';
import { at, nodes, SEAT } from '../../helpers/lane-nodes.js';
import { packed } from '../../helpers/packed.js';

it('a bridge that arrives gets a mark after all that the lanes have, though the group has lost its marks', async () => {
  const { base, lanes, storeOf, lead } = nodes();
  await lead();
  for (const { state } of lanes) state.position = at(500, 3);
  base.state.mark = 100;
  expect(await storeOf().mark({ ...SEAT, caller: 'b', joins: true })).toMatchObject({ mark: 501 });
});

it('a leader that finds the marks behind the lanes tells a gap and goes on after all of them', async () => {
  const { base, lanes, storeOf, take, lead } = nodes();
  await lead();
  if (lanes[1]) lanes[1].state.position = at(500, 3);
  const store = storeOf();
  // It may not have told yet which marks it has heard.
  expect(await take(store, 'b#2')).toEqual({ taken: false });
  expect(base.state.gaps).toEqual([]);
  expect(await take(store, 'b#2')).toMatchObject({ taken: true, position: at(500, 3) });
  expect(base.state.gaps).toHaveLength(1);
  expect(lanes.map(({ state }) => state.position)).toEqual([at(500, 3), at(500, 3)]);
});

it('a leader whose bridge has heard later marks than the group has loses nothing, and tells no gap', async () => {
  const { base, lanes, storeOf, lead } = nodes();
  await lead();
  if (lanes[1]) lanes[1].state.position = at(500, 3);
  const reply = await storeOf().take('b#2', base.state.token, base.state.beat, { seen: 500 });
  expect(reply).toMatchObject({ taken: true, position: at(10) });
  expect(base.state.gaps).toEqual([]);
});

it('a gap is recorded again if the group came back without it, once', async () => {
  const { base, storeOf, take, lead } = nodes();
  const { store, move } = await lead();
  base.state.mark = 50;
  base.remember();
  const gap = { reason: 'no bridge was subscribed', since: 12, dropped: 0 };
  await store.relay({ ...move, from: at(10), to: at(50), messages: packed([]), gap });
  expect(base.state.gaps).toHaveLength(1);
  base.goBack(1);
  expect(base.state.gaps).toHaveLength(0);
  // With the script that moves the group past it, once.
  for (const caller of ['b#2', 'b#3']) {
    const next = storeOf();
    expect(await take(next, caller)).toMatchObject({ position: at(50) });
    const { token } = base.state;
    await next.relay({ ...move, caller, token, from: at(50), to: at(50), messages: packed([]) });
    expect(base.state.position).toEqual(at(50));
    expect(base.state.gaps).toMatchObject([{ since: 10 }]);
  }
});

it('a leader that a lane refuses hears of it in silence', async () => {
  const { lanes, lead, pass } = nodes();
  const { store, move, token } = await lead();
  lanes[0]?.lead('b#2', 9);
  pass(1_000);
  const mark = { ...SEAT, caller: 'b#1', token };
  await store.mark({ ...mark, advance: { from: at(10), to: at(20) } });
  await new Promise((resolve) => setImmediate(resolve));
  // The position of the group, not that of this bridge: so the bridge asks.
  expect(await store.mark(mark)).toMatchObject({ lease: { holder: 'b#1', relayed: at(10) } });
  const ask = { ...move, from: at(20), to: at(20), messages: packed([]) };
  expect(await store.relay(ask)).toEqual({ kind: 'fenced' });
});

it('another number of lanes begins at the furthest position', async () => {
  const { base, lanes, storeOf, take, lead } = nodes();
  await lead();
  base.state.lanes = 1;
  base.state.mark = 40;
  base.state.position = at(40);
  for (const { state } of lanes) state.position = undefined;
  expect(await take(storeOf(), 'b#2')).toMatchObject({ taken: true, position: at(40) });
  expect(lanes.map(({ state }) => state.position)).toEqual([at(40), at(40)]);
  expect(base.state.lanes).toBe(2);
  expect(base.state.gaps).toEqual([]);
});

it('a gap is recorded once though the reply is lost, and then what was dropped since', async () => {
  const { base, lead } = nodes();
  const { store, move } = await lead();
  const relay = base.relay.bind(base);
  let lost = 2;
  base.relay = (request) => {
    const reply = relay(request);
    if (request.gap && lost-- > 0) throw new Error('no reply');
    return reply;
  };
  const gap = { reason: 'the buffer was full', since: 12, dropped: 3 };
  const send = (dropped: number, to: number) =>
    store.relay({ ...move, from: at(10), to: at(to), messages: packed([]), gap: { ...gap, dropped } });
  await expect(send(3, 50)).rejects.toThrow('no reply');
  // More messages have come meanwhile, so it ends later.
  await expect(send(3, 60)).rejects.toThrow('no reply');
  expect(await send(5, 70)).toEqual({ kind: 'written' });
  expect(base.state.gaps).toMatchObject([{ dropped: 3 }, { dropped: 2 }]);
  expect(base.state.position).toEqual(at(70));
  await store.relay({ ...move, from: at(70), to: at(80), messages: packed([]), gap });
  expect(base.state.gaps).toHaveLength(3);
});
