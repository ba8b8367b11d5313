import { numberText } from '../../core/words.js';
import { printable } from '../../log/printable.js';
import { cutTo, wrapTo } from '../width.js';
import { headLines } from './head.js';
import type { TopView } from './history.js';
import { footerLine, helpTexts, messageLine, NO_KEYS } from './keys.js';
import { letterTexts } from './letter-text.js';
import type { Line, Size } from './line.js';
import { type Pane, type PaneName, paneLines } from './pane.js';
import { panesOf } from './panes.js';
import { type ListWindow, shareOut, windowOf } from './room.js';
import { type PaneState, paneState, type Shown, type TopState } from './state.js';

/** What the pane in focus gets of the room, for one part of each other. */
const FOCUS_WEIGHT = 6;

/** What is drawn, and what the next key refers to. */
export interface Drawing {
  /** At most as many as the screen is high, each at most as wide. */
  readonly lines: Line[];
  /** With the rows that are there now. */
  readonly state: TopState;
  readonly shown: Shown;
}

/** All lines, for a pipe. */
export function plainLines(view: TopView): Line[] {
  const size = { width: Number.POSITIVE_INFINITY, height: Number.POSITIVE_INFINITY };
  const panes = panesOf(view, () => undefined);
  const tables = panes.flatMap((pane) => {
    const count = pane.keys.length;
    const lines = paneLines(pane, { width: size.width, from: 0, count, marks: false });
    return [{ text: '' }, ...lines, ...restLines({ above: 0, below: pane.total - count })];
  });
  return [...headLines(view, size), ...tables];
}

/**
 * The screen. Pure.
 *
 * @param hasKeys whether the user can press any
 */
export function drawing(view: TopView, size: Size, before: TopState, hasKeys: boolean): Drawing {
  const { width, height } = size;
  const panes = panesOf(view, (name) => paneState(before, name).sort);
  const state = settled(before, panes);
  const message = messageLine(state, width);
  const below = message ? 2 : 1;
  const room = Math.max(0, height - below);
  const shown = {
    panes,
    halted: new Set(view.deadLetters.flatMap(({ id, halted }) => (halted ? [id] : []))),
  };
  const texts = textsOf(view, state);
  const middle = texts
    ? textScreen(texts, { width, height: room }, state)
    : paneScreen(view, { width, height: room }, state, panes);
  const now = { ...shown, ...middle.shown };
  const upper = middle.lines.slice(0, room);
  const footer = hasKeys ? footerLine(middle.state, now, width) : NO_KEYS;
  // Whatever a message, an id or an error holds, nothing of it acts on the terminal.
  const lines = [
    ...upper,
    ...Array.from({ length: room - upper.length }, () => ({ text: '' })),
    ...(message ? [message] : []),
    footer,
  ].slice(-height);
  return {
    lines: lines.map((line) => ({ ...line, text: cutTo(printable(line.text), width) })),
    state: middle.state,
    shown: now,
  };
}

/** Keeps the selection on its row where that went, or on the place of a row that is gone; the focus on a pane that is there. */
function settled(state: TopState, panes: readonly Pane[]): TopState {
  const found = panes.some(({ name }) => name === state.focus) ? state.focus : panes[0]?.name;
  const next: Partial<Record<PaneName, PaneState>> = { ...state.panes };
  for (const { name, keys } of panes) {
    const now = paneState(state, name);
    const last = Math.max(0, keys.length - 1);
    const { selected, atEnd } = now;
    const at = selected === undefined ? 0 : atEnd ? last : keys.indexOf(selected);
    const row = at < 0 ? Math.min(now.row, last) : at;
    const from = Math.min(now.from, row);
    next[name] = { ...now, row, from, selected: selected === undefined ? undefined : keys[row] };
  }
  return { ...state, focus: found ?? state.focus, panes: next };
}

interface Middle {
  readonly lines: readonly Line[];
  readonly state: TopState;
  readonly shown: Pick<Shown, 'page' | 'lastLine'>;
}

