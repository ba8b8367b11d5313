import fc from 'fast-check';
import stringWidth from 'string-width';
import { describe, expect, it } from 'vitest';
import { drawing } from '../../../../src/cli/top/frame.js';
import { intentOf, type Key } from '../../../../src/cli/top/keys.js';
import {
  FIRST_STATE,
  type Intent,
  letterRead,
  letterSent,
  lettersWanted,
  paneState,
} from '../../../../src/cli/top/state.js';
import { shownProcess } from '../../../helpers/control.js';
import { NO_ORDER, waitingKey } from '../../../helpers/status.js';
import { TopUser, topConsumer, topLetter, topStatus, topView } from '../../../helpers/top.js';

const INTENTS = [
  'up',
  'down',
  'page-up',
  'page-down',
  'first',
  'last',
  'next',
  'previous',
  'sort',
  'open',
  'retry',
  'yes',
  'back',
  'help',
] as const satisfies readonly Intent[];

/** A group with so many consumers, and so many dead letters of which so many were read. */
function viewOf(consumers: number, letters: number, total = letters) {
  return topView(
    [
      topStatus({
        consumers: Array.from({ length: consumers }, (_, n) => topConsumer(n, (n * 7) % 5, n * 10)),
        deadLetters: total,
      }),
    ],
    Array.from({ length: letters }, (_, n) => topLetter(n)),
  );
}

const onLetters = (view = viewOf(3, 5)) => new TopUser(view).press('next', 'next');
const idOf = (n: number) => topLetter(n).id;

describe('the marker', () => {
  it('moves by rows and by screens, to the first and the last row, and not beyond', () => {
    const user = new TopUser(viewOf(100, 0), { width: 100, height: 24 });
    expect(user.marked).toMatch(/^web-1-abc-0 /);
    expect(user.press('down', 'down').marked).toMatch(/^web-1-abc-2 /);
    expect(user.press('up').marked).toMatch(/^web-1-abc-1 /);
    expect(user.press('up', 'up', 'up').marked).toMatch(/^web-1-abc-0 /);
    const page = Number(/› .*\n(?: {2}.*\n)*/.exec(user.text)?.[0].trimEnd().split('\n').length);
    expect(page).toBeGreaterThan(2);
    expect(user.press('page-down').marked).toMatch(new RegExp(`^web-1-abc-${page} `));
    expect(user.press('page-up').marked).toMatch(/^web-1-abc-0 /);
    expect(user.press('last').marked).toMatch(/^web-1-abc-99 /);
    expect(user.text).toMatch(/^… \d+ above$/m);
    expect(user.press('down', 'page-down').marked).toMatch(/^web-1-abc-99 /);
    expect(user.press('first').marked).toMatch(/^web-1-abc-0 /);
    expect(user.text).toMatch(/^… and \d+ more$/m);
  });

  it('counts all rows that are not shown, above and below', () => {
    const user = new TopUser(viewOf(100, 0), { width: 100, height: 24 });
    for (let row = 0; row < 100; row++) {
      const rows = user.lines.filter(({ text }) => /^[› ] web-1-abc-\d/.test(text)).length;
      const [, above = '0'] = /^… (\d+) above/m.exec(user.text) ?? [];
      const [, below = '0'] = /^….* (\d+) (?:below|more)$/m.exec(user.text) ?? [];
      expect(Number(above) + rows + Number(below)).toBe(100);
      expect(user.marked).toMatch(new RegExp(`^web-1-abc-${row} `));
      user.press('down');
    }
  });

  it('stays on its row when others come in before it, and on its place when the row is gone', () => {
    const user = onLetters();
    expect(user.press('down').marked).toContain(idOf(1));
    user.view = topView(
      [topStatus()],
      [-2, -1, 0, 1, 2].map((n) => topLetter(n)),
    );
    expect(user.marked).toContain(idOf(1));
    user.view = topView(
      [topStatus()],
      [-2, -1, 0, 2, 3].map((n) => topLetter(n)),
    );
    expect(user.marked).toContain(idOf(2));
    user.view = topView(
      [topStatus()],
      [-2].map((n) => topLetter(n)),
    );
    expect(user.marked).toContain(idOf(-2));
    user.view = topView([topStatus({ deadLetters: 0 })], []);
    expect(user.marked).toMatch(/^web-1-abc-/);
  });

  it('shows the first row on the first row, and the last row after the last', () => {
    const user = onLetters();
    user.view = topView(
      [topStatus()],
      [-1, 0, 1].map((n) => topLetter(n)),
    );
    expect(user.marked).toContain(idOf(-1));
    expect(user.press('last').marked).toContain(idOf(1));
    user.view = topView(
      [topStatus()],
      [-1, 0, 1, 2, 3].map((n) => topLetter(n)),
    );
    expect(user.marked).toContain(idOf(3));
    expect(user.press('up').marked).toContain(idOf(2));
  });

  it('moves in one table after the other, and leaves each where it was', () => {
    const user = new TopUser(viewOf(3, 5));
    expect(user.press('down', 'next').marked).toMatch(/^b1 /);
    expect(user.press('next').marked).toContain(idOf(0));
    expect(user.press('next').marked).toMatch(/^2026-/);
    expect(user.press('next').marked).toMatch(/^web-1-abc-1 /);
    expect(user.press('previous').marked).toMatch(/^2026-/);
  });

  it('has room first in its own table', () => {
    const user = new TopUser(viewOf(50, 50), { width: 80, height: 30 });
    const letters = () => user.lines.filter(({ text }) => /^[› ] \d+-0 /.test(text)).length;
    const before = letters();
    user.press('next', 'next');
    expect(letters()).toBeGreaterThan(before + 3);
  });
});

