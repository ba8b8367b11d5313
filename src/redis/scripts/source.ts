import { MOST_AHEAD } from '../../core/bridge-store.js';
import { LARGEST_PACK } from '../../core/pack.js';
import type { Pulled } from '../../core/source.js';
import { defineScript, packOptions } from '../protocol/script.js';

// What each is for: the interface in core/source.ts. What is atomic: the head of its Lua.

/** Messages of one call, and bytes, about: Redis serves nobody else meanwhile. */
const LIMITS = { most: 1_000, mostBytes: 1_000_000 };
const FOR_PACKS = { largestPack: LARGEST_PACK, mostAhead: MOST_AHEAD };
/** A stream is copied when it is read: not while so many messages wait. */
const MOST_BACKLOG = 100_000;

const NEXT = ['wait', 'more', 'full'] as const;

/** `fromRight`: from the right end of the list. */
export const pullList = defineScript({
  name: 'pull-list',
  keys: ['source', 'inbox', 'counters', 'bridge', 'packs'],
  encode: (options: { packSize: number; fromRight: boolean }) =>
    packOptions({ ...options, ...LIMITS, ...FOR_PACKS }),
  decode: ([messages, next]: [number, number]): Pulled => ({ messages, next: NEXT[next] ?? 'wait' }),
});

/** `caller` is recorded with a gap. */
export const pullStream = defineScript({
  name: 'pull-stream',
  keys: ['source', 'inbox', 'counters', 'bridge', 'packs', 'gaps', 'held'],
  encode: (options: { packSize: number; caller: string }) =>
    packOptions({ ...options, ...LIMITS, ...FOR_PACKS, mostBacklog: MOST_BACKLOG }),
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
