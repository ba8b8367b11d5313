import { isUtf8 } from 'node:buffer';
import { messageOf } from './errors.js';
import { memberText } from './json-member.js';

/** What was published: text, or bytes if they are not valid UTF-8, because decoding would change them. */
export type Payload = string | Buffer;

export function payloadOf(bytes: Buffer): Payload {
  return isUtf8(bytes) ? bytes.toString('utf8') : bytes;
}

/** A published message, as a processor gets it: a JSON object with an id. */
export interface Message {
  readonly message_id: string | number;
  [property: string]: unknown;
}

export type ParsedMessage =
  | { readonly valid: true; readonly messageId: string; readonly message: Message }
  | { readonly valid: false; readonly reason: 'invalid-json' | 'no-message-id'; readonly error: string };

/** Parses a message as it was published. Never throws: an invalid message is returned with the reason. */
export function parseMessage(published: Payload): ParsedMessage {
  const text = typeof published === 'string' ? published : payloadOf(published);
  if (text.length === 0) return invalid('invalid-json', 'the message is empty');
  if (typeof text !== 'string') return invalid('invalid-json', 'the message is not valid UTF-8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return invalid('invalid-json', messageOf(error));
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return invalid('no-message-id', `the message is ${kindOf(value)}, not an object with a message_id`);
  const id = (value as Record<string, unknown>).message_id;
  if (typeof id === 'string') return { valid: true, messageId: id, message: value as Message };
  if (typeof id === 'number')
    return { valid: true, messageId: exactNumber(id, text), message: value as Message };
  if (id === undefined || !Object.hasOwn(value, 'message_id'))
    return invalid('no-message-id', 'the message has no message_id');
  return invalid('no-message-id', `message_id is ${kindOf(id)}, not a string or a number`);
}

/** A number as it was written: two ids beyond 2^53 must not become one. */
function exactNumber(id: number, text: string): string {
  return Number.isSafeInteger(id) ? String(id) : (memberText(text, 'message_id') ?? String(id));
}

function invalid(reason: 'invalid-json' | 'no-message-id', error: string): ParsedMessage {
  return { valid: false, reason, error };
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return 'an object';
  return `a ${typeof value}`;
}