describe('the order', () => {
  it('is by id with numbers as such, then by each column of numbers, the highest first', () => {
    const consumers = [
      { ...topConsumer(10, 1, 5), id: 'c-10' },
      { ...topConsumer(2, 1, 9), id: 'c-2' },
      { ...topConsumer(1, 3, 5), id: 'c-1' },
    ];
    const user = new TopUser(topView([topStatus({ consumers })]));
    const order = () => [...user.text.matchAll(/^[› ] (c-\d+) /gm)].map(([, id]) => id);
    const head = () => /^consumers.*$/m.exec(user.text)?.[0];
    expect([head(), order()]).toEqual([expect.stringMatching(/^consumers \(3\) ↑ /), ['c-1', 'c-2', 'c-10']]);
    user.press('sort');
    expect([head(), order()]).toEqual([expect.stringContaining('pending ↓'), ['c-1', 'c-2', 'c-10']]);
    user.press('sort');
    expect([head(), order()]).toEqual([expect.stringContaining('processed ↓'), ['c-2', 'c-1', 'c-10']]);
    user.press('sort');
    expect([head(), order()]).toEqual([expect.stringContaining('msg/s ↓'), ['c-1', 'c-2', 'c-10']]);
    user.press('sort');
    expect(head()).toMatch(/^consumers \(3\) ↑ /);
  });

  it('of the processes may be by attempts, failures, rates and age', () => {
    const processes = [
      shownProcess('p1', 'a', { settled: 5, failed: 1, uptimeMs: 9_000 }),
      shownProcess('p2', 'a', { settled: 7, failed: 3, uptimeMs: 1_000 }),
      shownProcess('p3', 'a', { settled: 1, failed: 2, uptimeMs: 5_000 }),
    ];
    const user = new TopUser(topView([topStatus({ processes, bridges: [] })]), { width: 200, height: 40 });
    user.press('next');
    const seen = new Map<string | undefined, string>();
    for (let n = 0; n < 6; n++) {
      const head = /^processes.*$/m.exec(user.text)?.[0] ?? '';
      const rows = [...user.text.matchAll(/^[› ] (p\d) /gm)].map(([, id]) => id).join(' ');
      seen.set(/(\S+) [↑↓]/.exec(head)?.[1], rows);
      user.press('sort');
    }
    expect(Object.fromEntries(seen)).toEqual({
      '(3)': 'p1 p2 p3',
      attempts: 'p2 p1 p3',
      failed: 'p2 p3 p1',
      'failed/s': 'p1 p2 p3',
      'msg/s': 'p1 p2 p3',
      up: 'p1 p3 p2',
    });
  });

  it('of dead letters is always the newest first', () => {
    const user = onLetters();
    const before = user.text;
    expect(user.press('sort').text).toBe(before);
    expect(user.footer).not.toContain('sort');
  });
});

