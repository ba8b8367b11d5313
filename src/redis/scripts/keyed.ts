import { type PackSettlement, resultsIn } from '../../core/consumer-store.js';
import { identitiesIn } from '../../core/pack.js';
import { packTexts } from '../../core/packed.js';
import type { Sink } from '../../core/sink.js';
import { defineScript, packOptions, packWithList, settles } from '../protocol/script.js';
import { resultText } from '../result-text.js';

// The scripts of order by key. What is atomic: the head of the Lua of each.

interface SettleKeyed extends Pick<Sink, 'list' | 'timed'> {
  readonly group: string;
  readonly maxLength: number;
  readonly packs: readonly PackSettlement[];
  /** Most messages of a key that go out together. */
  readonly run: number;
}

/** Settles packs in a group with an order, with times, or with an output list. */
export const settleKeyed = defineScript({
  name: 'settle-keyed',
  lasting: settles,
  often: true,
  keys: ['packs', 'output', 'counters', 'processed', 'inbox', 'bridge', 'busy', 'held'],
  encode: ({ packs, list, timed, ...options }: SettleKeyed) => {
    const texts: string[] = [];
    const heads = packs.map(({ id, key, consumerId, left, begun, ...pack }) => {
      const results = resultsIn(pack);
      const inboxIds = identitiesIn(id, results);
      for (const [i, inboxId] of inboxIds.entries()) {
        const [messageId = '', data = ''] = pack.texts.slice(2 * i, 2 * i + 2);
        const [startedAt, finishedAt] = pack.times?.slice(2 * i, 2 * i + 2) ?? [];
        const times = startedAt === undefined || finishedAt === undefined ? {} : { startedAt, finishedAt };
        texts.push(resultText({ inboxId, consumerId, messageId, data, ...times }, list, timed));
      }
      const outcome = left[0]?.outcome && JSON.stringify(left[0].outcome);
      return { id, key, consumerId, results, outcome, begun };
    });
    return packWithList({ ...options, list, packs: heads }, packTexts(texts));
  },
  decode: ([late, busy]: [string[], string[]]) => ({ late, busy }),
});

/** A page of the search for keys that are busy with nothing. */
export interface FreePage {
  /** Of the hash busy; undefined to leave it out. */
  readonly cursor: string | undefined;
  /** In held; undefined to leave it out. */
  readonly from: string | undefined;
  /** About so many keys of each. */
  readonly count: number;
}

/** Frees keys: those given, or those of a page. */
export const free = defineScript({
  name: 'free',
  keys: ['inbox', 'packs', 'counters', 'bridge', 'busy', 'held'],
  encode: ({ cursor = '', from = '', ...options }: FreeRequest) => packOptions({ ...options, cursor, from }),
  decode: ([freed, cursor, from, busy]: [number, string, string, string[]]) => ({
    /** Keys that went on. */
    freed,
    /** Where to go on; undefined at the end. */
    cursor: cursor === '0' ? undefined : cursor,
    from: from === '' ? undefined : from,
    /** Keys that are still to be freed. */
    busy,
  }),
});

/** Sends held messages to the inbox, without their keys. */
export const disband = defineScript({
  name: 'disband',
  keys: ['inbox', 'held', 'busy', 'counters', 'packs', 'bridge', 'halted'],
  encode: packOptions<Record<string, never>>,
  decode: ([messages, more]: [number, number]) => ({ messages, more: more === 1 }),
});

/** A key behind whose message in work others wait. */
export interface WaitingKey {
  /** As JSON; a long one is cut, and ends with `…`. */
  readonly key: string;
  /** Messages that wait behind the one in work. */
  readonly held: number;
  /** The id of the message in work; of the first one if it is a run. '' if there is none: the key goes on in a moment. */
  readonly inboxId: string;
  /** The consumer that holds it; null if it waits to be read, or is halted. */
  readonly consumerId: string | null;
  /** The attempt under way, or the last one; 0 if none has begun. */
  readonly attempt: number;
  /** ms for which the key has waited for it. */
  readonly ageMs: number;
  /** Whether it is a dead letter that stops the key (onDead halt). */
  readonly halted: boolean;
}

/** What the keys of a group wait for; with order `key` only. */
export interface KeyTotals {
  /** Keys with a message that is not settled, or halted; null without order `key`. */
  readonly busy: number | null;
  /** Those behind which most messages wait, the hottest first: at most 10. */
  readonly hottest: readonly WaitingKey[];
  /** The key that has waited for one message for longest, if that is more than 30 s. */
  readonly stuck: WaitingKey | null;
}

/** How much {@link hottest} tells. */
interface HottestRequest {
  readonly group: string;
  readonly most: number;
  /** Bytes of a key. */
  readonly longest: number;
  /** ms after which a key is stuck. */
  readonly late: number;
}

type WaitingKeyReply = [
  key: string,
  held: number,
  inboxId: string,
  consumerId: string,
  attempt: number,
  ageMs: number,
  halted: number,
];

export const hottest = defineScript({
  name: 'hottest',
  keys: ['held', 'busy', 'inbox', 'packs'],
  encode: packOptions<HottestRequest>,
  decode: ([busy, stuck, ...hot]: [number, WaitingKeyReply | [], ...WaitingKeyReply[]]): KeyTotals => ({
    busy,
    hottest: hot.map(waitingKey),
    stuck: stuck.length > 0 ? waitingKey(stuck as WaitingKeyReply) : null,
  }),
});

function waitingKey([key, held, inboxId, consumerId, attempt, ageMs, halted]: WaitingKeyReply): WaitingKey {
  return { key, held, inboxId, consumerId: consumerId || null, attempt, ageMs, halted: halted === 1 };
}

interface FreeRequest extends Partial<FreePage> {
  readonly group: string;
  readonly run: number;
  readonly keys?: readonly string[];
}
