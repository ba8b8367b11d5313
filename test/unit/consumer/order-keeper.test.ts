import { expect, it, vi } from 'vitest';
import { OrderKeeper } from '../../../src/consumer/order-keeper.js';
import { silentLogger } from '../../../src/log/logger.js';

function setUp() {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const state = { full: false, refuses: false };
  const letOut = vi.fn(async () => {
    if (state.refuses) throw new Error('refused');
  });
  const warn = vi.fn();
  const keeper = new OrderKeeper({
    store: { letOut },
    window: state,
    heartbeat: 1_000,
    log: { ...silentLogger, warn, error: warn },
  });
  return { keeper, state, letOut, warn };
}

it('looks once a heartbeat, at once when told to, and every 50 ms while the window is full', async () => {
  const { keeper, state, letOut } = setUp();
  try {
    await keeper.start();
    await vi.advanceTimersByTimeAsync(900);
    expect(letOut).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(150);
    expect(letOut).toHaveBeenCalledTimes(2);
    keeper.hurry();
    await vi.advanceTimersByTimeAsync(1);
    expect(letOut).toHaveBeenCalledTimes(3);
    state.full = true;
    await vi.advanceTimersByTimeAsync(500);
    expect(letOut.mock.calls.length).toBeGreaterThanOrEqual(12);
    await keeper.stop();
  } finally {
    vi.useRealTimers();
  }
});

it('looks for the last time when it stops, and tells once that Redis refuses', async () => {
  const { keeper, state, letOut, warn } = setUp();
  try {
    state.refuses = true;
    state.full = true;
    await keeper.start();
    await vi.advanceTimersByTimeAsync(2_000);
    const before = letOut.mock.calls.length;
    expect(warn).toHaveBeenCalledTimes(1);
    await keeper.stop();
    expect(letOut).toHaveBeenCalledTimes(before + 1);
  } finally {
    vi.useRealTimers();
  }
});
