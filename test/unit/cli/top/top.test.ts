import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { drawing, plainLines } from '../../../../src/cli/top/frame.js';
import { FIRST_STATE } from '../../../../src/cli/top/state.js';
import type { GroupStatus } from '../../../../src/observe/status.js';
import { shownProcess, unset } from '../../../helpers/control.js';
import { NO_ORDER, waitingKey } from '../../../helpers/status.js';
import { TopUser, topConsumer, topLetter, topStatus, topText, topView } from '../../../helpers/top.js';

const controlled = {
  ...unset.control,
  revision: 4,
  wanted: 9,
  running: 8,
  capacity: 64,
  managed: 1,
  hosts: 1,
};

const plain = (...readings: readonly GroupStatus[]) => plainLines(topView(readings));
const plainText = (...readings: readonly GroupStatus[]) => topText(plain(...readings));

describe('in a pipe top', () => {
  it('shows the control only if it is used, and a pause in grey', () => {
    expect(plainText(topStatus())).not.toMatch(/control|Paused/);
    expect(plainText(topStatus({ control: controlled }))).toMatch(
      /^control {2}9 wanted, 8 run, capacity 64/m,
    );
    const pausedBy = { who: 'ann@web1', why: 'upgrade', at: '2026-11-21T11:00:00.000Z' };
    const paused = plain(topStatus({ control: { ...controlled, paused: true, pausedBy } }));
    expect(paused[1]).toEqual({
      text: 'Paused by ann@web1 since 2026-11-21T11:00:00Z: upgrade',
      tone: 'dim',
    });
  });

  it('shows rate, lag, backlog, totals, processes, consumers, dead letters and gaps', () => {
    const all = plainText(topStatus(), topStatus({}, 3_500));
    expect(all).toContain('in → out  group cgroup  12:00:03Z');
    expect(all).toMatch(/^rate {5}2,500 msg\/s$/m);
    expect(all).toMatch(/^lag +2 s {2}██ {2}peak 2 s$/m);
    expect(all).toMatch(/^backlog +12 {2}waiting 7 {2}pending 3 {2}retrying 2$/m);
    expect(all).toMatch(
      /^settled +3,504 {2}relayed 12,345 {2}processed 3,500 {2}dead 4 {2}failed attempts 9 {2}retried 8 {2}gaps 1$/m,
    );
    expect(all).toMatch(/^consumers \(1\) +host +pid +pending +processed +msg\/s$/m);
    expect(all).toMatch(/^web-1-abc-1 +web +4711 +3 +3,500 +2,500$/m);
    expect(all).toMatch(/^processes \(2\) +role .*\nb1 +leads\nb2 +follows$/m);
    expect(all).toMatch(
      /^dead letters \(3\) +age +reason +attempts +error +message id\n1795251095809-0 +4 s +failed +5 +no such order +m-1\n… and 2 more$/m,
    );
    expect(all).toMatch(/^gaps \(1\) .*\n2026-11-21T11:00:00.000Z +\S+ +no bridge$/m);
  });

  it('shows what an order waits for, the hottest keys, and a stuck one as an alarm', () => {
    const total = { ...NO_ORDER, kind: 'total' as const, window: 10 };
    expect(plainText(topStatus())).not.toMatch(/^order/m);
    expect(plainText(topStatus({ order: total }))).toMatch(
      /^order {4}total: no result waits for an earlier one$/m,
    );
    const order = {
      ...NO_ORDER,
      kind: 'key' as const,
      busy: 1_204,
      hottest: [waitingKey('"c-17"', 120)],
      stuck: waitingKey('7', 1, { ageMs: 45_000 }),
    };
    const lines = plain(topStatus({ order }));
    expect(lines[1]).toEqual({
      text: '1 message of the key 7 waits for message 1795266486636-0, for 45 s: web1-1 has it, attempt 1',
      tone: 'warn',
    });
    expect(topText(lines)).toMatch(/^order {4}key: 1,?204 keys busy$/m);
    expect(topText(lines)).toMatch(
      /^busy keys \(1,204\) +held +message in work +consumer +attempt +age\n"c-17" +120 +1795266486636-0 +web1-1 +1 +300 ?ms$/m,
    );
  });

  it('shows no rate after one reading', () => {
    expect(plainText(topStatus())).toMatch(/^rate +\?$/m);
  });

  it('says what to do without a leader or consumers, and without a process that takes from a list', () => {
    const all = plainText(topStatus({ leader: null, bridges: [], consumers: [] }));
    expect(all).toContain('none: nothing is processed (cgroup start)');
    expect(all).toContain('none leads: nothing is relayed (cgroup start)');
    const source = { kind: 'list', name: 'in', waiting: 1_234 } as const;
    const list = plainText(topStatus({ source, leader: null, bridges: [] }));
    expect(list).toMatch(/^source +1,234 {2}waiting in the list$/m);
    expect(list).toContain('none takes: nothing is taken from the list (cgroup start)');
    const pulling = { pulls: true, role: 'pulls' as const };
    const processes = [shownProcess('web-1-abc', 'web', pulling)];
    const taken = plainText(topStatus({ source, leader: null, bridges: [], processes }));
    expect(taken).toMatch(/^web-1-abc +takes /m);
    expect(taken).not.toContain('nothing is taken');
  });

  it('shows what processes do, and which of them are not well', () => {
    const processes = [
      shownProcess('p10', 'web', { role: 'leads', settled: 1_000, failed: 10 }),
      shownProcess('p9', 'web', { silent: true }),
      shownProcess('p8', 'db', { drained: true }),
      shownProcess('p7', 'db', { stalled: 2 }),
      shownProcess('p6', 'db', { recordAway: true, version: null, uptimeMs: null, managed: false }),
    ];
    const lines = plain(topStatus({ processes, bridges: [] }));
    const toneOf = (id: string) => lines.find(({ text }) => text.startsWith(`${id} `))?.tone;
    expect(topText(lines)).toMatch(
      /^processes \(5\) +role +state +host +pid +consumers +share +capacity +attempts +failed +failed\/s +msg\/s +up +heartbeat +version$/m,
    );
    expect(topText(lines)).toMatch(/^p10 +leads +web +1 +0 +0 +64 +1,000 +10 +60 s +487 ms ago +0.1.0$/m);
    expect(topText(lines)).toMatch(/^p6 .*no record.*\np7 .*stalled.*\np8 .*drained.*\np9 .*silent.*\np10 /m);
    expect(['p6', 'p7', 'p8', 'p9', 'p10'].map(toneOf)).toEqual(['alarm', 'alarm', 'dim', 'warn', undefined]);
  });

  it('marks lost and dropped messages as alarms', () => {
    const { counters } = topStatus();
    const lines = plain(topStatus({ counters: { ...counters, lost: 2, dropped: 1_000 } }));
    const alarms = lines.filter(({ tone }) => tone === 'alarm').map((line) => line.text);
    expect(alarms).toEqual([
      '2 messages lost: another program deleted them from the inbox',
      "1,000 messages dropped: a bridge's buffer was full (bufferLimit)",
    ]);
  });

  it('shows lanes, and where each is', () => {
    const [held, rest] = [
      { held: 0, deadLetters: 1 },
      { waiting: 0, pending: 0, retrying: 0 },
    ];
    const counted = { relayed: 2, processed: 1_500, dead: 1, failed: 0, retried: 0 };
    const lane = { ...held, ...rest, ...counted, output: 'out@0', node: 'h:1', backlog: 3, lagMs: 90_000 };
    const nothing = { held: null, deadLetters: null, waiting: null, pending: null, retrying: null } as const;
    const uncounted = { relayed: null, processed: null, dead: null, failed: null, retried: null } as const;
    const away = { ...nothing, ...uncounted, output: 'out@1', node: null, backlog: null, lagMs: null };
    const lanes = [lane, away];
    const status = topStatus({ lanes });
    expect(plainText(status)).toMatch(
      /^lanes \(2\) +node +processed +dead +backlog +lag\nout@0 +h:1 +1,500 +1 +3 +2 min\nout@1 +away$/m,
    );
  });
});