describe('a dead letter', () => {
  it('is read when it is opened, shown, and left again', () => {
    const user = onLetters().press('down', 'open');
    expect(user.effect).toEqual({ kind: 'read', id: idOf(1) });
    expect(user.text).toMatch(new RegExp(`^dead letter ${idOf(1)}\\n\\nreading …`));
    expect(user.footer).toBe('q quit  Esc back  ? help');
    user.state = letterRead(user.state, idOf(1), topLetter(1));
    expect(user.text).toMatch(/^message \(20 bytes\)\n {2}\{\n {4}"message_id": "m-1"\n {2}\}$/m);
    expect(user.footer).toBe('q quit  Esc back  r retry  ? help');
    expect(user.press('back').marked).toContain(idOf(1));
  });

  it('that is gone, or cannot be read, says so', () => {
    const user = onLetters().press('open');
    user.state = letterRead(user.state, idOf(0), undefined);
    expect(user.text).toContain('it is not there any more: it was sent back, or deleted');
    expect(user.press('retry').state.asked).toBeUndefined();
    user.press('back', 'open');
    user.state = letterRead(user.state, idOf(0), new Error('Redis does not answer'));
    expect(user.text).toContain('it cannot be read: Redis does not answer');
  });

  it('that comes late does not replace another one', () => {
    const user = onLetters().press('open', 'back', 'down', 'open');
    const { state } = user;
    expect(letterRead(state, idOf(0), topLetter(0))).toBe(state);
    expect(letterRead(FIRST_STATE, idOf(0), topLetter(0))).toBe(FIRST_STATE);
  });

  it('is scrolled line by line and screen by screen', () => {
    const user = onLetters().press('open');
    const message = JSON.stringify({ list: Array.from({ length: 200 }, (_, i) => i) });
    user.state = letterRead(user.state, idOf(0), topLetter(0, { message }));
    expect(user.footer).toContain('↑↓ scroll');
    const first = () => user.lines[0]?.text;
    const top = first();
    expect(user.press('up').lines[0]?.text).toBe(top);
    user.press('down');
    expect(first()).not.toBe(top);
    expect(user.text).toMatch(/^… 1 above, \d+ below$/m);
    user.press('last');
    expect(user.text).toMatch(/^ {6}199\n {4}\]\n {2}\}\n… \d+ above$/m);
    user.press('page-up', 'page-up', 'first');
    expect(first()).toBe(top);
    // It fits: nothing is to be scrolled any more.
    user.press('last').size = { width: 100, height: 300 };
    expect(first()).toBe(top);
    expect(user.footer).not.toContain('scroll');
  });
});

describe('sending back', () => {
  it.each([undefined, 'back', 'retry', 'open', 'quit', 'down'] as const)('is not done for %s', (intent) => {
    const user = onLetters().press('down', 'retry');
    expect(user.effect).toBeUndefined();
    expect(user.text).toContain(`Send ${idOf(1)} back to the inbox, to be processed again? y or n`);
    expect(user.footer).toBe('y send it back  n leave it');
    user.press(intent);
    expect(user.effect).toBeUndefined();
    expect(user.text).toContain(`${idOf(1)} was not sent back`);
    expect(user.press('down').text).not.toContain('was not sent back');
  });

  it('is done for y, one at a time', () => {
    const user = onLetters().press('retry', 'yes');
    expect(user.effect).toEqual({ kind: 'retry', id: idOf(0) });
    expect(user.text).toContain(`sending ${idOf(0)} back …`);
    expect(user.footer).not.toContain('r retry');
    user.press('down', 'retry');
    expect(user.state.asked).toBeUndefined();
    user.state = letterSent(user.state, idOf(0), true);
    expect(user.text).toContain(`${idOf(0)} was sent back to the inbox`);
    expect(user.press('retry').state.asked).toEqual({ id: idOf(1), halted: false });
  });

  it('asks for the dead letter that the user saw, whichever comes in meanwhile', () => {
    const user = onLetters().press('retry');
    user.view = topView(
      [topStatus()],
      [-1, 0].map((n) => topLetter(n)),
    );
    expect(user.text).toContain(`Send ${idOf(0)} back`);
    expect(user.press('yes').effect).toEqual({ kind: 'retry', id: idOf(0) });
  });

  it('says that one that stops an order keeps its place', () => {
    const user = onLetters(topView([topStatus()], [topLetter(0, { halted: true })])).press('retry');
    user.size = { width: 140, height: 30 };
    expect(user.text).toContain('to be processed again, in its place in the order? y or n');
  });

  it('closes the dead letter that was open, unless it failed', () => {
    const user = onLetters().press('open');
    user.state = letterRead(user.state, idOf(0), topLetter(0));
    user.press('retry', 'yes');
    const failed = letterSent(user.state, idOf(0), new Error('NOPERM\n\u001b[2J'));
    expect(failed.open).toBeDefined();
    const refused = new TopUser(user.view);
    refused.state = failed;
    expect(refused.text).toContain(`${idOf(0)} was not sent back: NOPERM\\u000a\\u001b[2J`);
    expect(letterSent(user.state, idOf(0), false)).toMatchObject({
      open: undefined,
      sending: undefined,
      notice: { text: `${idOf(0)} is not there any more: it was sent back, or deleted`, tone: 'warn' },
    });
    expect(letterSent(user.state, idOf(1), true).open).toBeDefined();
  });

  it('is nothing that other tables offer', () => {
    const user = new TopUser(viewOf(3, 5)).press('retry', 'open');
    expect(user.effect).toBeUndefined();
    expect([user.state.asked, user.state.open]).toEqual([undefined, undefined]);
    expect(user.footer).not.toMatch(/retry|open/);
  });

  it.each([120, 60, 40, 26, 20, 5])('asks in one line at a width of %i', (width) => {
    const user = onLetters().press('retry');
    user.size = { width, height: 20 };
    const line = user.lines.at(-2)?.text ?? '';
    expect(stringWidth(line)).toBeLessThanOrEqual(width);
    if (width >= 26) expect(line).toContain(idOf(0));
  });
});

