import { parseMessage } from '../../core/message.js';
import { aboutText, numberText } from '../../core/words.js';
import { shortened } from '../../log/printable.js';
import type { ShownDeadLetter } from '../../observe/dead-letters.js';
import type { ProcessView } from '../../observe/process-view.js';
import type { GroupStatus } from '../../observe/status.js';
import { startCommandOf, workersText } from '../control/text.js';
import { KEY_HEADS, keyRows } from '../order-text.js';
import type { ConsumerView, TopView } from './history.js';
import type { Tone } from './line.js';
import { type Pane, type PaneColumn, type PaneName, paneOf } from './pane.js';

/** Most characters of an error: more than most screens are wide. */
const ERROR_WIDTH = 200;
/** The least room of columns that fill the screen. */
const LEAST_ERROR = 12;
const LEAST_MESSAGE_ID = 60;
/** Characters of a reason: other programs may write there, too. */
const REASON_WIDTH = 24;

/** By which of its columns a pane is sorted; undefined for all of them in a pipe. */
export type SortOf = (name: PaneName) => number | undefined;

/** The tables below the numbers. The most important comes first, and gets room first. */
export function panesOf(view: TopView, sortOf: SortOf): Pane[] {
  const { status } = view;
  if (!status) return [];
  const panes = [consumersPane(view, status, sortOf), processesPane(view, status, sortOf)];
  if (status.order.hottest.length > 0) panes.push(keysPane(status, sortOf));
  if (status.lanes) panes.push(lanesPane(status.lanes, sortOf));
  if (status.deadLetters > 0 && view.deadLetters.length > 0) panes.push(deadPane(view, status, sortOf));
  if (status.gaps.length > 0) panes.push(gapsPane(status, sortOf));
  return panes;
}

function consumersPane({ consumers }: TopView, status: GroupStatus, sortOf: SortOf): Pane {
  const columns: PaneColumn<ConsumerView>[] = [
    { head: '', leaves: 0, text: ({ id }) => id, by: ({ id }) => id },
    { head: 'host', leaves: 5, text: ({ host }) => host },
    { head: 'pid', leaves: 4, right: true, text: ({ pid }) => String(pid) },
    {
      head: 'pending',
      leaves: 1,
      right: true,
      text: ({ pending }) => numberText(pending),
      by: ({ pending }) => pending,
    },
    {
      head: 'processed',
      leaves: 3,
      right: true,
      text: ({ processed }) => numberText(processed),
      by: ({ processed }) => processed,
    },
    { head: 'msg/s', leaves: 2, right: true, text: ({ rate }) => number(rate), by: ({ rate }) => rate || 0 },
  ];
  const none = workersText(status) ?? `none: nothing is processed (${startCommandOf(status)})`;
  return paneOf(
    {
      name: 'consumers',
      rows: consumers,
      note: consumers.length === 0 ? none : undefined,
      key: ({ id }) => id,
      columns,
    },
    sortOf('consumers'),
  );
}

/** A process, or one that is known by its seat as a bridge only. */
interface ShownRow extends Partial<ProcessView> {
  readonly id: string;
  readonly role: ProcessView['role'];
  readonly rate?: number | null;
  readonly failRate?: number | null;
}

const ROLES: Readonly<Record<ProcessView['role'], string>> = {
  leads: 'leads',
  follows: 'follows',
  waits: 'waits',
  pulls: 'takes',
  none: '',
};

/** '' for what is not known. */
function number(value: number | null | undefined): string {
  return value == null || Number.isNaN(value) ? '' : numberText(value);
}

/** What managed processes shall run, and what they can. */
const SHARE_COLUMNS: readonly PaneColumn<ShownRow>[] = [
  {
    head: 'share',
    leaves: 10,
    right: true,
    text: ({ share, managed }) => (managed ? number(share) : 'fixed'),
  },
  { head: 'capacity', leaves: 11, right: true, text: ({ capacity }) => number(capacity) },
];

