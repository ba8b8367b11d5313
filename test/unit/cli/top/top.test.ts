import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { frame, sparkline } from '../../../../src/cli/top/frame.js';
import { TopHistory } from '../../../../src/cli/top/history.js';
import { type Section, sectionLines, shareOut } from '../../../../src/cli/top/sections.js';
import type { GroupStatus } from '../../../../src/observe/status.js';
import { unset } from '../../../helpers/control.js';
import { NO_ORDER, waitingKey } from '../../../helpers/status.js';

const ALL = { width: Number.POSITIVE_INFINITY, height: Number.POSITIVE_INFINITY };

function status(more: Partial<GroupStatus> = {}, processed = 1_000): GroupStatus {
  return {
    time: '2026-11-21T12:00:03.987Z',
    group: 'cgroup',
    channel: 'in',
    source: { kind: 'channel', name: 'in', waiting: null },
    output: 'out',
    master: null,
    leader: 'b1',
    bridges: [
      { id: 'b1', leads: true },
      { id: 'b2', leads: false },
    ],
    consumers: [consumer(1, 3, processed)],
    waiting: 7,
    pending: 3,
    retrying: 2,
    backlog: 12,
    parked: 0,
    order: NO_ORDER,
    lagMs: 1_500,
    retries: { ageMs: 60_000, dueMs: 200 },
    deadLetters: 3,
    held: 0,
    haltedCount: 0,
    halted: [],
    foreign: [],
    ...unset,
    counters: {
      relayed: 12_345,
      processed,
      failed: 9,
      retried: 8,
      dead: 4,
      gaps: 1,
      dropped: 0,
      lost: 0,
      strays: 0,
      trimmed: 0,
      purged: 1,
      revived: 0,
      foreignMarks: 0,
      foreignRetries: 0,
      foreignHalts: 0,
      freed: 0,
      foreignHeld: 0,
      foreignParked: 0,
    },
    gaps: [{ from: '2026-11-21T11:00:00.000Z', to: '2026-11-21T11:00:02.000Z', reason: 'no bridge' }],
    ...more,
  };
}

const consumer = (n: number, pending: number, processed: number) => ({
  id: `web-1-abc-${n}`,
  host: 'web',
  pid: 4711,
  pending,
  processed,
  process: 'web-1-abc',
});

const controlled = {
  ...unset.control,
  revision: 4,
  wanted: 9,
  running: 8,
  capacity: 64,
  managed: 1,
  hosts: 1,
};

const deadLetter = (error: string) => ({
  id: '1795251095809-0',
  time: '2026-11-21T12:00:00.000Z',
  reason: 'failed',
  error,
  attempts: 5,
  consumer_id: 'c',
  inbox_id: '1-1',
  message: '{}',
});

/** The screen after these readings, one a second. */
function shown(readings: readonly GroupStatus[], size = ALL, error = 'no such order') {
  const history = new TopHistory(1_000, 0);
  for (const [i, reading] of readings.entries()) history.add(reading, [deadLetter(error)], i * 1_000);
  return frame(history.view((readings.length - 1) * 1_000), size);
}

const text = (lines: readonly { text: string }[]) => lines.map((line) => line.text).join('\n');

