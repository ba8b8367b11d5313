import { packTexts } from '../../core/packed.js';
import { RETURNED_BELOW } from '../keys.js';
import { defineScript, packOptions, packWithList } from '../protocol/script.js';
import { type CutDeadLetter, entryOf, type SnapshotReply, type TotalsReply } from '../reading.js';

// What each is for: Inspector. What is atomic: the head of its Lua.

export const snapshot = defineScript({
  name: 'snapshot',
  keys: [
    'inbox',
    'output',
    'dead',
    'retry',
    'counters',
    'bridge',
    'processed',
    'previews',
    'packs',
    'held',
    'halted',
    'parked',
  ],
  encode: (options: { group: string; withLastOutput: boolean }) =>
    packOptions({ ...options, returnedBelow: RETURNED_BELOW }),
  decode: (reply: SnapshotReply) => reply,
});

export const totals = defineScript({
  name: 'totals',
  keys: ['inbox', 'dead', 'retry', 'counters', 'bridge', 'packs', 'held', 'halted', 'parked'],
  encode: ({ group }: { group: string }) => packOptions({ group, returnedBelow: RETURNED_BELOW }),
  decode: (reply: TotalsReply) => reply,
});

/** Which page of an output that is a list is wanted. */
export interface ResultsPage {
  /** The number of the first element; undefined for the oldest. */
  readonly from: number | undefined;
  readonly count: number;
  /** The number of an element behind the page. */
  readonly last: number;
}

/** A page of an output that is a list. The marks are '' if there is no such element. */
export interface Results {
  /** The number of the first element. */
  readonly first: number;
  /** The marks of the element before the page, of the one that was named, and of the last one of the page. */
  readonly before: string;
  readonly last: string;
  readonly lastOfPage: string;
  readonly elements: readonly Buffer[];
}

export const results = defineScript({
  name: 'results',
  keys: ['output', 'counters'],
  bytes: true,
  encode: packOptions<ResultsPage>,
  decode: ([first, ...rest]: [number, ...Buffer[]]): Results => {
    const [before = '', last = '', lastOfPage = ''] = rest.slice(0, 3).map(String);
    return { first, before, last, lastOfPage, elements: rest.slice(3) };
  },
});

export const deadLetters = defineScript({
  name: 'dead-letters',
  keys: ['dead', 'previews'],
  bytes: true,
  encode: packOptions<{ from: string; count: number; longest: number }>,
  decode: ([next, ...found]: [Buffer, ...[Buffer, number, ...Buffer[]][]]) => ({
    /** Where the next page begins; '' after the last one. */
    next: String(next),
    letters: found.map(
      ([id, messageBytes, ...fields]): CutDeadLetter => ({ ...entryOf([id, fields]), messageBytes }),
    ),
  }),
});

export const revive = defineScript({
  name: 'revive',
  keys: ['dead', 'inbox', 'counters', 'previews', 'halted', 'busy', 'retry', 'held', 'packs', 'bridge'],
  encode: packOptions<{ group: string; ids: readonly string[]; hashes: string }>,
  decode: ([done, ...revived]: [number, ...string[]]) => ({ done, revived }),
});

export const skip = defineScript({
  name: 'skip',
  keys: [
    'inbox',
    'output',
    'counters',
    'processed',
    'retry',
    'parked',
    'halted',
    'busy',
    'held',
    'packs',
    'bridge',
  ],
  encode: ({ members, ...options }: { list: boolean; letsOut: boolean; members: readonly string[] }) =>
    packWithList({ ...options, maxLength: 0, run: 1 }, packTexts([...members])),
  decode: ([done, skipped, more]: [number, number[], number]) => ({
    /** How many of the members it came to. */
    done,
    /** The numbers of those whose places were given up, from 0. */
    skipped: skipped.map((number) => number - 1),
    /** Whether more results may go out. */
    more: more === 1,
  }),
});

export const purge = defineScript({
  name: 'purge',
  keys: ['dead', 'counters', 'previews'],
  encode: packOptions<{ last: string }>,
  decode: (purged: number) => purged,
});

export const purgeThese = defineScript({
  name: 'purge-these',
  keys: ['dead', 'counters', 'previews'],
  encode: packOptions<{ ids: readonly string[] }>,
  decode: (purged: string[]) => purged,
});

/** Pending messages of a consumer without heartbeats, those that wait for a retry not counted. */
export interface Orphans {
  readonly id: string;
  readonly pending: number;
  /** ms since the last delivery of the oldest of them. */
  readonly idle: number;
}

/** A page of the entries that no consumer will take; `next` is '' after the last. */
export const orphans = defineScript({
  name: 'orphans',
  keys: ['inbox', 'retry'],
  encode: packOptions<{
    group: string;
    silence: number;
    from: string;
    count: number;
    live: readonly string[];
    packs: boolean;
  }>,
  decode: ([next, ...flat]: [string, ...(string | number)[]]): { next: string; found: Orphans[] } => {
    const found: Orphans[] = [];
    for (let i = 0; i < flat.length; i += 3)
      found.push({ id: String(flat[i]), pending: Number(flat[i + 1]), idle: Number(flat[i + 2]) });
    return { next, found };
  },
});

/** How many subscribers received the messages of a batch. */
export interface Receivers {
  /** Of the message that reached the fewest subscribers, and of the one that reached the most. */
  readonly least: number;
  readonly most: number;
  /** Messages that reached no subscriber. */
  readonly unheard: number;
}

/**
 * Publishes messages in order. Never repeat it after OUTCOME_UNKNOWN: all or none of the messages were published.
 * `own` is how many subscribers of the channel are the publisher's own: they do not count as receivers.
 */
export const publishBatch = defineScript({
  name: 'publish',
  keys: [],
  encode: ({
    messages,
    ...options
  }: {
    channel: string;
    sharded?: boolean | undefined;
    own: number;
    messages: readonly string[];
  }) => [...packOptions(options), ...messages],
  decode: ([least, most, unheard]: [number, number, number]): Receivers => ({ least, most, unheard }),
});
