import { performance } from 'node:perf_hooks';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Failing } from '../../../src/log/failing.js';
import { type Logger, silentLogger } from '../../../src/log/logger.js';

const attempt = { consumerId: 'a-1', inboxId: '1-0', attempt: 1, reason: 'failed', error: 'no such order' };

describe('a processor that fails', () => {
  beforeEach(() => {
    vi.useFakeTimers();
    // That of node:perf_hooks is not faked with the timers.
    vi.spyOn(performance, 'now').mockImplementation(() => Date.now());
  });
  afterEach(() => {
    vi.restoreAllMocks();
    vi.useRealTimers();
  });

  function scene() {
    const told: string[] = [];
    const log: Logger = {
      ...silentLogger,
      info: (_fields, text) => told.push(`info ${text}`),
      warn: (_fields, text) => told.push(`warn ${text}`),
    };
    const failing = new Failing(log);
    return { told, failing };
  }

  it('is told when nothing has succeeded for a second, every 30 s, and when something does', () => {
    const { told, failing } = scene();
    for (let i = 0; i < 3; i++) failing.failed(attempt);
    vi.advanceTimersByTime(999);
    expect(told).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(told).toEqual([
      'warn no attempt succeeds: 3 failed in 1.0 s, trying again; the last one (failed): no such order',
    ]);
    for (let i = 0; i < 2_950; i++) {
      vi.advanceTimersByTime(10);
      failing.failed(attempt);
    }
    expect(told).toHaveLength(1);
    vi.advanceTimersByTime(500);
    expect(told[1]).toMatch(/^warn no attempt succeeds: 2953 failed in 31\.0 s/);
    failing.succeeded();
    failing.succeeded();
    expect(told.slice(2)).toEqual(['info over after 31.0 s: no attempt succeeds']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('now and then is not told, be it at every other message', () => {
    const { told, failing } = scene();
    for (let i = 0; i < 10_000; i++) {
      failing.failed(attempt);
      failing.succeeded();
      vi.advanceTimersByTime(1);
    }
    failing.failed(attempt);
    vi.advanceTimersByTime(100_000);
    expect(told).toEqual([]);
  });

  it('and recovers again and again has two lines in 30 s, at most', () => {
    const { told, failing } = scene();
    for (let second = 0; second < 150; second += 3) {
      for (let i = 0; i < 5; i++) failing.failed(attempt);
      vi.advanceTimersByTime(2_000);
      failing.succeeded();
      vi.advanceTimersByTime(1_000);
    }
    expect(told.length).toBeGreaterThan(1);
    expect(told.length).toBeLessThanOrEqual(10);
  });

  it('leaves no timer behind, and starts none once it is stopped', () => {
    const { told, failing } = scene();
    failing.failed(attempt);
    failing.stop();
    expect(vi.getTimerCount()).toBe(0);
    failing.failed(attempt);
    failing.failed(attempt);
    expect(vi.getTimerCount()).toBe(0);
    expect(told).toEqual([]);
  });
});
