import { format } from 'node:util';
import type { Logger } from '../../log/logger.js';
import type { FromThread, LogLevel } from './messages.js';

type Post = (message: FromThread) => void;

/** A logger inside a thread: the process writes its lines to its own log. */
export function threadLogger(post: Post, common: Record<string, unknown> = {}): Logger {
  const line =
    (level: LogLevel) =>
    (first: unknown, ...rest: unknown[]) => {
      // Like pino, it also takes a text, or an error, without fields.
      let own: object = {};
      if (first instanceof Error) {
        own = { err: first };
        if (rest.length === 0) rest.push(first.message);
      } else if (typeof first === 'object' && first !== null) own = first;
      else rest.unshift(first);
      const fields = { ...common, ...own };
      const text = format(...rest);
      try {
        post({ kind: 'log', level, fields, text });
      } catch {
        // One of the fields cannot be posted, a function perhaps.
        post({ kind: 'log', level, fields: { ...asJson(common), ...asJson(own) }, text });
      }
    };
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    child: (fields) => threadLogger(post, { ...common, ...fields }),
  };
}

/** What a log in JSON would show of the fields. */
function asJson(fields: object): object {
  try {
    return JSON.parse(JSON.stringify(fields)) as object;
  } catch {
    return {};
  }
}
