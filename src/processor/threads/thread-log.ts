import { format } from 'node:util';
import type { Logger } from '../../log/logger.js';
import type { FromThread, LogLevel } from './messages.js';

type Tell = (message: FromThread) => void;

/** A logger inside a thread: its lines come out of the log of the process. */
export function threadLogger(tell: Tell, common: Record<string, unknown> = {}): Logger {
  const line =
    (level: LogLevel) =>
    (first: unknown, ...rest: unknown[]) => {
      // Pino takes a text, or an error, without fields too.
      const bare = typeof first !== 'object' || first === null;
      const own = bare ? {} : first instanceof Error ? { err: first } : first;
      const fields = { ...common, ...own };
      const words = bare
        ? [first, ...rest]
        : rest.length > 0 || !(first instanceof Error)
          ? rest
          : [first.message];
      const text = format(...words);
      try {
        tell({ kind: 'log', level, fields, text });
      } catch {
        // Among the fields is one that cannot leave the thread, a function perhaps.
        tell({ kind: 'log', level, fields: { ...asJson(common), ...asJson(own) }, text });
      }
    };
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    child: (fields) => threadLogger(tell, { ...common, ...fields }),
  };
}

/** What a log in JSON would show of it. */
function asJson(fields: object): object {
  try {
    return JSON.parse(JSON.stringify(fields)) as object;
  } catch {
    return {};
  }
}
