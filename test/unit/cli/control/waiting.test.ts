import { describe, expect, it } from 'vitest';
import { waitForDrained, waitForSize } from '../../../../src/cli/control/waiting.js';
import { GroupControl } from '../../../../src/observe/group-control.js';
import { FakeControlStore, managed } from '../../../helpers/control.js';

/** Two processes; at each look, each moves by up to two consumers towards its share. */
function groupOf(...shares: number[]) {
  const store = new FakeControlStore(
    ...shares.map((_, n) => managed(`p${n}`, `host${n}`, { capacity: 20, consumers: 5 })),
  );
  store.onLook = () => {
    store.live = store.live.map((one, n) => {
      const step = Math.max(-2, Math.min(2, (shares[n] ?? 0) - one.consumers));
      return { ...one, consumers: one.consumers + step };
    });
  };
  return { store, group: new GroupControl(store) };
}

const soon = { timeout: 60_000, every: 0 };
const late = { timeout: 0, every: 0 };

describe('waiting for a size', () => {
  it('ends when exactly so many consumers run, and reports the way there', async () => {
    const { group } = groupOf(12, 9);
    const seen: number[] = [];
    const onRunning = (running: number) => seen.push(running);
    const sizes = await waitForSize(group, await group.scale(21), { ...soon, onRunning });
    expect(sizes).toMatchObject({ running: 21, wanted: 21, managed: 2, hosts: 2 });
    expect(seen).toEqual([14, 18, 20]);
  });

  it('ends when the rest has stopped', async () => {
    const { group } = groupOf(1, 0);
    expect(await waitForSize(group, await group.scale(1), soon)).toMatchObject({ running: 1 });
    await expect(waitForSize(group, await group.scale(0), late)).rejects.toThrow(/1 of 0 consumers run/);
  });

  it('says what is missing when all that can run does, without waiting for the timeout', async () => {
    const { group, store } = groupOf(20, 20);
    await expect(waitForSize(group, await group.scale(50), soon)).rejects.toMatchObject({
      code: 'STATE',
      message: 'wanted 50, capacity 40 on 2 hosts: start more processes or raise --capacity; 50 stays wanted',
    });
    expect(store.live.map(({ consumers }) => consumers)).toEqual([20, 20]);
  });

  it('says how to start a process if none is managed', async () => {
    const group = new GroupControl(new FakeControlStore(managed('p', 'h', { managed: false, consumers: 3 })));
    await expect(waitForSize(group, await group.scale(3), soon)).rejects.toThrow(
      'wanted 3, and no managed process runs: start one with cgroup start --managed; 3 stays wanted',
    );
  });

  it('says if all are drained', async () => {
    const { group } = groupOf(0);
    await group.drain('host0');
    await expect(waitForSize(group, await group.scale(3), soon)).rejects.toThrow(/drained.*cgroup undrain/);
  });

  it('ends if another operator wants another size, and names him', async () => {
    const { group, store } = groupOf(11, 10);
    const set = await group.scale(21);
    store.set({ size: 4 }, { who: 'cleo@x', why: 'too many' });
    await expect(waitForSize(group, set, soon)).rejects.toMatchObject({
      code: 'STALE',
      message: expect.stringContaining('cleo@x (size 4: too many)'),
    });
  });

  it('goes on if another operator pauses meanwhile', async () => {
    const { group, store } = groupOf(11, 10);
    const set = await group.scale(21);
    store.set({ paused: true });
    expect(await waitForSize(group, set, soon)).toMatchObject({ running: 21 });
  });

  it('ends if autoscaling is turned on meanwhile', async () => {
    const { group } = groupOf(11, 10);
    const set = await group.scale(21);
    await group.scale({ min: 1 });
    await expect(waitForSize(group, set, soon)).rejects.toMatchObject({ code: 'STALE' });
  });

  it('ends at the timeout, and says how many run', async () => {
    const { group } = groupOf(11, 10);
    await expect(waitForSize(group, await group.scale(21), late)).rejects.toThrow(
      '14 of 21 consumers run after 0ms: cgroup status shows the processes; 21 stays wanted',
    );
  });
});

describe('waiting for a drain', () => {
  it('ends when the host runs no managed consumers', async () => {
    const { group, store } = groupOf(0, 10);
    store.live.push(managed('p9', 'host0', { managed: false, consumers: 3 }));
    await waitForDrained(group, 'host0', await group.drain('host0'), soon);
    expect(store.live[0]?.consumers).toBe(0);
  });

  it('ends when the process is gone', async () => {
    const { group, store } = groupOf(5, 5);
    const set = await group.drain('p1');
    store.live.pop();
    await waitForDrained(group, 'p1', set, late);
  });

  it('ends at the timeout, and if the drain is ended', async () => {
    const { group, store } = groupOf(5, 5);
    const set = await group.drain('p1');
    await expect(waitForDrained(group, 'p1', set, late)).rejects.toThrow('5 consumers still run in p1');
    store.set({ drained: [] }, { who: 'cleo@x', why: '' });
    await expect(waitForDrained(group, 'p1', set, soon)).rejects.toMatchObject({ code: 'STALE' });
  });
});
