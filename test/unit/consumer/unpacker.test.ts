import { expect, it, vi } from 'vitest';
import { Unpacker, type UnpackerOptions } from '../../../src/consumer/unpacker.js';
import { silentLogger } from '../../../src/log/logger.js';

/** An unpacker, and a store from which each call takes the next of these. */
function setUp(...pages: { messages: number; more: boolean }[]) {
  return setUpWith({}, ...pages);
}

function setUpWith(more: Partial<UnpackerOptions>, ...pages: { messages: number; more: boolean }[]) {
  const calls = vi.fn();
  const warn = vi.fn();
  const state = { older: true };
  const unpacker = new Unpacker({
    onlyRuns: false,
    keepRuns: true,
    ...more,
    store: {
      unpack: async (keepRuns) => {
        calls(keepRuns);
        const page = pages.shift();
        if (!page) throw new Error('Redis is away');
        return page;
      },
    },
    older: () => state.older,
    log: { ...silentLogger, warn },
  });
  return { unpacker, calls, warn, state, never: new AbortController().signal };
}

it('does nothing while all processes read packs, also at the end', async () => {
  const { unpacker, calls, state, never } = setUp();
  state.older = false;
  await unpacker.start();
  await unpacker.stop();
  await unpacker.finish(never);
  expect(calls).not.toHaveBeenCalled();
});

it('takes one page at each look, and says once what it did', async () => {
  const { unpacker, calls, warn } = setUp({ messages: 12, more: true }, { messages: 3, more: false });
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    await unpacker.start();
    await vi.advanceTimersByTimeAsync(1);
    expect(calls).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(300);
    expect(calls).toHaveBeenCalledTimes(2);
    await unpacker.stop();
  } finally {
    vi.useRealTimers();
  }
  expect(warn.mock.calls.map(([fields]) => fields)).toEqual([{ messages: 12 }, { messages: 3 }]);
  expect(warn.mock.calls[0]?.[1]).toMatch(/^unpacked 12 messages: /);
});

it('goes on after a failure', async () => {
  const { unpacker, calls, warn } = setUp();
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    await unpacker.start();
    await vi.advanceTimersByTimeAsync(1_100);
    await unpacker.stop();
  } finally {
    vi.useRealTimers();
  }
  expect(calls.mock.calls.length).toBeGreaterThan(1);
  expect(warn).toHaveBeenCalledTimes(1);
});

it('takes all that waits at the end', async () => {
  const pages = Array.from({ length: 7 }, (_, i) => ({ messages: 40, more: i < 6 }));
  const { unpacker, calls, warn, never } = setUp(...pages);
  await unpacker.finish(never);
  expect(calls).toHaveBeenCalledTimes(7);
  expect(warn.mock.calls.map(([fields]) => fields)).toEqual([{ messages: 40 }, { messages: 240 }]);
});

it('leaves the rest at the end if the time is over, and says so', async () => {
  const { unpacker, calls, warn } = setUp({ messages: 40, more: true });
  await unpacker.finish(AbortSignal.abort());
  expect(calls).toHaveBeenCalledTimes(1);
  expect(warn.mock.calls.map(([, text]) => text)).toContainEqual(
    expect.stringMatching(/^messages are left in packs/),
  );
});

it('says at the end that messages may be left if Redis does not answer', async () => {
  const { unpacker, warn, never } = setUp();
  await unpacker.finish(never);
  expect(warn.mock.calls.map(([, text]) => text)).toEqual([
    expect.stringMatching(/^messages may be left in packs: Redis is away\. /),
  ]);
});

it.each([
  { older: false, keepRuns: true, kept: true },
  { older: true, keepRuns: true, kept: false },
  { older: false, keepRuns: false, kept: false },
])('packs of one key stay only if both the group and all processes can read them: $kept', async (one) => {
  const { unpacker, calls, state, never } = setUpWith(
    { onlyRuns: true, keepRuns: one.keepRuns },
    { messages: 1, more: false },
  );
  state.older = one.older;
  await unpacker.finish(never);
  expect(calls).toHaveBeenCalledExactlyOnceWith(one.kept);
});
