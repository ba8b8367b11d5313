import type { Entry, UnrecordedOutcome } from '../../core/consumer-store.js';
import { LONGEST_STACK } from '../../core/errors.js';
import { isEntryId } from '../../core/stream-id.js';

/** What the fields of an entry after its message say: of a message that came out of a pack, or that has a key. */
export interface Unpacked extends Pick<Entry, 'identity' | 'key' | 'outcome'> {
  /** Attempts made before it came to the inbox. */
  readonly attempts: number;
}

/** Digits of the attempts: a score of the retry zset holds so many. */
const ATTEMPTS = /^\d{1,5}$/;
/** Bytes of an outcome. */
const LONGEST = 1_000_000;
/** ms of the longest wait. */
const LONGEST_WAIT = 1e12;

/** Reads them. What another program wrote in their place counts as absent. */
export function unpackedIn(fields: readonly Buffer[]): Unpacked {
  let [identity, outcome]: [string | undefined, UnrecordedOutcome | undefined] = [undefined, undefined];
  let attempts = 0;
  let key: string | undefined;
  for (let i = 2; i + 1 < fields.length; i += 2) {
    const value = fields[i + 1] as Buffer;
    if (value.length > LONGEST) continue;
    const [name, text] = [String(fields[i]), String(value)];
    if (name === 'id' && isEntryId(text)) identity = text;
    if (name === 'key') key = text;
    if (name === 'attempts' && ATTEMPTS.test(text)) attempts = Number(text);
    if (name === 'outcome') outcome = outcomeIn(text);
  }
  return { attempts, ...(identity && { identity }), ...(key && { key }), ...(outcome && { outcome }) };
}

function outcomeIn(json: string): UnrecordedOutcome | undefined {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return undefined;
  }
  const { kind, reason, error, stack: text, retryAfter } = (value ?? {}) as Record<string, unknown>;
  if (typeof error !== 'string') return undefined;
  const stack = typeof text === 'string' && text.length <= LONGEST_STACK ? { stack: text } : {};
  if (kind === 'given-up') return { kind, error, ...stack };
  if (kind === 'invalid' && (reason === 'invalid-json' || reason === 'no-message-id'))
    return { kind, reason, error };
  if (kind !== 'failed' || (reason !== 'failed' && reason !== 'timeout')) return undefined;
  const isWait = typeof retryAfter === 'number' && retryAfter >= 0 && retryAfter < LONGEST_WAIT;
  return { kind, reason, error, ...stack, ...(isWait && { retryAfter }) };
}
