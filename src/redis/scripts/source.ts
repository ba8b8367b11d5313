import { MOST_AHEAD } from '../../core/bridge-store.js';
import { LARGEST_PACK } from '../../core/pack.js';
import { PULL_LIMITS, type Pulled } from '../../core/source.js';
import { defineScript, packOptions } from '../protocol/script.js';

// What each is for: the interface in core/source.ts. What is atomic: the head of its Lua.

const FOR_PACKS = { largestPack: LARGEST_PACK, mostAhead: MOST_AHEAD };
/** A stream is copied when it is read: not while so many messages wait. */
const MOST_BACKLOG = 100_000;

const NEXT = ['wait', 'more', 'full', 'changed'] as const;

/** With order key: the messages that the caller has read of the source, with their keys. */
export interface ReadPage {
  /** How many there are. Without the last, they must have fewer bytes than a call takes. */
  readonly most: number;
  /** Each key and a line feed, in the order in which they are to be taken; nothing before it for a message without a key. */
  readonly keys: string;
  /** SHA-1 of what was read, in hexadecimal. */
  readonly page: string;
}

/** `fromRight`: from the right end of the list. `read`: with order key. */
export const pullList = defineScript({
  name: 'pull-list',
  lasting: ({ messages }) => messages > 0,
  keys: ['source', 'inbox', 'counters', 'bridge', 'packs', 'busy', 'held'],
  encode: ({ read, ...options }: { packSize: number; fromRight: boolean; read?: ReadPage | undefined }) =>
    packOptions({ ...options, ...PULL_LIMITS, ...read, ...FOR_PACKS }),
  decode: ([messages, next]: [number, number]): Pulled => ({ messages, next: NEXT[next] ?? 'wait' }),
});

interface PullOptions {
  readonly packSize: number;
  readonly caller: string;
  readonly read?: ReadPage | 'position' | undefined;
}

/** `caller` is recorded with a gap. `read`: with order key; `'position'` takes nothing. */
export const pullStream = defineScript({
  name: 'pull-stream',
  lasting: ({ messages, gap }) => messages > 0 || gap !== undefined,
  keys: ['source', 'inbox', 'counters', 'bridge', 'packs', 'busy', 'held', 'gaps'],
  encode: ({ read, ...options }: PullOptions) => {
    const page = read === 'position' ? { most: 0 } : read;
    return packOptions({ ...options, ...PULL_LIMITS, ...page, ...FOR_PACKS, mostBacklog: MOST_BACKLOG });
  },
  decode: ([messages, next, position, since, dropped]: [number, number, string, number?, number?]): Pulled & {
    readonly position: string;
  } => ({
    messages,
    next: NEXT[next] ?? 'wait',
    position,
    gap:
      dropped === undefined
        ? undefined
        : { reason: 'the stream was trimmed before it was read', since, dropped },
  }),
});

/** How many entries come after the position; undefined if Redis cannot tell. */
export const streamLag = defineScript({
  name: 'stream-lag',
  keys: ['source', 'bridge'],
  encode: packOptions<object>,
  decode: (lag: number): number | undefined => (lag < 0 ? undefined : lag),
});

/** Appends messages to a list. Never repeat it after OUTCOME_UNKNOWN: all or none of them were appended. */
export const publishToList = defineScript({
  name: 'publish-list',
  keys: ['source'],
  encode: ({ messages, toLeft }: { toLeft: boolean; messages: readonly string[] }) => [
    ...packOptions({ toLeft }),
    ...messages,
  ],
  decode: (length: number) => length,
});

/** Adds messages to a stream; as {@link publishToList}. */
export const publishToStream = defineScript({
  name: 'publish-stream',
  keys: ['source'],
  encode: ({ messages }: { messages: readonly string[] }) => [...packOptions({}), ...messages],
  decode: (last: string) => last,
});
