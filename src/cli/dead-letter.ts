import { isUtf8 } from 'node:buffer';
import type { StreamEntry } from '../client.js';
import { timeOfId } from '../stream-id.js';
import { printable, shortened } from './printable.js';
import { columns } from './table.js';

/** A dead letter as it is shown; the names are those of the stream's fields. */
export interface ShownLetter {
  /** In the dead-letter stream. */
  readonly id: string;
  /** When it was given up: ISO 8601, by Redis's clock. */
  readonly time: string;
  readonly reason: string;
  readonly error: string;
  readonly attempts: number;
  readonly consumer_id: string;
  readonly inbox_id: string;
  /** As published; bytes that are no UTF-8 are replaced. */
  readonly message: string;
  /** The exact bytes, where `message` cannot show them. */
  readonly message_base64?: string;
}

const MESSAGE_WIDTH = 60;
const ERROR_WIDTH = 50;

export function shownLetter({ id, fields }: StreamEntry): ShownLetter {
  const text = (name: string) => fields[name]?.toString('utf8') ?? '';
  const message = fields.message ?? Buffer.alloc(0);
  return {
    id,
    time: new Date(timeOfId(id)).toISOString(),
    reason: text('reason'),
    error: text('error'),
    attempts: Number(text('attempts')),
    consumer_id: text('consumer_id'),
    inbox_id: text('inbox_id'),
    message: text('message'),
    ...(isUtf8(message) ? {} : { message_base64: message.toString('base64') }),
  };
}

/** Dead letters in a table, one line each. */
export function lettersText(letters: readonly ShownLetter[]): string {
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
export function letterText(letter: ShownLetter): string {
  const { message, message_base64, ...facts } = letter;
  const rows = Object.entries(facts).map(([name, value]) => [name, printable(String(value))]);
  const bytes = message_base64 === undefined ? [] : ['', 'not UTF-8; the bytes in base64:', message_base64];
  return [columns(rows), '', printable(message), ...bytes].join('\n');
}
