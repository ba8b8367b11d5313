import type { ShownDeadLetter } from '../../observe/dead-letters.js';
import type { Line } from './line.js';
import type { PaneName } from './pane.js';

/** Dead letters that are read at least, and at most: each costs up to some KB, whenever one of them changes. */
const LETTERS_AT_ONCE = 100;
const MOST_LETTERS = 1_000;

/** How far a pane is moved, and how it is sorted. */
export interface PaneState {
  /** What names the selected row; undefined for the first row, whichever that is. */
  readonly selected: string | undefined;
  /** The last row is selected, whichever that is. */
  readonly atEnd: boolean;
  /** Where that row is. */
  readonly row: number;
  /** The first row that is shown. */
  readonly from: number;
  /** By which of its columns that can be sorted it is. */
  readonly sort: number;
}

/** A dead letter that is opened. */
export interface OpenLetter {
  readonly id: string;
  /** Undefined until it is read, and if it cannot be. */
  readonly letter?: ShownDeadLetter;
  /** Why it cannot be shown. */
  readonly problem?: string;
  /** The first line that is shown. */
  readonly from: number;
}

/** What the user sees and has chosen. The readings are not part of it. */
export interface TopState {
  /** The pane that the keys move in. */
  readonly focus: PaneName;
  readonly panes: Readonly<Partial<Record<PaneName, PaneState>>>;
  readonly open?: OpenLetter | undefined;
  /** The keys are explained, from this line on. */
  readonly help?: number | undefined;
  /** The dead letter of which it is asked whether to send it back. */
  readonly asked?: { readonly id: string; readonly halted: boolean } | undefined;
  /** The dead letter that is on its way back. */
  readonly sending?: string | undefined;
  /** What happened last; the next key removes it. */
  readonly notice?: Line | undefined;
}

export const FIRST_STATE: TopState = { focus: 'consumers', panes: {} };

const FIRST_PANE: PaneState = { selected: undefined, atEnd: false, row: 0, from: 0, sort: 0 };

/** How a pane stands. */
export function paneState({ panes }: TopState, name: PaneName): PaneState {
  return panes[name] ?? FIRST_PANE;
}

/** What the user can do, as a key says it. */
export type Intent =
  | 'up'
  | 'down'
  | 'page-up'
  | 'page-down'
  | 'first'
  | 'last'
  | 'next'
  | 'previous'
  | 'sort'
  | 'open'
  | 'retry'
  | 'yes'
  | 'back'
  | 'help'
  | 'quit';

/** What the last drawing showed: the keys refer to it. */
export interface Shown {
  readonly panes: readonly {
    readonly name: PaneName;
    readonly keys: readonly string[];
    readonly sorts: number;
  }[];
  /** Those of the dead letters that stop an order. */
  readonly halted: ReadonlySet<string>;
  /** Rows of the pane in focus, or lines of the text, that have room. */
  readonly page: number;
  /** The first line of the text that still fills the screen; 0 for tables. */
  readonly lastLine: number;
}

/** What is to be done besides. */
export type Effect =
  | { readonly kind: 'quit' }
  | { readonly kind: 'read'; readonly id: string }
  | { readonly kind: 'retry'; readonly id: string };

export interface Step {
  readonly state: TopState;
  readonly effect?: Effect;
}

/** What a key does. Pure. @param intent undefined for a key without a meaning: it only removes the notice, and says no */
export function press(before: TopState, intent: Intent | undefined, shown: Shown): Step {
  const state: TopState = { ...before, notice: undefined };
  if (state.asked) {
    const { id } = state.asked;
    if (intent === 'yes')
      return { state: { ...state, asked: undefined, sending: id }, effect: { kind: 'retry', id } };
    return {
      state: { ...state, asked: undefined, notice: { text: `${id} was not sent back`, tone: 'dim' } },
    };
  }
  if (intent === 'quit') return { state, effect: { kind: 'quit' } };
  if (state.help !== undefined) return { state: inHelp(state, state.help, intent, shown) };
  if (intent === 'help') return { state: { ...state, help: 0 } };
  return state.open ? inLetter(state, state.open, intent, shown) : inPanes(state, intent, shown);
}

function inHelp(state: TopState, from: number, intent: Intent | undefined, shown: Shown): TopState {
  if (intent === 'back' || intent === 'help') return { ...state, help: undefined };
  return { ...state, help: scrolled(from, intent, shown) };
}

