import { shortened } from '../../log/printable.js';
import type { GroupStatus } from '../../observe/status.js';
import { startCommandOf, workersText } from '../control/text.js';
import { KEY_HEADS, keyRows } from '../order-text.js';
import { columns } from '../table.js';
import type { ConsumerView, TopView } from './history.js';

/** The kind of a line; the screen colours it accordingly. */
export type Tone = 'title' | 'head' | 'alarm' | 'dim';

/** A line of the screen. */
export interface Line {
  readonly text: string;
  readonly tone?: Tone;
}

/** A table of the screen; the room decides how many of its rows are shown. */
export interface Section {
  readonly heads: readonly string[];
  readonly rows: readonly (readonly string[])[];
  /** How many there are, if the rows are only the first of them. */
  readonly total?: number;
  /** Its share of the room, relative to the other sections. */
  readonly weight: number;
}

/** Most characters of an error: more than most screens are wide. */
const ERROR_WIDTH = 200;
const number = new Intl.NumberFormat('en');

/** A number, or `?` if it is not known. */
function known(value: number | null): string {
  return value === null || Number.isNaN(value) ? '?' : number.format(value);
}

function named(name: string, count: number): string {
  return `${name} (${number.format(count)})`;
}

function bridgesOf(status: GroupStatus): Section {
  const { bridges, leader } = status;
  return {
    heads: [named('bridges', bridges.length), ''],
    rows: leader
      ? bridges.map(({ id, leads }) => [id, leads ? 'leads' : 'follows'])
      : [
          [`none leads: nothing is relayed (${startCommandOf(status)})`],
          ...bridges.map(({ id }) => [id, 'follows']),
        ],
    weight: 1,
  };
}

/** The processes that take messages from the list or stream. */
function pullingOf(status: GroupStatus): Section {
  const { kind, waiting } = status.source;
  const ids = status.processes.flatMap(({ id, pulls }) => (pulls ? [id] : []));
  return {
    heads: [kind, waiting === null ? '' : `${number.format(waiting)} waiting`],
    rows:
      ids.length > 0
        ? ids.map((id) => [id, 'takes'])
        : [[`nothing is taken from it (${startCommandOf(status)})`]],
    weight: 1,
  };
}

/** The tables below the numbers. The most important comes first, and gets room first. */
export function sectionsOf(view: TopView, room: number): Section[] {
  const { status, deadLetters } = view;
  if (!status) return [];
  const { gaps, counters } = status;
  const sections: Section[] = [
    {
      heads: [named('consumers', view.consumers.length), 'host', 'pid', 'pending', 'processed', 'msg/s'],
      rows:
        view.consumers.length === 0
          ? [[workersText(status) ?? `none: nothing is processed (${startCommandOf(status)})`]]
          : ordered(view.consumers, room).map((one) => [
              one.id,
              one.host,
              String(one.pid),
              number.format(one.pending),
              number.format(one.processed),
              known(one.rate),
            ]),
      weight: 3,
    },
    status.source.kind === 'channel' ? bridgesOf(status) : pullingOf(status),
  ];
  if (status.order.hottest.length > 0)
    sections.push({
      heads: [named('busy keys', status.order.busy ?? 0), ...KEY_HEADS],
      rows: keyRows(status.order),
      weight: 1,
    });
  if (status.lanes)
    sections.push({
      heads: [named('lanes', status.lanes.length), 'node', 'processed', 'backlog'],
      rows: status.lanes.map(({ output, node, processed, backlog }) => [
        output,
        node ?? 'away',
        known(processed),
        known(backlog),
      ]),
      weight: 1,
    });
  if (deadLetters.length > 0)
    sections.push({
      heads: [named('dead letters', status.deadLetters), 'reason', 'attempts', 'error'],
      rows: deadLetters.map(({ id, reason, attempts, error }) => [
        id,
        reason,
        String(attempts),
        shortened(error, ERROR_WIDTH),
      ]),
      total: status.deadLetters,
      weight: 1,
    });
  if (gaps.length > 0)
    sections.push({
      heads: [named('gaps', counters.gaps), 'to', 'messages may have been missed, because'],
      rows: [...gaps].reverse().map(({ from, to, reason }) => [from, to, reason]),
      total: counters.gaps,
      weight: 1,
    });
  return sections;
}

/** In their own order if there is room for all, else those that hold most first. */
function ordered(consumers: readonly ConsumerView[], room: number): readonly ConsumerView[] {
  if (consumers.length <= room) return consumers;
  return [...consumers].sort((a, b) => b.pending - a.pending || a.id.localeCompare(b.id));
}

/**
 * How many rows of each section are shown, so that all sections with their heads and an empty line between them
 * take at most `room` lines. -1: not even the head.
 */
export function shareOut(sections: readonly Section[], room: number): number[] {
  const shown = sections.map(() => -1);
  let left = room;
  for (const [i] of sections.entries()) {
    const least = i === 0 ? 2 : 3;
    if (left < least) break;
    shown[i] = 1;
    left -= least;
  }
  for (let given = true; given && left > 0; ) {
    given = false;
    for (const [i, { rows, weight }] of sections.entries()) {
      const has = shown[i] ?? -1;
      const more = has < 0 ? 0 : Math.min(weight, rows.length - has, left);
      shown[i] = has + more;
      left -= more;
      given ||= more > 0;
    }
  }
  return shown;
}

/** A section as lines; the last one counts the rows that are left out. */
export function sectionLines({ heads, rows, total = 0 }: Section, shown: number): Line[] {
  if (shown < 0) return [];
  const all = Math.max(total, rows.length);
  // All rows may have room while there are more than were read.
  const most = all > shown && shown > 1 ? shown - 1 : shown;
  const [head = '', ...lines] = columns([heads, ...rows.slice(0, most)]).split('\n');
  const rest =
    most < shown ? [{ text: `… and ${number.format(all - most)} more`, tone: 'dim' as const }] : [];
  return [{ text: head, tone: 'head' }, ...lines.map((text) => ({ text })), ...rest];
}
