import { printable, shortened } from '../log/printable.js';
import type { ShownDeadLetter } from '../observe/dead-letters.js';
import { columns } from './table.js';

const MESSAGE_WIDTH = 60;
const ERROR_WIDTH = 50;

/** Dead letters in a table, one line each. */
export function lettersText(letters: readonly ShownDeadLetter[]): string {
  return columns([
    ['id', 'time', 'reason', 'attempts', 'error', 'message'],
    ...letters.map(({ id, time, reason, attempts, error, message }) => [
      id,
      time,
      printable(reason),
      String(attempts),
      shortened(error, ERROR_WIDTH),
      shortened(message, MESSAGE_WIDTH),
    ]),
  ]);
}

/** One dead letter with all there is to it. */
export function letterText(letter: ShownDeadLetter): string {
  const { message, message_base64, ...facts } = letter;
  const rows = Object.entries(facts).map(([name, value]) => [name, printable(String(value))]);
  const bytes = message_base64 === undefined ? [] : ['', 'not UTF-8; the bytes in base64:', message_base64];
  return [columns(rows), '', printable(message), ...bytes].join('\n');
}