function inLetter(state: TopState, open: OpenLetter, intent: Intent | undefined, shown: Shown): Step {
  if (intent === 'back') return { state: { ...state, open: undefined } };
  if (intent === 'retry') return { state: asking(state, open.letter && open.id, shown) };
  return { state: { ...state, open: { ...open, from: scrolled(open.from, intent, shown) } } };
}

/** The first line of a text after a key. */
function scrolled(from: number, intent: Intent | undefined, { page, lastLine }: Shown): number {
  return within(moved(from, intent, page, lastLine) ?? from, lastLine);
}

function moved(at: number, intent: Intent | undefined, page: number, last: number): number | undefined {
  const step = Math.max(1, page);
  if (intent === 'up') return at - 1;
  if (intent === 'down') return at + 1;
  if (intent === 'page-up') return at - step;
  if (intent === 'page-down') return at + step;
  if (intent === 'first') return 0;
  return intent === 'last' ? last : undefined;
}

function within(at: number, last: number): number {
  return Math.max(0, Math.min(at, last));
}

function inPanes(state: TopState, intent: Intent | undefined, shown: Shown): Step {
  const { panes } = shown;
  const at = Math.max(
    0,
    panes.findIndex(({ name }) => name === state.focus),
  );
  const pane = panes[at];
  if (!pane) return { state };
  const { name, keys, sorts } = pane;
  const now = paneState(state, name);
  const id = keys[now.row];
  const set = (next: Partial<PaneState>): Step => ({
    state: { ...state, panes: { ...state.panes, [name]: { ...now, ...next } } },
  });
  if (intent === 'next' || intent === 'previous') {
    const next = panes[(at + (intent === 'next' ? 1 : panes.length - 1)) % panes.length];
    return { state: { ...state, focus: next?.name ?? name } };
  }
  if (intent === 'sort') return sorts > 1 ? set({ ...FIRST_PANE, sort: (now.sort + 1) % sorts }) : { state };
  if (name === 'dead letters' && id !== undefined) {
    if (intent === 'retry') return { state: asking(set({ selected: id, atEnd: false }).state, id, shown) };
    if (intent === 'open')
      return {
        state: { ...set({ selected: id, atEnd: false }).state, open: { id, from: 0 } },
        effect: { kind: 'read', id },
      };
  }
  const to = moved(now.row, intent, shown.page, keys.length - 1);
  if (to === undefined) return { state };
  const row = within(to, keys.length - 1);
  return set({ row, selected: intent === 'first' ? undefined : keys[row], atEnd: intent === 'last' });
}

/** Asks before anything is sent. One at a time: what became of the last one is not known yet. */
function asking(state: TopState, id: string | undefined, { halted }: Shown): TopState {
  if (id === undefined || state.sending !== undefined) return state;
  return { ...state, asked: { id, halted: halted.has(id) } };
}

/** A dead letter was read, is not there any more (undefined), or cannot be read. */
export function letterRead(state: TopState, id: string, read: ShownDeadLetter | Error | undefined): TopState {
  const { open } = state;
  if (open?.id !== id) return state;
  if (read instanceof Error)
    return { ...state, open: { ...open, problem: `it cannot be read: ${read.message}` } };
  if (read) return { ...state, open: { ...open, letter: read } };
  return { ...state, open: { ...open, problem: 'it is not there any more: it was sent back, or deleted' } };
}

/** A dead letter was sent back (true), was not there any more (false), or could not be sent back. */
export function letterSent(state: TopState, id: string, sent: boolean | Error): TopState {
  const notice: Line =
    sent instanceof Error
      ? { text: `${id} was not sent back: ${sent.message}`, tone: 'alarm' }
      : sent
        ? { text: `${id} was sent back to the inbox`, tone: 'good' }
        : { text: `${id} is not there any more: it was sent back, or deleted`, tone: 'warn' };
  const isOpen = state.open?.id === id && !(sent instanceof Error);
  return { ...state, sending: undefined, notice, ...(isOpen && { open: undefined }) };
}

/** How many dead letters are to be read: more when the user goes down. */
export function lettersWanted({ panes }: TopState): number {
  const { row, atEnd } = panes['dead letters'] ?? FIRST_PANE;
  if (atEnd) return MOST_LETTERS;
  return Math.min(MOST_LETTERS, LETTERS_AT_ONCE * Math.ceil((row + LETTERS_AT_ONCE) / LETTERS_AT_ONCE));
}
