import { isUtf8 } from 'node:buffer';
import { timeOfId } from '../core/stream-id.js';
import type { StreamEntry } from '../redis/inspect.js';

/** A dead letter as it is shown, with the names of the stream's fields. */
export interface ShownDeadLetter {
  /** Its id in the dead-letter stream. */
  readonly id: string;
  /** When the message became a dead letter: ISO 8601, Redis's clock. */
  readonly time: string;
  readonly reason: string;
  readonly error: string;
  readonly attempts: number;
  readonly consumer_id: string;
  readonly inbox_id: string;
  /** As published; bytes that are not UTF-8 are replaced. */
  readonly message: string;
  /** The exact bytes, if they are not UTF-8. */
  readonly message_base64?: string;
}

export function shownDeadLetter({ id, fields }: StreamEntry): ShownDeadLetter {
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
