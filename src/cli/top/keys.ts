import { cutTo, widthOf } from '../width.js';
import type { Line } from './line.js';
import { type Intent, paneState, type Shown, type TopState } from './state.js';

/** A key, as node:readline reports it. */
export interface Key {
  readonly name?: string | undefined;
  readonly sequence?: string | undefined;
  readonly ctrl?: boolean | undefined;
  readonly shift?: boolean | undefined;
}

const BY_NAME: Readonly<Record<string, Intent>> = {
  up: 'up',
  k: 'up',
  down: 'down',
  j: 'down',
  pageup: 'page-up',
  pagedown: 'page-down',
  space: 'page-down',
  home: 'first',
  g: 'first',
  end: 'last',
  tab: 'next',
  s: 'sort',
  return: 'open',
  enter: 'open',
  r: 'retry',
  y: 'yes',
  escape: 'back',
  backspace: 'back',
  q: 'quit',
};

/** What a key means; undefined if it means nothing. */
export function intentOf({ name, sequence, ctrl = false, shift = false }: Key): Intent | undefined {
  if (ctrl) return undefined;
  if (sequence === '?') return 'help';
  if (name === 'g' && shift) return 'last';
  if (name === 'tab' && shift) return 'previous';
  return name === undefined || !Object.hasOwn(BY_NAME, name) ? undefined : BY_NAME[name];
}

/** A key of the footer. On a small screen those with the highest rank leave first. */
type FooterKey = readonly [keys: string, what: string, rank: number];

const QUIT: FooterKey = ['q', 'quit', 0];
const HELP: FooterKey = ['?', 'help', 1];
const BACK: FooterKey = ['Esc', 'back', 0];

/** The keys that work now. */
function footerKeys(state: TopState, shown: Shown): FooterKey[] {
  if (state.asked)
    return [
      ['y', 'send it back', 0],
      ['n', 'leave it', 0],
    ];
  const scroll: FooterKey[] =
    shown.lastLine > 0
      ? [
          ['↑↓', 'scroll', 3],
          ['PgUp PgDn', 'page', 6],
          ['g G', 'start, end', 7],
        ]
      : [];
  if (state.help !== undefined) return [QUIT, BACK, ...scroll];
  const retry: FooterKey[] = state.sending === undefined ? [['r', 'retry', 2]] : [];
  if (state.open) return [QUIT, BACK, ...(state.open.letter ? retry : []), ...scroll, HELP];
  const pane = shown.panes.find(({ name }) => name === state.focus) ?? shown.panes[0];
  if (!pane) return [QUIT, HELP];
  const at = shown.panes.indexOf(pane);
  const next = shown.panes[(at + 1) % shown.panes.length];
  const isDead = pane.name === 'dead letters' && pane.keys[paneState(state, pane.name).row] !== undefined;
  return [
    QUIT,
    ...(isDead ? [['Enter', 'open', 2] as const, ...retry] : []),
    ...(pane.sorts > 1 ? [['s', 'sort', 4] as const] : []),
    ...(next && next !== pane ? [['Tab', next.name, 3] as const] : []),
    ...(pane.keys.length > 1
      ? [['↑↓', 'move', 5] as const, ['PgUp PgDn', 'page', 6] as const, ['g G', 'first, last', 7] as const]
      : []),
    HELP,
  ];
}

/** The last line of the screen. */
export function footerLine(state: TopState, shown: Shown, width: number): Line {
  const keys = footerKeys(state, shown);
  const text = () => keys.map(([key, what]) => `${key} ${what}`).join('  ');
  while (widthOf(text()) > width && keys.length > 1) {
    const leaver = keys.reduce((a, b) => (b[2] >= a[2] ? b : a));
    keys.splice(keys.indexOf(leaver), 1);
  }
  return { text: cutTo(text(), width), tone: 'dim' };
}

/** Without keyboard: stdin is no terminal. */
export const NO_KEYS: Line = { text: 'Ctrl-C quits', tone: 'dim' };

/** What is asked, said or under way; undefined for nothing. The longest text that fits is taken. */
export function messageLine(state: TopState, width: number): Line | undefined {
  const { asked, sending, notice } = state;
  if (asked) {
    const place = asked.halted ? ', in its place in the order' : '';
    const texts = [
      `Send ${asked.id} back to the inbox, to be processed again${place}? y or n`,
      `Send ${asked.id} back to the inbox? y or n`,
      `Retry ${asked.id}? y/n`,
      `Retry ${asked.id}?`,
    ];
    return {
      text: texts.find((text) => widthOf(text) <= width) ?? cutTo(texts.at(-1) ?? '', width),
      tone: 'warn',
    };
  }
  if (notice) return { ...notice, text: cutTo(notice.text, width) };
  return sending === undefined ? undefined : { text: cutTo(`sending ${sending} back …`, width), tone: 'dim' };
}

const KEY_TEXTS: readonly (readonly [keys: string, what: string])[] = [
  ['↑ ↓, k j', 'move by one row or line'],
  ['PgUp PgDn, Space', 'move by a screen'],
  ['g G, Home End', 'to the first, to the last'],
  ['Tab, Shift-Tab', 'to the next table, to the one before'],
  ['s', 'sort by the next column; the arrow shows which'],
  ['Enter', 'open the dead letter: error, stack and message'],
  ['r', 'send the dead letter back to the inbox; asks first'],
  ['Esc', 'back'],
  ['?', 'this text'],
  ['q, Ctrl-C', 'quit'],
];

const WORD_TEXTS: readonly string[] = [
  'The headline is green if the group is healthy, yellow if it is falling behind or degraded, red if it is failing, halted or stopped, grey if it is paused or not known.',
  'The bars go from 0 to their peak, which stands beside them: a bar for each reading. Figures are grey while there are no new ones.',
  'On the first row a table shows what comes first, whatever that is, and after G what comes last; on another row it stays with that row. Nothing is changed but with r and y.',
];

/** The text of the help, without the keys that scroll it. */
export function helpTexts(): string[] {
  const width = Math.max(...KEY_TEXTS.map(([keys]) => widthOf(keys))) + 2;
  return [
    'keys',
    ...KEY_TEXTS.map(([keys, what]) => `  ${keys.padEnd(width)}${what}`),
    '',
    ...WORD_TEXTS.flatMap((text) => [text, '']),
  ].slice(0, -1);
}