function processesPane({ processes }: TopView, status: GroupStatus, sortOf: SortOf): Pane {
  const known = new Set(processes.map(({ id }) => id));
  const seated = status.bridges.filter(({ id }) => !known.has(id));
  const rows: ShownRow[] = [
    ...processes,
    ...seated.map(({ id, leads }) => ({ id, role: leads ? ('leads' as const) : ('follows' as const) })),
  ];
  const columns: PaneColumn<ShownRow>[] = [
    { head: '', leaves: 0, text: ({ id }) => id, by: ({ id }) => id },
    { head: 'role', leaves: 2, text: ({ role }) => ROLES[role] },
    ...(rows.some((row) => stateOf(row) !== '') ? [{ head: 'state', leaves: 1, text: stateOf }] : []),
    { head: 'host', leaves: 8, text: ({ host = '' }) => host },
    { head: 'pid', leaves: 7, right: true, text: ({ pid }) => (pid === undefined ? '' : String(pid)) },
    { head: 'consumers', leaves: 4, right: true, text: ({ consumers }) => number(consumers) },
    ...(processes.some(({ managed }) => managed) ? SHARE_COLUMNS : []),
    {
      head: 'attempts',
      leaves: 9,
      right: true,
      text: ({ settled }) => number(settled),
      by: ({ settled }) => settled ?? 0,
    },
    {
      head: 'failed',
      leaves: 5,
      right: true,
      text: ({ failed }) => number(failed),
      by: ({ failed }) => failed ?? 0,
    },
    {
      head: 'failed/s',
      leaves: 3,
      right: true,
      text: ({ failRate }) => number(failRate),
      by: ({ failRate }) => failRate ?? 0,
    },
    { head: 'msg/s', leaves: 2, right: true, text: ({ rate }) => number(rate), by: ({ rate }) => rate ?? 0 },
    {
      head: 'up',
      leaves: 6,
      right: true,
      text: ({ uptimeMs }) => (uptimeMs == null ? '' : aboutText(uptimeMs)),
      by: ({ uptimeMs }) => uptimeMs ?? 0,
    },
    {
      head: 'heartbeat',
      leaves: 12,
      right: true,
      text: ({ beatAgeMs }) => (beatAgeMs === undefined ? '' : `${aboutText(beatAgeMs)} ago`),
    },
    { head: 'version', leaves: 13, text: ({ version }) => version ?? '' },
  ];
  return paneOf(
    {
      name: 'processes',
      rows,
      note: unrelayedText(status),
      key: ({ id }) => id,
      tone: toneOf,
      columns,
    },
    sortOf('processes'),
  );
}

/** What is not as usual with a process. */
function stateOf({ silent, stalled = 0, recordAway, drained }: ShownRow): string {
  if (silent) return 'silent';
  if (stalled > 0) return 'stalled';
  if (recordAway) return 'no record';
  return drained ? 'drained' : '';
}

function toneOf(row: ShownRow): Tone | undefined {
  const state = stateOf(row);
  if (state === '') return undefined;
  return state === 'drained' ? 'dim' : state === 'silent' ? 'warn' : 'alarm';
}

/** What to do if nothing comes in; undefined if something does. */
function unrelayedText(status: GroupStatus): string | undefined {
  const { source, leader, processes } = status;
  const isChannel = source.kind === 'channel';
  const comesIn = isChannel ? leader !== null : processes.some(({ pulls }) => pulls);
  if (comesIn) return undefined;
  const what = isChannel
    ? 'none leads: nothing is relayed'
    : `none takes: nothing is taken from the ${source.kind}`;
  return `${what} (${startCommandOf(status)})`;
}