describe('the screen', () => {
  it('shows the control only if it is used, and a pause as an alarm', () => {
    expect(text(shown([status()]))).not.toMatch(/control|Paused/);
    expect(text(shown([status({ control: controlled })]))).toMatch(
      /^control {2}9 wanted, 8 run, capacity 64/m,
    );
    const pausedBy = { who: 'ann@web1', why: 'upgrade', at: '2026-11-21T11:00:00.000Z' };
    const paused = shown([status({ control: { ...controlled, paused: true, pausedBy } })]);
    expect(paused[1]).toEqual({
      text: 'Paused by ann@web1 since 2026-11-21T11:00:00Z: upgrade',
      tone: 'alarm',
    });
  });

  it('shows rate, lag, backlog, totals, bridges, consumers, dead letters and gaps', () => {
    const all = text(shown([status(), status({}, 3_500)]));
    expect(all).toContain('in → out  group cgroup  12:00:03Z');
    expect(all).toMatch(/^rate +2,500 msg\/s$/m);
    expect(all).toMatch(/^lag +1500ms +██$/m);
    expect(all).toMatch(/^backlog +12 +waiting 7 {2}pending 3 {2}retrying 2$/m);
    expect(all).toMatch(
      /^settled +3,504 +relayed 12,345 {2}processed 3,500 {2}dead 4 {2}failed attempts 9 {2}retried 8 {2}gaps 1$/m,
    );
    expect(all).toMatch(/^consumers \(1\) +host +pid +pending +processed +msg\/s$/m);
    expect(all).toMatch(/^web-1-abc-1 +web +4711 +3 +3,500 +2,500$/m);
    expect(all).toMatch(/^bridges \(2\)\nb1 +leads\nb2 +follows$/m);
    expect(all).toMatch(
      /^dead letters \(3\) +reason +attempts +error\n1795251095809-0 +failed +5 +no such order$/m,
    );
    expect(all).toMatch(/^gaps \(1\) .*\n2026-11-21T11:00:00.000Z +\S+ +no bridge$/m);
  });

  it('shows what an order waits for, the hottest keys, and a stuck one as an alarm', () => {
    const total = { ...NO_ORDER, kind: 'total' as const, window: 10 };
    expect(text(shown([status()]))).not.toMatch(/^order/m);
    expect(text(shown([status({ order: total })]))).toMatch(
      /^order {4}total: no result waits for an earlier one$/m,
    );
    const order = {
      ...NO_ORDER,
      kind: 'key' as const,
      busy: 1_204,
      hottest: [waitingKey('"c-17"', 120)],
      stuck: waitingKey('7', 1, { ageMs: 45_000 }),
    };
    const lines = shown([status({ order })]);
    expect(lines[1]).toEqual({
      text: '1 message of the key 7 waits for message 1795266486636-0, for 45 s: web1-1 has it, attempt 1',
      tone: 'alarm',
    });
    expect(text(lines)).toMatch(/^order {4}key: 1,204 keys busy$/m);
    expect(text(lines)).toMatch(
      /^busy keys \(1,204\) +held +message in work +consumer +attempt +age\n"c-17" +120 +1795266486636-0 +web1-1 +1 +300ms$/m,
    );
  });

  it('shows no rate after one reading', () => {
    expect(text(shown([status()]))).toMatch(/^rate +\?$/m);
  });

  it('says what to do without a leader or consumers', () => {
    const all = text(shown([status({ leader: null, bridges: [], consumers: [] })]));
    expect(all).toContain('none: nothing is processed (cgroup start)');
    expect(all).toContain('none leads: nothing is relayed (cgroup start)');
  });

  it('marks lost and dropped messages as alarms', () => {
    const { counters } = status();
    const lines = shown([status({ counters: { ...counters, lost: 2, dropped: 1_000 } })]);
    const alarms = lines.filter(({ tone }) => tone === 'alarm').map((line) => line.text);
    expect(alarms).toEqual([
      '2 messages lost: another program deleted them from the inbox',
      "1,000 messages dropped: a bridge's buffer was full (bufferLimit)",
    ]);
  });

  it('escapes control characters in foreign texts', () => {
    const hostile = '\u001b[2J\u202e\nweb-1-abc-9 forged';
    const all = text(
      shown(
        [status({ consumers: [{ ...consumer(1, 0, 0), host: hostile }], channel: hostile })],
        ALL,
        hostile,
      ),
    );
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(all).not.toMatch(/[\x00-\x09\x0b-\x1f\u202e]/);
    expect(all).not.toMatch(/^web-1-abc-9/m);
    expect(all).toContain('\\u001b[2J');
  });

  const many = status({ consumers: Array.from({ length: 1_000 }, (_, n) => consumer(n, n, 5)) });

  it.each([
    [80, 24],
    [100, 10],
    [40, 12],
    [20, 5],
    [10, 3],
    [1, 1],
  ])('is no larger than %i x %i', (width, height) => {
    const lines = shown([many, many], { width, height }, '漢字'.repeat(50));
    expect(lines.length).toBeLessThanOrEqual(height);
    for (const line of lines) expect(stringWidth(line.text)).toBeLessThanOrEqual(width);
  });

  it('shows the consumers that hold most if there is no room for all, and counts the others', () => {
    const all = text(shown([many], { width: 100, height: 30 }));
    const ids = [...all.matchAll(/^web-1-abc-(\d+)/gm)].map(([, n]) => Number(n));
    expect(ids[0]).toBe(999);
    expect(ids.length).toBeGreaterThan(5);
    expect(all).toContain(`… and ${1_000 - ids.length} more`);
  });
});

