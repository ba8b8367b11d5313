import type { Gap } from '../core/bridge-store.js';
import { plural } from '../core/words.js';
import type { Logger } from '../log/logger.js';

/** Warns that messages were, or may have been, missed. */
export function logGap(log: Logger, { reason, since, until, dropped }: Gap): void {
  const from = since === undefined ? undefined : new Date(since).toISOString();
  const to = new Date(until ?? Date.now()).toISOString();
  const what =
    dropped > 0
      ? `${plural(dropped, 'message was', 'messages were')} missed`
      : 'messages may have been missed';
  log.warn({ gap: { from, to, reason, dropped } }, `${what}${from ? ` since ${from}` : ''}: ${reason}`);
}
