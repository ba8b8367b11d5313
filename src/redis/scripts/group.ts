import { RETURNED_BELOW } from '../keys.js';
import { defineScript, packOptions } from '../protocol/script.js';
import { type CutDeadLetter, entryOf, type SnapshotReply, type TotalsReply } from '../reading.js';

// What each is for: Inspector. What is atomic: the head of its Lua.

export const snapshot = defineScript({
  name: 'snapshot',
  keys: ['inbox', 'output', 'dead', 'retry', 'counters', 'bridge', 'processed', 'previews', 'packs'],
  encode: (options: { group: string; withLastOutput: boolean }) =>
    packOptions({ ...options, returnedBelow: RETURNED_BELOW }),
  decode: (reply: SnapshotReply) => reply,
});

export const totals = defineScript({
  name: 'totals',
  keys: ['inbox', 'dead', 'retry', 'counters', 'bridge', 'packs'],
  encode: ({ group }: { group: string }) => packOptions({ group, returnedBelow: RETURNED_BELOW }),
  decode: (reply: TotalsReply) => reply,
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
  keys: ['dead', 'inbox', 'counters', 'previews'],
  encode: packOptions<{ ids: readonly string[] }>,
  decode: ([done, ...revived]: [number, ...string[]]) => ({ done, revived }),
});

export const purge = defineScript({
  name: 'purge',
  keys: ['dead', 'counters', 'previews'],
  encode: packOptions<{ last: string }>,
  decode: (purged: number) => purged,
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
  encode: ({ messages, ...options }: { channel: string; own: number; messages: readonly string[] }) => [
    ...packOptions(options),
    ...messages,
  ],
  decode: ([least, most, unheard]: [number, number, number]): Receivers => ({ least, most, unheard }),
});