describe('a section', () => {
  const section = (rows: number, total?: number): Section => ({
    heads: ['id'],
    rows: Array.from({ length: rows }, (_, i) => [`row-${i}`]),
    weight: 1,
    ...(total !== undefined && { total }),
  });
  const last = (one: Section, shown: number) => sectionLines(one, shown).at(-1)?.text;

  it('counts all that it does not show, also those that were not read', () => {
    expect(last(section(20, 180), 8)).toBe('… and 173 more');
    expect(last(section(20, 180), 20)).toBe('… and 161 more');
    expect(last(section(20), 8)).toBe('… and 13 more');
    expect(last(section(20, 20), 20)).toBe('row-19');
  });
});

describe('the history', () => {
  it('says for how long there were no numbers, and keeps the last ones, until new ones come', () => {
    const history = new TopHistory(1_000, 0);
    expect(text(frame(history.view(0), ALL))).toBe('reading …');
    history.add(status(), [], 1_000);
    history.fail('not connected');
    const view = history.view(6_200);
    expect(view.verdict.title).toBe('Unknown since 12:00:03Z: not connected');
    expect(view.trouble).toBe('no numbers for 5 s: not connected');
    expect(text(frame(view, ALL))).toContain('web-1-abc-1');
    history.add(status({}, 1_600), [], 7_000);
    expect(history.view(7_100).trouble).toBeUndefined();
    // 600 in the 6 s since the reading before.
    expect(history.view(7_100).rates).toEqual([Number.NaN, Number.NaN, 100]);
  });

  it('notices that Redis does not answer', () => {
    const history = new TopHistory(1_000, 0);
    history.add(status(), [], 0);
    expect(history.view(3_000).trouble).toBeUndefined();
    expect(history.view(3_100).trouble).toBe('no numbers for 3 s: Redis does not answer');
  });

  it('shows no rate of a new consumer, or of a count that started again', () => {
    const history = new TopHistory(1_000, 0);
    history.add(status({ consumers: [consumer(1, 0, 900)] }), [], 0);
    history.add(status({ consumers: [consumer(1, 0, 5), consumer(2, 0, 700)] }), [], 1_000);
    expect(history.view(1_000).consumers.map(({ rate }) => rate)).toEqual([0, 0]);
  });
});

describe('a sparkline', () => {
  it('goes from 0 to the highest, with a hole for a missing number, and shows the last that fit', () => {
    expect(sparkline([0, 50, 100], 10)).toBe('▁▄█');
    expect(sparkline([0, Number.NaN, 100], 10)).toBe('▁ █');
    expect(sparkline([100, 0, 50], 2)).toBe('▁█');
    expect(sparkline([0, 0], 10)).toBe('▁▁');
  });

  it('is empty without room, or with less than two numbers', () => {
    expect(sparkline([1, 2], 0)).toBe('');
    expect(sparkline([1, 2], -5)).toBe('');
    expect(sparkline([Number.NaN, 2], 5)).toBe('');
  });
});

describe('the room for tables', () => {
  const section = (rows: number, weight = 1): Section => ({
    heads: ['h'],
    rows: Array(rows).fill(['x']),
    weight,
  });

  it.each([
    // sections, room, rows shown
    [[section(10), section(10)], 100, [10, 10]],
    [[section(10, 3), section(10)], 13, [7, 3]],
    [[section(10), section(10), section(10)], 5, [1, 1, -1]],
    [[section(10)], 2, [1]],
    [[section(10)], 1, [-1]],
    [[section(10)], -3, [-1]],
  ])('%# is shared out', (sections, room, rows) => {
    expect(shareOut(sections, room)).toEqual(rows);
  });
});
