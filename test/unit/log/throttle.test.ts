import { performance } from 'node:perf_hooks';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CgroupError } from '../../../src/core/errors.js';
import { type Logger, silentLogger } from '../../../src/log/logger.js';
import { REMIND_EVERY, repeatedFailures, ThrottledLog } from '../../../src/log/throttle.js';

beforeEach(() => {
  vi.useFakeTimers();
  // That of node:perf_hooks is not faked with the timers.
  vi.spyOn(performance, 'now').mockImplementation(() => Date.now());
});
afterEach(() => {
  vi.restoreAllMocks();
  vi.useRealTimers();
});

describe('a log with a delay', () => {
  it('writes once per delay how many events came, and the last of them', () => {
    const write = vi.fn();
    const log = new ThrottledLog<string>({ delay: 1_000, write });
    log.add('a');
    vi.advanceTimersByTime(600);
    log.add('b');
    vi.advanceTimersByTime(399);
    expect(write).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(write.mock.calls).toEqual([[2, 'b', 1_000]]);
  });

  it('begins the next delay with the next event, from nothing', () => {
    const write = vi.fn();
    const log = new ThrottledLog<string>({ delay: 1_000, write });
    log.add('a');
    vi.advanceTimersByTime(5_000);
    expect(write).toHaveBeenCalledTimes(1);
    log.add('c');
    vi.advanceTimersByTime(999);
    expect(write).toHaveBeenCalledTimes(1);
    vi.advanceTimersByTime(1);
    expect(write.mock.calls).toEqual([
      [1, 'a', 1_000],
      [1, 'c', 1_000],
    ]);
  });

  it('writes at once when flushed, and leaves no timer behind', () => {
    const write = vi.fn();
    const log = new ThrottledLog<number>({ delay: 1_000, write });
    for (let n = 0; n < 10_000; n++) log.add(n);
    log.flush();
    expect(write.mock.calls).toEqual([[10_000, 9_999, 0]]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('writes nothing when there is nothing to write', () => {
    const write = vi.fn();
    new ThrottledLog({ delay: 1_000, write }).flush();
    expect(write).not.toHaveBeenCalled();
  });

  it('counts what is added while it writes for the next line', () => {
    const lines: [number, string][] = [];
    const log = new ThrottledLog<string>({
      delay: 1_000,
      write: (count, last) => {
        lines.push([count, last]);
        if (last === 'a') log.add('meanwhile');
      },
    });
    log.add('a');
    vi.advanceTimersByTime(2_000);
    expect(lines).toEqual([
      [1, 'a'],
      [1, 'meanwhile'],
    ]);
  });

  it('counts an event that stands for several', () => {
    const write = vi.fn();
    const log = new ThrottledLog<string>({ delay: 1_000, write });
    log.add('a', 100);
    log.add('b', 20);
    log.flush();
    expect(write.mock.calls).toEqual([[120, 'b', 0]]);
  });
});

describe('a log with an interval', () => {
  it('writes the first event at once, and those of each interval together at its end', () => {
    const write = vi.fn();
    const log = new ThrottledLog<number>({ interval: 1_000, write });
    log.add(0);
    expect(write.mock.calls).toEqual([[1, 0, 0]]);
    for (let n = 1; n <= 25; n++) {
      vi.advanceTimersByTime(100);
      log.add(n);
    }
    expect(write.mock.calls.slice(1).map(([count]) => count)).toEqual([9, 10]);
    log.flush();
    expect(write.mock.calls.at(-1)).toEqual([6, 25, 500]);
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(1_000);
    log.add(26);
    expect(write.mock.calls.at(-1)).toEqual([1, 26, 0]);
  });

  it('passes on the events between two lines if they can be shown, and sets no timer', () => {
    const [write, between] = [vi.fn(), vi.fn()];
    const log = new ThrottledLog<string>({ interval: 1_000, write, between });
    log.add('a');
    log.add('b');
    expect(between.mock.calls).toEqual([['b']]);
    expect(vi.getTimerCount()).toBe(0);
    vi.advanceTimersByTime(1_000);
    log.add('c');
    expect(write.mock.calls).toEqual([
      [1, 'a', 0],
      [2, 'c', 1_000],
    ]);
  });
});

describe('what fails again and again', () => {
  function scene(away?: 'warn' | 'debug') {
    const lines: string[] = [];
    const log: Logger = {
      ...silentLogger,
      debug: (_fields, text) => lines.push(`debug ${text}`),
      info: (_fields, text) => lines.push(`info ${text}`),
      warn: (_fields, text) => lines.push(`warn ${text}`),
    };
    return { lines, failures: repeatedFailures(log, 'beats fail', away) };
  }

  it('has a warning when that begins, one every 30 s, and a line when it is over', () => {
    const { lines, failures } = scene();
    for (let i = 0; i <= 40; i++) {
      failures.add(new Error(`no. ${i}`));
      vi.advanceTimersByTime(1_000);
    }
    expect(lines.filter((line) => line.startsWith('warn'))).toEqual([
      'warn beats fail, trying again: no. 0',
      'warn beats fail, trying again: no. 30',
    ]);
    expect(lines).toHaveLength(41);
    expect(lines[1]).toBe('debug beats fail, trying again: no. 1');
    failures.over();
    failures.over();
    expect(lines.slice(41)).toEqual(['info over after 41.0 s: beats fail']);
  });

  it('has a warning each time it begins, however soon', () => {
    const { lines, failures } = scene();
    for (let i = 0; i < 3; i++) {
      failures.add(new Error('no'));
      failures.over();
    }
    expect(lines.filter((line) => line.startsWith('warn'))).toHaveLength(3);
  });

  it('is at debug level while Redis does not answer, unless that is to be warned of', () => {
    const error = new CgroupError('REDIS_UNREACHABLE', 'no reply');
    const { lines, failures } = scene();
    failures.add(error);
    failures.over();
    expect(lines).toEqual(['debug beats fail, trying again: no reply']);
    const warning = scene('warn');
    warning.failures.add(error);
    vi.advanceTimersByTime(REMIND_EVERY);
    warning.failures.over();
    expect(warning.lines).toEqual([
      'warn beats fail, trying again: no reply',
      'info over after 30.0 s: beats fail',
    ]);
  });
});