describe('the screen', () => {
  const many = topStatus({ consumers: Array.from({ length: 1_000 }, (_, n) => topConsumer(n, n, 5)) });

  it('escapes control characters in foreign texts', () => {
    const hostile = '\u001b[2J\u202e\nweb-1-abc-9 forged';
    const consumers = [{ ...topConsumer(1, 0, 0), host: hostile }];
    const letter = topLetter(0, {
      error: hostile,
      reason: hostile,
      message: JSON.stringify({ message_id: hostile }),
    });
    const user = new TopUser(
      topView([topStatus({ consumers, channel: hostile, output: hostile })], [letter]),
      {
        width: 300,
        height: 50,
      },
    );
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    expect(user.text).not.toMatch(/[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]/);
    expect(user.text).not.toMatch(/^web-1-abc-9/m);
    expect(user.text.split('\\u001b[2J').length).toBeGreaterThan(5);
  });

  it.each([
    [200, 60],
    [80, 24],
    [100, 10],
    [40, 12],
    [40, 24],
    [20, 5],
    [10, 3],
    [2, 2],
    [1, 1],
  ])('is as large as %i x %i, and no larger', (width, height) => {
    const view = topView([many, many], [topLetter(0, { error: '漢字'.repeat(50) })]);
    const { lines } = new TopUser(view, { width, height });
    expect(lines.length).toBe(height);
    for (const line of lines) expect(stringWidth(line.text)).toBeLessThanOrEqual(width);
  });

  it('shows the first consumers if there is no room for all, and counts the others', () => {
    const { text } = new TopUser(topView([many]), { width: 100, height: 30 });
    const ids = [...text.matchAll(/^[› ] web-1-abc-(\d+)/gm)].map(([, n]) => Number(n));
    expect(ids).toEqual([...ids.keys()]);
    expect(ids.length).toBeGreaterThan(5);
    expect(text).toContain(`… and ${(1_000 - ids.length).toLocaleString('en')} more`);
  });

  it('shows more columns and longer ids the wider it is', () => {
    const id = 'orders-consumer-7d9f8b6c5-x2x4z-17-4711-aa6fcf';
    const status = topStatus({
      consumers: [{ ...topConsumer(1, 3, 100), id: `${id}-1` }],
      processes: [shownProcess(id, 'web')],
      bridges: [],
    });
    const at = (width: number) => new TopUser(topView([status]), { width, height: 40 }).text;
    expect(at(200)).toMatch(new RegExp(`^› ${id}-1 +web +4711 +3 +100 +0$`, 'm'));
    expect(at(200)).toMatch(/^processes .* heartbeat +version$/m);
    expect(at(200)).toMatch(/^dead letters .* error +message id$/m);
    expect(at(80)).not.toMatch(/version|message id/);
    expect(at(80)).toMatch(/^› …\S+-aa6fcf-1 +web +4711 +3 +100 +0$/m);
    expect(at(40)).toMatch(/^consumers \(1\) ↑ +pending +msg\/s$/m);
    expect(at(40)).toMatch(/^› …\S+-aa6fcf-1 +3 +0$/m);
    expect(at(40)).toMatch(/^dead letters \(3\) +reason +error$/m);
  });

  it('goes on in the next line with totals that are too long, if it is high', () => {
    expect(new TopUser(topView([many]), { width: 60, height: 30 }).text).toMatch(
      /^settled +1,004 {2}relayed 12,345 {2}processed 1,000 {2}dead 4\n {9,}failed attempts 9 {2}retried 8 {2}gaps 1$/m,
    );
    expect(new TopUser(topView([many]), { width: 60, height: 16 }).text).toMatch(/^settled .*…$/m);
  });

  it('leaves out lines of the head on a small screen, and says how many notes', () => {
    const { text } = new TopUser(topView([many, many]), { width: 100, height: 9 });
    expect(text).toMatch(/^.* \(and \d more\)$/m);
    expect(text).toMatch(/^› web-1-abc-0/m);
    expect(text).not.toMatch(/^settled/m);
    expect(new TopUser(topView([many, many])).text).not.toMatch(/\(and \d more\)/);
  });

  it('names the tables for which it has no room', () => {
    const { text } = new TopUser(topView([many]), { width: 100, height: 15 });
    expect(text).toMatch(/^no room: .*gaps \(1\)$/m);
  });

  it('is grey while there are no new numbers', () => {
    const user = new TopUser(topView([topStatus(), topStatus()]));
    const tones = () => new Set(user.lines.slice(1).map(({ text, tone }) => (text === '' ? 'dim' : tone)));
    expect(tones()).toContain(undefined);
    user.view = { ...user.view, verdict: { ...user.view.verdict, state: 'unknown', level: 'unknown' } };
    expect(tones()).toEqual(new Set(['dim', 'selected']));
  });

  it.each([
    ['healthy', 'good', 'good'],
    ['healthy', 'warn', 'warn'],
    ['behind', 'good', 'good'],
    ['behind', 'warn', 'warn'],
    ['behind', 'bad', 'alarm'],
    ['degraded', 'warn', 'warn'],
    ['falling-behind', 'bad', 'warn'],
    ['failing', 'warn', 'alarm'],
    ['halted', 'warn', 'alarm'],
    ['stopped', 'bad', 'alarm'],
    ['paused', 'warn', 'dim'],
    ['unknown', 'unknown', 'dim'],
  ] as const)('has a headline of the colour of its state: %s, %s', (state, level, tone) => {
    const view = topView([topStatus()]);
    const verdict = { ...view.verdict, title: 'the headline', state, level };
    const { lines } = new TopUser({ ...view, verdict });
    expect(lines.find(({ text }) => text === 'the headline')?.tone).toBe(tone);
  });

  it('says only how to quit if there is no keyboard', () => {
    const { lines } = drawing(topView([topStatus()]), { width: 80, height: 24 }, FIRST_STATE, false);
    expect(lines.at(-1)?.text).toBe('Ctrl-C quits');
  });
});
