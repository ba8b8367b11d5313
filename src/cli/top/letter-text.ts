import { aboutText, numberText, plural } from '../../core/words.js';
import { printable } from '../../log/printable.js';
import type { ShownDeadLetter } from '../../observe/dead-letters.js';
import { prettyMessage } from '../pretty-message.js';

/** Characters of a text, and lines of it, that are shown: `cgroup dead show` has all. */
const LONGEST = 64_000;
const MOST_LINES = 2_000;

/**
 * All that is known of a dead letter, as printable lines of any width.
 *
 * @param now by Redis's clock, ms since 1970; undefined if that is not known
 */
export function letterTexts(letter: ShownDeadLetter, now: number | undefined): string[] {
  const { id, time, reason, error, stack, attempts, consumer_id, inbox_id, key, halted } = letter;
  const { message, message_base64 } = letter;
  const age = now === undefined ? '' : `, ${aboutText(Math.max(0, now - Date.parse(time)))} ago`;
  const facts = [
    ['dead letter', id],
    ['died at', `${time}${age}`],
    ['reason', `${reason}, after ${plural(attempts, 'attempt')}`],
    ['consumer', consumer_id],
    ['inbox id', inbox_id],
    ['key', key ?? ''],
    ['halted', halted ? 'it stops the order: retry it here, or cgroup dead skip ID' : ''],
  ].filter(([, text]) => text !== '');
  const width = Math.max(...facts.map(([name = '']) => name.length)) + 2;
  const bytes = numberText(
    message_base64 === undefined ? Buffer.byteLength(message) : Buffer.byteLength(message_base64, 'base64'),
  );
  return [
    ...facts.map(([name = '', text = '']) => name.padEnd(width) + printable(text)),
    ...block('error', linesOf(error)),
    // The stack may begin with the error: it is shown as it was kept.
    ...(stack ? block('stack', linesOf(stack)) : []),
    ...block(`message (${bytes} bytes)`, linesOf(prettyMessage(message))),
    ...(message_base64 === undefined ? [] : block('not UTF-8; the bytes in base64', linesOf(message_base64))),
  ];
}

/** A text below its title, with a note if it is cut. */
function block(title: string, lines: readonly string[]): string[] {
  const cut = lines.length > MOST_LINES ? ['… cut: cgroup dead show ID shows all'] : [];
  return ['', title, ...[...lines.slice(0, MOST_LINES), ...cut].map((line) => `  ${printable(line)}`)];
}

/** The lines of a text; one that is too long has a note at its end. */
function linesOf(text: string): string[] {
  const isCut = text.length > LONGEST;
  const lines = text.slice(0, LONGEST).split('\n', MOST_LINES + 1);
  return isCut ? [...lines, '… cut: cgroup dead show ID shows all'] : lines;
}
