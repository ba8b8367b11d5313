import { CgroupError } from '../../core/errors.js';
import { printable, shortened } from '../../log/printable.js';
import type { ShownDeadLetter } from '../../observe/dead-letters.js';
import type { DeadLetterGroup } from '../../observe/dead-selection.js';
import { type Display, PLAIN, type TextTone } from '../display.js';
import { withFlags } from '../hints.js';
import { type Cell, facts, table } from '../table.js';

/** Most characters of a message and of an error in the table, in a pipe. */
const MESSAGE_WIDTH = 60;
const ERROR_WIDTH = 50;
/** The same of the error of a group. */
const GROUP_ERROR_WIDTH = 90;

const REASON_TONES: Readonly<Record<string, TextTone>> = { failed: 'bad', timeout: 'warn' };

/** A table of dead letters, and what to type next. @param more what the table leaves out, in words; '' for nothing */
export function listText(shown: readonly ShownDeadLetter[], more: string, display = PLAIN): string {
  const next = withFlags(
    'cgroup dead show ID shows one in full; fix the cause, then: cgroup dead retry ID, or --all',
  );
  const anyHalted = shown.some(({ halted }) => halted);
  const letters = table(
    display,
    [
      { head: 'id', fixed: true, tone: 'dim' },
      ...(anyHalted ? ['halted'] : []),
      { head: 'time', fixed: true, spare: true, tone: 'dim' },
      'reason',
      { head: 'attempts', fixed: true, spare: true },
      'error',
      { head: 'message', spare: true },
    ],
    shown.map(({ id, halted, time, reason, attempts, error, message }) => [
      id,
      ...(anyHalted ? [{ text: halted ? 'yes' : '', tone: 'warn' as const }] : []),
      timeText(time, display),
      reasonCell(reason),
      display.number(attempts),
      shortened(error, display.width === PLAIN.width ? ERROR_WIDTH : display.width),
      shortened(message, display.width === PLAIN.width ? MESSAGE_WIDTH : display.width),
    ]),
  );
  const halts = anyHalted
    ? [withFlags('those marked as halted stop the order: send them back, or cgroup dead skip ID')]
    : [];
  return [letters, '', ...(more === '' ? [] : [more]), next, ...halts].join('\n');
}

/** A table of groups, and what to type next. */
export function groupsText(groups: readonly DeadLetterGroup[], display = PLAIN): string {
  const counted = table(
    display,
    [
      { head: 'count', fixed: true },
      'reason',
      'error',
      { head: 'oldest', fixed: true, spare: true, tone: 'dim' },
      { head: 'newest', fixed: true, spare: true, tone: 'dim' },
      { head: 'id of the newest', fixed: true, tone: 'dim' },
    ],
    groups.map(({ count, reason, error, oldest, newest, id }) => [
      display.number(count),
      reasonCell(reason),
      shortened(error, GROUP_ERROR_WIDTH),
      timeText(oldest, display),
      timeText(newest, display),
      id,
    ]),
  );
  const next = withFlags(
    "fix a cause, then: cgroup dead retry --reason REASON --error 'a part of the error'",
  );
  return [counted, '', 'errors that differ in numbers and quoted texts only count as one', next].join('\n');
}

function reasonCell(reason: string): Cell {
  return { text: reason, tone: REASON_TONES[reason] ?? 'warn' };
}

/** On a terminal to the second: the id has the rest. */
function timeText(time: string, { width }: Display): string {
  return width === PLAIN.width ? time : time.replace(/\.\d+Z$/, 'Z');
}

/** One dead letter in full. @param body the message as it is shown */
export function fullText(
  { message, message_base64, stack, ...fields }: ShownDeadLetter,
  body = message,
  display = PLAIN,
): string {
  const rows = Object.entries(fields).map(([name, value]): [string, Cell] => [
    name,
    name === 'reason' ? reasonCell(fields.reason) : String(value),
  ]);
  const frames = stack === undefined ? [] : ['', ...stack.split('\n').map((line) => printable(line))];
  const bytes = message_base64 === undefined ? [] : ['', 'not UTF-8; the bytes in base64:', message_base64];
  const lines = body === message ? [body] : body.split('\n');
  return [facts(display, rows), ...frames, '', ...lines.map((line) => printable(line)), ...bytes].join('\n');
}

/** The error for dead letters that stop no order. */
export function notHalted(ids: readonly string[]): CgroupError {
  const what = ids.length === 1 ? 'the dead letter' : 'the dead letters';
  const verb = ids.length === 1 ? 'stops' : 'stop';
  return new CgroupError(
    'NOT_FOUND',
    `${what} ${ids.join(', ')} ${verb} no order, so there is nothing to skip: cgroup status shows what is halted`,
  );
}

/** The error for ids that no dead letter has. */
export function notFound(ids: readonly string[]): CgroupError {
  const what = ids.length === 1 ? 'is no dead letter' : 'are no dead letters';
  return new CgroupError(
    'NOT_FOUND',
    `there ${what} ${ids.join(', ')}: cgroup dead list shows the ids; they differ from the ids of the inbox`,
  );
}
