import { ASTERISK, COLON, DOLLAR, lineAfter, MINUS, numberAt } from './replies.js';

/** A value of a reply; texts are bytes if they were asked for so. */
export type Value = string | number | null | Buffer | Value[];

const CRLF = 2;

/** An error reply, with the name that ioredis gives it. */
export class ReplyError extends Error {
  override readonly name = 'ReplyError';
}

/**
 * The value of the whole reply at `at` (https://redis.io/docs/latest/develop/reference/protocol-spec/).
 *
 * @throws {ReplyError} if it is an error
 */
export function replyValue(bytes: Buffer, at: number, asBytes: boolean): Value {
  return valueAt(bytes, at, asBytes).value;
}

function valueAt(bytes: Buffer, at: number, asBytes: boolean): { value: Value; end: number } {
  const kind = bytes[at];
  const line = lineAfter(bytes, at + 1);
  if (kind === COLON) return { value: numberAt(bytes, at + 1), end: line };
  if (kind !== DOLLAR && kind !== ASTERISK) {
    const text = bytes.toString('utf8', at + 1, line - CRLF);
    if (kind === MINUS) throw new ReplyError(text);
    return { value: asBytes ? Buffer.from(text) : text, end: line };
  }
  const size = numberAt(bytes, at + 1);
  if (size < 0) return { value: null, end: line };
  if (kind === DOLLAR) {
    const text = bytes.subarray(line, line + size);
    return { value: asBytes ? Buffer.from(text) : text.toString(), end: line + size + CRLF };
  }
  const values: Value[] = [];
  let end = line;
  for (let i = 0; i < size; i++) {
    const item = valueAt(bytes, end, asBytes);
    values.push(item.value);
    end = item.end;
  }
  return { value: values, end };
}