describe('the footer', () => {
  it('shows the keys that work, and on a small screen the most important', () => {
    const user = new TopUser(viewOf(30, 5), { width: 120, height: 30 });
    expect(user.footer).toBe(
      'q quit  s sort  Tab processes  ↑↓ move  PgUp PgDn page  g G first, last  ? help',
    );
    user.size = { width: 40, height: 30 };
    expect(user.footer).toBe('q quit  s sort  Tab processes  ? help');
    user.press('next', 'next');
    expect(user.footer).toBe('q quit  Enter open  r retry  ? help');
    user.size = { width: 14, height: 30 };
    expect(user.footer).toBe('q quit  ? help');
    user.size = { width: 9, height: 30 };
    expect(user.footer).toBe('q quit');
  });

  it('before the first reading has only what works', () => {
    const user = new TopUser({ ...viewOf(0, 0), status: undefined });
    expect(user.footer).toBe('q quit  ? help');
    expect(user.press('down', 'next', 'sort', 'retry', 'open').effect).toBeUndefined();
  });
});

describe('the help', () => {
  it('explains the keys, is scrolled on a small screen, and closed by Esc and by ?', () => {
    const user = new TopUser(viewOf(3, 5)).press('help');
    expect(user.text).toMatch(/^keys\n {2}↑ ↓, k j {2,}move by one row or line$/m);
    expect(user.footer).toBe('q quit  Esc back');
    user.size = { width: 60, height: 12 };
    expect(user.text).toMatch(/^… and \d+ more$/m);
    user.press('last');
    expect(user.text).toMatch(/^… \d+ above$/m);
    expect(user.press('help').marked).toMatch(/^web/);
    expect(user.press('help', 'back').marked).toMatch(/^web/);
  });

  it('lies over an opened dead letter, and quits at q', () => {
    const user = onLetters().press('open', 'help');
    expect(user.text).toMatch(/^keys\n/);
    expect(user.press('back').text).toMatch(/^dead letter/);
    expect(user.press('help', 'quit').effect).toEqual({ kind: 'quit' });
  });
});

describe('the dead letters that are read', () => {
  it('become more when the user goes down, up to a bound', () => {
    const user = onLetters(viewOf(1, 100, 5_000));
    expect(lettersWanted(user.state)).toBe(100);
    expect(lettersWanted(user.press('down').state)).toBe(200);
    expect(lettersWanted(user.press('last').state)).toBe(1_000);
    expect(user.text).toMatch(/^… \d+ above, 4,900 below$/m);
    expect(lettersWanted(user.press('first').state)).toBe(100);
    expect(lettersWanted(FIRST_STATE)).toBe(100);
    const all = onLetters(viewOf(1, 1_000, 5_000)).press('last', 'up');
    expect(lettersWanted(all.state)).toBe(1_000);
  });
});

describe('keys', () => {
  it.each<[Key, Intent | undefined]>([
    [{ name: 'up' }, 'up'],
    [{ name: 'k' }, 'up'],
    [{ name: 'j' }, 'down'],
    [{ name: 'pagedown' }, 'page-down'],
    [{ name: 'space' }, 'page-down'],
    [{ name: 'g' }, 'first'],
    [{ name: 'g', shift: true }, 'last'],
    [{ name: 'end' }, 'last'],
    [{ name: 'tab' }, 'next'],
    [{ name: 'tab', shift: true }, 'previous'],
    [{ name: 'return' }, 'open'],
    [{ name: 'escape' }, 'back'],
    [{ sequence: '?' }, 'help'],
    [{ name: 'q' }, 'quit'],
    [{ name: 'y' }, 'yes'],
    [{ name: 'y', ctrl: true }, undefined],
    [{ name: 'constructor' }, undefined],
    [{ name: 'x' }, undefined],
    [{}, undefined],
  ])('%j mean %s', (key, intent) => {
    expect(intentOf(key)).toBe(intent);
  });
});

