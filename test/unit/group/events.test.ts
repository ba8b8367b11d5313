import { performance } from 'node:perf_hooks';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Reports } from '../../../src/group/events.js';
import { type Logger, silentLogger } from '../../../src/log/logger.js';

const attempt = {
  consumerId: 'a-1',
  inboxId: '1-0',
  attempt: 1,
  reason: 'failed',
  error: 'no such order',
  dead: false,
} as const;

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
    const lines: string[] = [];
    const log: Logger = {
      ...silentLogger,
      info: (_fields, text) => lines.push(`info ${text}`),
      warn: (_fields, text) => lines.push(`warn ${text}`),
    };
    const reports = new Reports(log, undefined, () => {});
    const succeeded = () => reports.settled({ processed: 1, retried: 0, dead: 0 });
    return { lines, reports, succeeded };
  }

  it('is logged when nothing has succeeded for a second, every 30 s, and when something does', () => {
    const { lines, reports, succeeded } = scene();
    for (let i = 0; i < 3; i++) reports.failure(attempt);
    vi.advanceTimersByTime(999);
    expect(lines).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(lines).toEqual([
      'warn no attempt succeeds: 3 failed in 1.0 s, trying again; the last one (failed): no such order',
    ]);
    for (let i = 0; i < 2_950; i++) {
      vi.advanceTimersByTime(10);
      reports.failure(attempt);
    }
    expect(lines).toHaveLength(1);
    vi.advanceTimersByTime(500);
    expect(lines[1]).toMatch(/^warn no attempt succeeds: 2,953 failed in 31\.0 s/);
    succeeded();
    succeeded();
    expect(lines.slice(2)).toEqual(['info over after 31.0 s: no attempt succeeds']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('now and then has no line, even at every other message', () => {
    const { lines, reports, succeeded } = scene();
    for (let i = 0; i < 10_000; i++) {
      reports.failure(attempt);
      succeeded();
      vi.advanceTimersByTime(1);
    }
    reports.failure(attempt);
    vi.advanceTimersByTime(100_000);
    expect(lines).toEqual([]);
  });

  it('and recovers again and again has at most two lines in 30 s', () => {
    const { lines, reports, succeeded } = scene();
    for (let second = 0; second < 150; second += 3) {
      for (let i = 0; i < 5; i++) reports.failure(attempt);
      vi.advanceTimersByTime(2_000);
      succeeded();
      vi.advanceTimersByTime(1_000);
    }
    expect(lines.length).toBeGreaterThan(1);
    expect(lines.length).toBeLessThanOrEqual(10);
  });

  it('is logged with the lane of the message where there are several, and the event is as with one', () => {
    const [fields, events]: [object[], unknown[]] = [[], []];
    const note = (more: object) => void fields.push(more);
    const log: Logger = { ...silentLogger, warn: note, debug: note };
    const reports = new Reports(log, undefined, (_event, ...given) => void events.push(...given));
    const letter = { ...attempt, attempts: 3, failed: true };
    reports.failure({ ...attempt, dead: false }, 2);
    reports.failure({ ...attempt, dead: false });
    reports.buried([letter], 1);
    reports.end();
    const line = { consumer: 'a-1', inboxId: '1-0', reason: 'failed' };
    expect(fields).toEqual([
      { ...line, attempt: 1, lane: 2 },
      { ...line, attempt: 1 },
      { ...line, attempt: 3, lane: 1, count: 1 },
    ]);
    for (const event of events) expect(event).not.toHaveProperty('lane');
  });

  it('leaves no timer behind, and starts none after the end', () => {
    const { lines, reports } = scene();
    reports.failure(attempt);
    reports.end();
    expect(vi.getTimerCount()).toBe(0);
    reports.failure(attempt);
    reports.failure(attempt);
    expect(vi.getTimerCount()).toBe(0);
    expect(lines).toEqual([]);
  });
});