/** The text that covers the tables; undefined if none does. */
function textsOf(view: TopView, { help, open }: TopState): string[] | undefined {
  if (help !== undefined) return helpTexts();
  if (!open) return undefined;
  if (open.problem !== undefined) return [`dead letter ${open.id}`, '', open.problem];
  if (!open.letter) return [`dead letter ${open.id}`, '', 'reading …'];
  return letterTexts(open.letter, view.status && Date.parse(view.status.time));
}

function textScreen(texts: readonly string[], { width, height }: Size, state: TopState): Middle {
  const all = texts.flatMap((text) => wrapTo(text, width));
  const fits = all.length <= height;
  const page = fits ? height : Math.max(1, height - 1);
  const lastLine = fits ? 0 : all.length - page;
  const from = Math.min(state.help ?? state.open?.from ?? 0, lastLine);
  const lines = all.slice(from, from + page).map((text): Line => ({ text }));
  const rest = restLines({ above: from, below: all.length - from - page });
  const next: TopState =
    state.help !== undefined
      ? { ...state, help: from }
      : { ...state, ...(state.open && { open: { ...state.open, from } }) };
  return { lines: [...lines, ...(fits ? [] : rest)], state: next, shown: { page, lastLine } };
}

function paneScreen(view: TopView, size: Size, state: TopState, panes: readonly Pane[]): Middle {
  const { width, height } = size;
  const head = headLines(view, size);
  const focus = Math.max(
    0,
    panes.findIndex(({ name }) => name === state.focus),
  );
  const room = height - head.length - 1;
  const wishes = panes.map(({ keys, total, note }, i) => ({
    rows: keys.length + (total > keys.length ? 1 : 0),
    fixed: note === undefined ? 1 : 2,
    weight: i === focus ? FOCUS_WEIGHT : 1,
  }));
  const all = shareOut(wishes, room, focus);
  const hides = all.some((rows) => rows < 0) && room > 2;
  const rooms = hides ? shareOut(wishes, room - 1, focus) : all;
  const lines: Line[] = [...head];
  const moved: Partial<Record<PaneName, PaneState>> = { ...state.panes };
  let page = 1;
  for (const [i, pane] of panes.entries()) {
    const rows = rooms[i] ?? -1;
    if (rows < 0) continue;
    const now = paneState(state, pane.name);
    const part = windowOf({ length: pane.keys.length, total: pane.total }, rows, now.row, now.from);
    const selected = i === focus ? now.row : undefined;
    lines.push({ text: '' }, ...paneLines(pane, { ...part, width, selected, marks: true }));
    if (rows > part.count) lines.push(...restLines(part));
    moved[pane.name] = { ...now, from: part.from };
    if (i === focus) page = Math.max(1, part.count);
  }
  const hidden = panes.filter((_, i) => (rooms[i] ?? -1) < 0);
  if (hides)
    lines.push({
      text: `no room: ${hidden.map(({ name, total }) => `${name} (${numberText(total)})`).join('  ')}`,
      tone: 'dim',
    });
  const isOld = view.verdict.state === 'unknown';
  const painted = lines.map((line, i) =>
    isOld && i >= head.length && line.tone !== 'selected' ? { ...line, tone: 'dim' as const } : line,
  );
  return { lines: painted, state: { ...state, panes: moved }, shown: { page, lastLine: 0 } };
}

/** How many rows or lines are above and below those that are shown. */
function restLines({ above, below }: Pick<ListWindow, 'above' | 'below'>): Line[] {
  const parts = [
    ...(above > 0 ? [`${numberText(above)} above`] : []),
    ...(below > 0 ? [above > 0 ? `${numberText(below)} below` : `and ${numberText(below)} more`] : []),
  ];
  return parts.length === 0 ? [] : [{ text: `… ${parts.join(', ')}`, tone: 'dim' }];
}