describe('whatever the user does', () => {
  const text = fc.oneof(fc.string({ maxLength: 30 }), fc.string({ unit: 'binary', maxLength: 30 }));
  const size = fc.record({
    width: fc.integer({ min: 1, max: 220 }),
    height: fc.integer({ min: 1, max: 60 }),
  });
  const aView = fc
    .record({
      consumers: fc.array(fc.tuple(text, fc.nat(9), fc.nat(9_999_999)), { maxLength: 40 }),
      processes: fc.array(text, { maxLength: 10 }),
      letters: fc.array(fc.tuple(fc.nat(60), text, text), { maxLength: 60 }),
      unread: fc.nat(3_000),
      keys: fc.array(text, { maxLength: 4 }),
      names: text,
      isOld: fc.boolean(),
    })
    .map(({ consumers, processes, letters, unread, keys, names, isOld }) => {
      const ids = new Map(letters.map((one) => [one[0], one]));
      const read = [...ids.values()].map(([n, error, message]) =>
        topLetter(n, { error, message, reason: error }),
      );
      const hottest = keys.map((key, n) => waitingKey(key, n));
      const view = topView(
        [
          topStatus({
            channel: names,
            output: names,
            consumers: consumers.map(([id, pending, processed], n) => ({
              ...topConsumer(n, pending, processed),
              id: `${id}-${n}`,
              host: id,
            })),
            processes: processes.map((id, n) => shownProcess(`${id}-${n}`, id)),
            deadLetters: read.length + unread,
            order: { ...NO_ORDER, kind: 'key', busy: hottest.length, hottest },
          }),
        ],
        read,
      );
      return isOld ? { ...view, verdict: { ...view.verdict, state: 'unknown' as const } } : view;
    });
  const did = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...INTENTS).map((intent) => ({ intent })) },
    { weight: 1, arbitrary: fc.constant({ intent: undefined }) },
    { weight: 1, arbitrary: size.map((size) => ({ size })) },
    { weight: 1, arbitrary: aView.map((view) => ({ view })) },
    { weight: 1, arbitrary: text.map((read) => ({ read })) },
    {
      weight: 1,
      arbitrary: fc
        .oneof(
          fc.boolean(),
          text.map((one) => new Error(one)),
        )
        .map((sent) => ({ sent })),
    },
  );

  it('no line is longer than the screen, the footer is the last of all lines, and the marker is on a row', () => {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    const unsafe = /[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/;
    fc.assert(
      fc.property(aView, size, fc.array(did, { maxLength: 20 }), (first, start, deeds) => {
        const user = new TopUser(first, start);
        const check = () => {
          const { lines, state, shown } = drawing(user.view, user.size, user.state, true);
          expect(lines).toHaveLength(user.size.height);
          for (const line of lines) {
            expect(stringWidth(line.text)).toBeLessThanOrEqual(user.size.width);
            expect(line.text).not.toMatch(unsafe);
          }
          for (const { name, keys } of shown.panes) {
            const { row, from, selected } = paneState(state, name);
            expect(row).toBeGreaterThanOrEqual(0);
            expect(row).toBeLessThan(Math.max(1, keys.length));
            expect(from).toBeLessThanOrEqual(row);
            if (selected !== undefined) expect(keys[row]).toBe(selected);
          }
          expect(lines.filter(({ tone }) => tone === 'selected').length).toBeLessThanOrEqual(1);
          // A second drawing changes nothing: else the screen would move by itself.
          const again = drawing(user.view, user.size, state, true);
          expect(again.lines).toEqual(lines);
          user.state = state;
        };
        check();
        for (const deed of deeds) {
          if ('size' in deed) user.size = deed.size;
          else if ('view' in deed) user.view = deed.view;
          else if ('read' in deed) {
            const id = user.state.open?.id ?? '';
            user.state = letterRead(
              user.state,
              id,
              topLetter(0, { id, message: deed.read, error: deed.read }),
            );
          } else if ('sent' in deed) {
            if (user.state.sending) user.state = letterSent(user.state, user.state.sending, deed.sent);
          } else {
            const { asked } = user.state;
            user.press(deed.intent);
            if (user.effect?.kind === 'retry')
              expect([deed.intent, user.effect.id]).toEqual(['yes', asked?.id]);
          }
          check();
        }
      }),
      { numRuns: 60 },
    );
  }, 60_000);
});
