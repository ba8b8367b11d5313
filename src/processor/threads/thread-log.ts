import { format } from 'node:util';
import { boundedFields, cutText } from '../../log/bounded.js';
import type { Level, Logger } from '../../log/logger.js';
import type { LogGate } from './log-gate.js';
import type { FromThread } from './messages.js';

type Post = (message: FromThread) => void;

/** A logger inside a thread: the process writes its lines to its own log. */
export function threadLogger(post: Post, gate: LogGate, common: Record<string, unknown> = {}): Logger {
  const line =
    (level: Level) =>
    (first: unknown, ...rest: unknown[]) => {
      if (!gate.isEnabled(level) || !gate.hasRoom()) return;
      // Like pino, it also takes a text, or an error, without fields.
      let own: object = {};
      if (first instanceof Error) {
        own = { err: first };
        if (rest.length === 0) rest.push(first.message);
      } else if (typeof first === 'object' && first !== null) own = first;
      else rest.unshift(first);
      const { copy: fields, size } = boundedFields({ ...common, ...own });
      const text = cutText(format(...rest));
      const bytes = size + text.length;
      gate.enter(bytes);
      post({ kind: 'log', level, fields, text, bytes });
    };
  return {
    debug: line('debug'),
    info: line('info'),
    warn: line('warn'),
    error: line('error'),
    child: (fields) => threadLogger(post, gate, { ...common, ...fields }),
    isLevelEnabled: (level) => gate.isEnabled(level),
  };
}