function keysPane({ order }: GroupStatus, sortOf: SortOf): Pane {
  const heads = ['', ...KEY_HEADS];
  // The number of messages, the number of attempts and the age stand at the right.
  const rightOf = [false, true, false, false, true, true];
  const leavesOf = [0, 1, 5, 3, 4, 2];
  return paneOf(
    {
      name: 'busy keys',
      rows: keyRows(order),
      total: order.busy ?? 0,
      key: ([key = '']) => key,
      columns: heads.map((head, i) => ({
        head,
        leaves: leavesOf[i] ?? 0,
        ...(rightOf[i] && { right: true as const }),
        text: (row: readonly string[]) => row[i] ?? '',
      })),
    },
    sortOf('busy keys'),
  );
}

type Lane = NonNullable<GroupStatus['lanes']>[number];

function lanesPane(lanes: readonly Lane[], sortOf: SortOf): Pane {
  const columns: PaneColumn<Lane>[] = [
    { head: '', leaves: 0, text: ({ output }) => output },
    { head: 'node', leaves: 3, text: ({ node }) => node ?? 'away' },
    { head: 'processed', leaves: 2, right: true, text: ({ processed }) => number(processed) },
    { head: 'dead', leaves: 4, right: true, text: ({ dead }) => number(dead) },
    { head: 'backlog', leaves: 1, right: true, text: ({ backlog }) => number(backlog) },
    {
      head: 'lag',
      leaves: 5,
      right: true,
      text: ({ backlog, lagMs }) => (backlog === 0 ? 'none' : lagMs === null ? '' : aboutText(lagMs)),
    },
  ];
  return paneOf({ name: 'lanes', rows: lanes, key: ({ output }) => output, columns }, sortOf('lanes'));
}

function deadPane({ deadLetters }: TopView, { time, deadLetters: total }: GroupStatus, sortOf: SortOf): Pane {
  const now = Date.parse(time);
  const anyHalted = deadLetters.some(({ halted }) => halted);
  const columns: PaneColumn<ShownDeadLetter>[] = [
    { head: '', leaves: 0, text: ({ id }) => id },
    {
      head: 'age',
      leaves: 3,
      right: true,
      text: (letter) => aboutText(Math.max(0, now - Date.parse(letter.time))),
    },
    ...(anyHalted
      ? [{ head: 'halted', leaves: 4, text: ({ halted }: ShownDeadLetter) => (halted ? 'yes' : '') }]
      : []),
    { head: 'reason', leaves: 1, text: ({ reason }) => shortened(reason, REASON_WIDTH) },
    { head: 'attempts', leaves: 5, right: true, text: ({ attempts }) => numberText(attempts) },
    { head: 'error', leaves: 2, fills: LEAST_ERROR, text: ({ error }) => shortened(error, ERROR_WIDTH) },
    { head: 'message id', leaves: 6, fills: LEAST_MESSAGE_ID, text: messageIdOf },
  ];
  return paneOf(
    {
      name: 'dead letters',
      rows: deadLetters,
      total,
      key: ({ id }) => id,
      tone: ({ halted }) => (halted ? 'warn' : undefined),
      columns,
    },
    sortOf('dead letters'),
  );
}

/** '' for a message without an id, and for one that is too long to be read whole. */
function messageIdOf({ message }: ShownDeadLetter): string {
  const parsed = parseMessage(message);
  return parsed.valid ? shortened(parsed.messageId, ERROR_WIDTH) : '';
}

function gapsPane({ gaps, counters }: GroupStatus, sortOf: SortOf): Pane {
  const columns: PaneColumn<GroupStatus['gaps'][number]>[] = [
    { head: '', leaves: 0, text: ({ from }) => from },
    { head: 'to', leaves: 2, text: ({ to }) => to },
    {
      head: 'messages may have been missed, because',
      leaves: 1,
      fills: LEAST_ERROR,
      text: ({ reason }) => reason,
    },
  ];
  return paneOf(
    {
      name: 'gaps',
      rows: [...gaps].reverse(),
      total: counters.gaps,
      key: ({ from, to }) => `${from} ${to}`,
      columns,
    },
    sortOf('gaps'),
  );
}
