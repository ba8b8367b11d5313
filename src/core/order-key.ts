import { isUtf8 } from 'node:buffer';

/**
 * The key of a message, as JSON: what order `key` goes by. Undefined if the message has none, or if the value is neither a
 * string nor a finite number nor a boolean: then it has no order.
 *
 * All of the message is parsed. A scan that skips what stands beside the key saves half a microsecond at best, and it would
 * have to tell valid JSON from invalid.
 *
 * @param published a message as it was published
 * @param path names of members, from the outside in
 */
export function orderKeyOf(published: Buffer, path: readonly string[]): string | undefined {
  if (!isUtf8(published)) return undefined;
  try {
    return orderKeyIn(JSON.parse(published.toString('utf8')), path);
  } catch {
    return undefined;
  }
}

/** The same of a parsed message. */
export function orderKeyIn(message: unknown, path: readonly string[]): string | undefined {
  let value = message;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    if (!Object.hasOwn(value, name)) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  const isKey = typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value);
  return isKey ? JSON.stringify(value) : undefined;
}

/** A path as it is set, such as `customer.id`. */
export function pathOf(orderKey: string): string[] {
  return orderKey.split('.');
}

/** The keys of messages as one text, which scripts take apart: each and a line feed, nothing before it for a message without. */
export function keyLines(messages: Iterable<Buffer>, path: readonly string[]): string {
  let lines = '';
  for (const message of messages) lines += `${orderKeyOf(message, path) ?? ''}\n`;
  return lines;
}
