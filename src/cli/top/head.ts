import { aboutText, numberText } from '../../core/words.js';
import { printable } from '../../log/printable.js';
import type { GroupStatus } from '../../observe/status.js';
import type { GroupVerdict } from '../../observe/verdict-input.js';
import { controlText, isControlled } from '../control/text.js';
import { orderText } from '../order-text.js';
import { toneOfVerdict } from '../verdict-text.js';
import { padTo, widthOf } from '../width.js';
import type { TopView } from './history.js';
import type { Line, Size, Tone } from './line.js';
import { courseTexts } from './sparkline.js';

/** A line above the tables. On a small screen those with the highest rank leave first; the headline has 0, and stays as all without one. */
interface HeadLine extends Line {
  readonly rank?: number;
}

/** Lines that the tables get before the last lines of the head. */
const LEAST_BELOW = 6;
/** From this size on, what does not fit into a line goes on in the next one. */
const LARGE: Size = { width: 60, height: 20 };

/** How the group is, and its numbers, in at most as many lines as leave room for a table. */
export function headLines(view: TopView, { width, height }: Size): Line[] {
  const { status, trouble, misnamed, verdict } = view;
  const alarm = [trouble, misnamed].flatMap((text): Line[] =>
    text === undefined ? [] : [{ text: printable(text), tone: 'alarm' }],
  );
  if (!status) return alarm.length > 0 ? alarm : [{ text: 'reading …', tone: 'dim' }];
  const { time, group, channel, output } = status;
  // Old numbers must not look like new ones.
  const tone: Tone | undefined = verdict.state === 'unknown' ? 'dim' : undefined;
  const order = orderText(status.order);
  const others: HeadLine[] = [
    ...(order === undefined ? [] : [{ text: printable(`order    ${order}`), tone, rank: 1 }]),
    ...(isControlled(status)
      ? [{ text: printable(`control  ${controlText(status.control)}`), tone, rank: 2 }]
      : []),
  ];
  const title = `${channel} → ${output}  group ${group}  ${time.slice(11, 19)}Z`;
  const lines: HeadLine[] = [
    { text: printable(title), tone: 'title' },
    ...alarm,
    { text: printable(verdict.title), tone: toneOfHeadline(verdict), rank: 0 },
    ...verdict.notes.map((note, n) => ({ text: printable(`  ${note}`), tone: 'dim' as const, rank: 10 + n })),
    ...lossLines(status),
    ...numberLines(view, status, { width, height }).map((line) => ({ ...line, tone })),
    ...others,
  ];
  return leftAfter(lines, height - LEAST_BELOW, verdict);
}

/** The lines for which there is room. How many notes are left out stands behind the headline. */
function leftAfter(lines: readonly HeadLine[], room: number, { notes }: GroupVerdict): Line[] {
  const kept = [...lines];
  while (kept.length > room) {
    const leaver = kept.reduce((a, b) => ((b.rank ?? 0) >= (a.rank ?? 0) ? b : a));
    if (!leaver.rank) break;
    kept.splice(kept.indexOf(leaver), 1);
  }
  const shown = kept.filter(({ rank = 0 }) => rank >= 10).length;
  const more = notes.length - shown;
  const headline = kept.findIndex(({ rank }) => rank === 0);
  return kept.map(({ text, tone }, i) => ({
    text: more > 0 && i === headline ? `${text} (and ${more} more)` : text,
    tone,
  }));
}

function toneOfHeadline(verdict: GroupVerdict): Tone {
  const tone = toneOfVerdict(verdict);
  return tone === 'good' || tone === 'dim' ? tone : tone === 'warn' ? 'warn' : 'alarm';
}

/** Losses, which should never happen: each takes a line only if there is one. */
function lossLines({ counters: { lost, dropped } }: GroupStatus): Line[] {
  const messages = (count: number) => `${numberText(count)} ${count === 1 ? 'message' : 'messages'}`;
  const texts = [
    ...(lost > 0 ? [`${messages(lost)} lost: another program deleted them from the inbox`] : []),
    ...(dropped > 0 ? [`${messages(dropped)} dropped: a bridge's buffer was full (bufferLimit)`] : []),
  ];
  return texts.map((text) => ({ text, tone: 'alarm' }));
}

/** Name, value and what belongs to it: the courses of rate and lag, the parts of backlog and settled. */
function numberLines({ rates, lags }: TopView, status: GroupStatus, { width, height }: Size): HeadLine[] {
  const { source, backlog, waiting, pending, retrying, held, lagMs, counters } = status;
  const { relayed, processed, dead, failed, retried, gaps } = counters;
  const rate = rates.at(-1) ?? Number.NaN;
  const rateText = (value: number) => `${numberText(value)} msg/s`;
  const values = [
    Number.isNaN(rate) ? '?' : rateText(rate),
    backlog === 0 ? 'none' : aboutText(lagMs),
    numberText(backlog),
    numberText(processed + dead),
    ...(source.waiting === null ? [] : [numberText(source.waiting)]),
  ];
  const valueWidth = Math.max(...values.map(widthOf));
  const before = 'settled  '.length + valueWidth + 2;
  const courses = courseTexts(
    [
      { values: rates, text: (peak) => `${numberText(peak)}/s` },
      { values: lags, text: aboutText },
    ],
    width - before,
  );
  const flowed = (parts: Readonly<Record<string, number>>) =>
    flow(
      Object.entries(parts).map(([name, value]) => `${name} ${numberText(value)}`),
      width >= LARGE.width && height >= LARGE.height ? width - before : Number.POSITIVE_INFINITY,
    );
  const rows: readonly (readonly [name: string, rank: number, texts: readonly string[]])[] = [
    ['rate', 0, courses.slice(0, 1)],
    ['lag', 4, courses.slice(1)],
    ['backlog', 0, flowed({ waiting, pending, retrying, ...(held > 0 && { held }) })],
    ['settled', 3, flowed({ relayed, processed, dead, 'failed attempts': failed, retried, gaps })],
    ...(source.waiting === null ? [] : [['source', 5, [`waiting in the ${source.kind}`]] as const]),
  ];
  return rows.flatMap(([name, rank, [first = '', ...rest]], i) => [
    {
      text: `${name.padEnd('settled  '.length)}${padTo(values[i] ?? '', valueWidth, true)}  ${first}`.trimEnd(),
      ...(rank > 0 && { rank }),
    },
    ...rest.map((text) => ({ text: ' '.repeat(before) + text, rank: 3.5 })),
  ]);
}

/** Parts in lines, each as long as it may be. */
function flow(parts: readonly string[], width: number): string[] {
  const lines: string[] = [];
  for (const part of parts) {
    const last = lines.at(-1);
    const longer = last === undefined ? part : `${last}  ${part}`;
    if (last === undefined || widthOf(longer) > width) lines.push(part);
    else lines[lines.length - 1] = longer;
  }
  return lines;
}
