import cliTruncate from 'cli-truncate';
import sparkly from 'sparkly';
import stringWidth from 'string-width';
import { printable } from '../../log/printable.js';
import type { GroupStatus } from '../../observe/status.js';
import { formatDuration } from '../../settings/durations.js';
import { controlText, isControlled } from '../control/text.js';
import { orderText } from '../order-text.js';
import { columns } from '../table.js';
import type { TopView } from './history.js';
import { type Line, sectionLines, sectionsOf, shareOut } from './sections.js';

/** The size of the screen in characters; Infinity in a pipe. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Most readings in a sparkline. */
const LONGEST_SPARK = 60;
const number = new Intl.NumberFormat('en');

/** The lines of the screen: at most `height`, each at most `width` wide. */
export function frame(view: TopView, { width, height }: Size): Line[] {
  const top = headLines(view, width);
  const room = height - top.length - 1;
  const sections = sectionsOf(view, room);
  const shown = shareOut(sections, room);
  const lines = [...top];
  for (const [i, section] of sections.entries()) {
    const part = sectionLines(section, shown[i] ?? -1);
    if (part.length > 0) lines.push({ text: '' }, ...part);
  }
  return lines.slice(0, height).map((line) => ({ ...line, text: cut(line.text, width) }));
}

function headLines({ status, trouble, misnamed, rates, lags, verdict }: TopView, width: number): Line[] {
  const alarm = [trouble, misnamed].flatMap((text): Line[] =>
    text === undefined ? [] : [{ text: printable(text), tone: 'alarm' }],
  );
  if (!status) return alarm.length > 0 ? alarm : [{ text: 'reading …', tone: 'dim' }];
  const { time, group, channel, output, backlog, waiting, pending, retrying, held, lagMs, counters } = status;
  const rate = rates.at(-1) ?? Number.NaN;
  // The text before a sparkline is about 24 wide.
  const spark = (values: readonly number[]) => sparkline(values, Math.min(width - 24, LONGEST_SPARK));
  const numbers = columns([
    ['rate', Number.isNaN(rate) ? '?' : `${number.format(rate)} msg/s`, spark(rates)],
    ['lag', backlog === 0 ? 'none' : formatDuration(lagMs), spark(lags)],
    ['backlog', number.format(backlog), named({ waiting, pending, retrying, ...(held > 0 && { held }) })],
    ['settled', number.format(counters.processed + counters.dead), totals(counters)],
  ]);
  const order = orderText(status.order);
  const control = isControlled(status)
    ? [{ text: printable(`control  ${controlText(status.control)}`) }]
    : [];
  return [
    { text: printable(`${channel} → ${output}  group ${group}  ${time.slice(11, 19)}Z`), tone: 'title' },
    ...alarm,
    ...verdictLines(verdict),
    ...warnings(status),
    ...numbers.split('\n').map((text) => ({ text })),
    ...(order === undefined ? [] : [{ text: printable(`order    ${order}`) }]),
    ...control,
  ];
}

function totals({ relayed, processed, dead, failed, retried, gaps }: GroupStatus['counters']): string {
  return named({ relayed, processed, dead, 'failed attempts': failed, retried, gaps });
}

/** How the group is, and what else is not well. */
function verdictLines({ level, title, notes }: TopView['verdict']): Line[] {
  const head = { text: printable(title), ...(level !== 'good' && { tone: 'alarm' as const }) };
  return [head, ...notes.map((note) => ({ text: printable(`  ${note}`), tone: 'dim' as const }))];
}

/** Losses, which should never happen: each takes a line only if there is one. */
function warnings(status: GroupStatus): Line[] {
  const { lost, dropped } = status.counters;
  const texts: string[] = [];
  if (lost > 0)
    texts.push(`${number.format(lost)} messages lost: another program deleted them from the inbox`);
  if (dropped > 0)
    texts.push(`${number.format(dropped)} messages dropped: a bridge's buffer was full (bufferLimit)`);
  return texts.map((text) => ({ text, tone: 'alarm' }));
}

function named(numbers: Readonly<Record<string, number>>): string {
  return Object.entries(numbers)
    .map(([name, value]) => `${name} ${number.format(value)}`)
    .join('  ');
}

/** The last values as bars, from 0 to the highest of them; '' without room, or with less than two numbers. */
export function sparkline(values: readonly number[], width: number): string {
  const last = width > 0 ? values.slice(-width) : [];
  const known = last.filter((value) => !Number.isNaN(value));
  if (known.length < 2) return '';
  return sparkly([...last], { minimum: 0, maximum: Math.max(1, ...known) });
}

function cut(text: string, width: number): string {
  if (!Number.isFinite(width)) return text;
  const short = cliTruncate(text, width);
  // A cut inside a wide character keeps the whole character.
  return stringWidth(short) > width ? cliTruncate(text, width - 1) : short;
}
