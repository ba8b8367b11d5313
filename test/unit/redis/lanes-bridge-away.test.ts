import { expect, it } from 'vitest';
import { type LogLine, silentLogger } from '../../../src/log/logger.js';
import { at, nodes, SEAT } from '../../helpers/lane-nodes.js';
import { packed } from '../../helpers/packed.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

it('behind a lane that does not answer waits one call that moves the lanes, however long that takes', async () => {
  const { lead, pass } = nodes();
  const calls = [0, 0];
  let [isAway, answer] = [false, () => {}];
  const { store, token } = await lead(async (lane, run) => {
    calls[lane] = (calls[lane] ?? 0) + 1;
    if (isAway && lane === 1)
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
    return run();
  });
  const mark = async () => {
    pass(500);
    await store.mark({ ...SEAT, caller: 'b#1', token });
    await turn();
  };
  calls.fill(0);
  isAway = true;
  for (let marks = 0; marks < 100; marks++) await mark();
  expect(calls).toEqual([1, 1]);
  isAway = false;
  answer();
  await turn();
  expect(calls).toEqual([1, 1]);
  await mark();
  expect(calls).toEqual([2, 2]);
});

it('a lane that refuses is in the log also while no messages come, and when it is over', async () => {
  const lines: string[] = [];
  const line: LogLine = (_fields, text) => lines.push(text);
  const log = { ...silentLogger, warn: line, info: line };
  const { lead, pass } = nodes(log);
  let isRefused = false;
  const { store, token } = await lead(async (lane, run) => {
    if (isRefused && lane === 1) throw new Error('NOPERM no right');
    return run();
  });
  for (const refused of [true, true, false]) {
    isRefused = refused;
    pass(500);
    await store.mark({ ...SEAT, caller: 'b#1', token });
    await turn();
  }
  expect(lines).toEqual([
    'the bridge cannot move all lanes, trying again: NOPERM no right',
    expect.stringMatching(/^over after .*: the bridge cannot move all lanes$/),
  ]);
});

it('a leader that does not reach a lane for longer than the lease gives the lead to a bridge that does', async () => {
  const { base, lanes, storeOf, take, lead, pass } = nodes();
  let isCut = false;
  const { store, token } = await lead(async (lane, run) => {
    if (isCut && lane === 1) throw new Error('unreachable');
    return run();
  });
  const beats = async () => {
    const { beat } = base.state;
    pass(500);
    await store.mark({ ...SEAT, caller: 'b#1', token });
    await turn();
    return base.state.beat > beat;
  };
  expect(await beats()).toBe(true);
  isCut = true;
  expect(await beats()).toBe(true);
  // The lane was first asked without a reply at the end of that; then for 500 and 1,000 ms.
  expect([await beats(), await beats(), await beats()]).toEqual([true, true, false]);

  const other = storeOf();
  const reply = await take(other, 'b#2');
  const relay = { packSize: 1, from: at(10), to: at(20, 1), messages: packed(['a']) };
  expect(await other.relay({ ...relay, caller: 'b#2', token: base.state.token })).toEqual({
    kind: 'written',
  });
  expect(reply).toMatchObject({ taken: true, position: at(10) });
  expect(lanes.flatMap(({ state }) => state.inbox)).toEqual(['a']);
  // So the bridge of before follows.
  const lease = { holder: 'b#2', token: token + 1 };
  expect(await store.mark({ ...SEAT, caller: 'b#1', token })).toMatchObject({ lease });
});

it('a leader that reaches all lanes again before another bridge has the lead keeps it', async () => {
  const { base, lead, pass } = nodes();
  let isCut = true;
  const { store, token } = await lead(async (lane, run) => {
    if (isCut && lane === 1 && base.state.beat > 0) throw new Error('unreachable');
    return run();
  });
  const marks = async () => {
    pass(500);
    await store.mark({ ...SEAT, caller: 'b#1', token });
    await turn();
  };
  for (let i = 0; i < 6; i++) await marks();
  const { beat } = base.state;
  isCut = false;
  await marks();
  expect(base.state.beat).toBe(beat);
  await marks();
  expect(base.state.beat).toBe(beat + 1);
});
