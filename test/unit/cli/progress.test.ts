import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { progressText, showProgress } from '../../../src/cli/progress.js';

beforeEach(() => {
  vi.useFakeTimers({
    toFake: ['setTimeout', 'setInterval', 'clearTimeout', 'clearInterval', 'performance', 'Date'],
  });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A stand-in for stderr, and the text written to it. */
function stderr(isTTY: boolean) {
  const stream = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY, columns: 200 });
  return { stream: stream as unknown as NodeJS.WriteStream, text: () => String(stream.read() ?? '') };
}

describe('the text', () => {
  it.each([
    [{ done: 120_000, total: 300_000, elapsed: 3_000 }, '120,000 of 300,000 messages, 40,000/s, 5 s left'],
    [{ done: 120_000, total: undefined, elapsed: 3_000 }, '120,000 messages, 40,000/s'],
    [{ done: 0, total: 300, elapsed: 3_000 }, '0 of 300 messages, 0/s'],
    [{ done: 0, total: undefined, elapsed: 0 }, '0 messages, 0/s'],
    [{ done: 300, total: 300, elapsed: 1_000 }, '300 of 300 messages, 300/s'],
    [{ done: 1, total: 60, elapsed: 1_000 }, '1 of 60 messages, 1/s, 59 s left'],
    [{ done: 1, total: 141, elapsed: 1_000 }, '1 of 141 messages, 1/s, 2 min left'],
    [{ done: 1, total: 7_201, elapsed: 1_000 }, '1 of 7,201 messages, 1/s, 2 h left'],
  ])('of %j is %j', (state, text) => {
    expect(progressText({ unit: 'messages', ...state })).toBe(text);
  });
});

describe('without a terminal', () => {
  it('shows nothing of work under 5 s', () => {
    const { stream, text } = stderr(false);
    const shown = showProgress({ total: 10, unit: 'messages', label: 'publishing', stream });
    shown.update(5);
    vi.advanceTimersByTime(4_900);
    shown.stop();
    vi.advanceTimersByTime(60_000);
    expect(text()).toBe('');
  });

  it('writes a line every 5 s', () => {
    const { stream, text } = stderr(false);
    const shown = showProgress({ unit: 'messages', label: 'publishing', stream });
    vi.advanceTimersByTime(10_000);
    expect(text()).toBe('');
    shown.update(1_000);
    vi.advanceTimersByTime(200);
    expect(text()).toBe('publishing: 1,000 messages, 98/s\n');
    shown.update(2_000, 4_000);
    vi.advanceTimersByTime(4_800);
    expect(text()).toBe('');
    vi.advanceTimersByTime(400);
    expect(text()).toMatch(/^publishing: 2,000 of 4,000 messages, .*\n$/);
    shown.stop();
  });
});

describe('on a terminal', () => {
  it('shows nothing of work that takes less than a second', () => {
    const { stream, text } = stderr(true);
    const shown = showProgress({ total: 10, unit: 'messages', label: 'publishing', stream });
    vi.advanceTimersByTime(990);
    shown.stop();
    vi.advanceTimersByTime(60_000);
    expect(text()).toBe('');
  });

  it('shows a bar, follows a changed total, and removes the bar in the end', () => {
    const { stream, text } = stderr(true);
    const shown = showProgress({ unit: 'messages', label: 'verifying', stream });
    shown.update(50, 200);
    vi.advanceTimersByTime(2_000);
    expect(text()).toMatch(/verifying \[#+-+\] 25% 50 of 200 messages, 25\/s, 6 s left/);
    shown.update(90, 100);
    vi.advanceTimersByTime(1_000);
    expect(text()).toMatch(/90% 90 of 100 messages/);
    shown.stop();
    // Clears the line, and leaves cursor and line wrapping as they were.
    const end = text();
    expect(end).toContain('\x1b[2K');
    for (const taken of ['\x1b[?25l', '\x1b[?7l']) expect(end).not.toContain(taken);
    vi.advanceTimersByTime(60_000);
    expect(text()).toBe('');
  });
});
