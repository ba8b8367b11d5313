import { CgroupError } from '../../core/errors.js';
import { printable, shortened } from '../../log/printable.js';
import type { ShownDeadLetter } from '../../observe/dead-letters.js';
import type { DeadLetterGroup } from '../../observe/dead-selection.js';
import { withFlags } from '../hints.js';
import { columns } from '../table.js';

/** Most characters of a message and of an error in the table. */
const MESSAGE_WIDTH = 60;
const ERROR_WIDTH = 50;
/** The same of the error of a group. */
const GROUP_ERROR_WIDTH = 90;

/** A table of dead letters, and what to type next. @param more what the table leaves out, in words; '' for nothing */
export function listText(shown: readonly ShownDeadLetter[], more: string): string {
  const next = withFlags(
    'cgroup dead show ID shows one in full; fix the cause, then: cgroup dead retry ID, or --all',
  );
  const anyHalted = shown.some(({ halted }) => halted);
  const table = columns([
    ['id', ...(anyHalted ? ['halted'] : []), 'time', 'reason', 'attempts', 'error', 'message'],
    ...shown.map(({ id, halted, time, reason, attempts, error, message }) => [
      id,
      ...(anyHalted ? [halted ? 'yes' : ''] : []),
      time,
      printable(reason),
      String(attempts),
      shortened(error, ERROR_WIDTH),
      shortened(message, MESSAGE_WIDTH),
    ]),
  ]);
  const halts = anyHalted
    ? [withFlags('those marked as halted stop the order: send them back, or cgroup dead skip ID')]
    : [];
  return [table, '', ...(more === '' ? [] : [more]), next, ...halts].join('\n');
}

/** A table of groups, and what to type next. */
export function groupsText(groups: readonly DeadLetterGroup[]): string {
  const table = columns([
    ['count', 'reason', 'error', 'oldest', 'newest', 'id of the newest'],
    ...groups.map(({ count, reason, error, oldest, newest, id }) => [
      String(count),
      reason,
      shortened(error, GROUP_ERROR_WIDTH),
      oldest,
      newest,
      id,
    ]),
  ]);
  const next = withFlags(
    "fix a cause, then: cgroup dead retry --reason REASON --error 'a part of the error'",
  );
  return [table, '', 'errors that differ in numbers and quoted texts only count as one', next].join('\n');
}

/** One dead letter in full. */
export function fullText({ message, message_base64, stack, ...facts }: ShownDeadLetter): string {
  const rows = Object.entries(facts).map(([name, value]) => [name, printable(String(value))]);
  const frames = stack === undefined ? [] : ['', ...stack.split('\n').map(printable)];
  const bytes = message_base64 === undefined ? [] : ['', 'not UTF-8; the bytes in base64:', message_base64];
  return [columns(rows), ...frames, '', printable(message), ...bytes].join('\n');
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
