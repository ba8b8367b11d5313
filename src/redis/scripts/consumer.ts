import type {
  DeadLetter,
  Due,
  Held,
  PackSettlement,
  Reclaimed,
  ReclaimRequest,
  Renewed,
  Rescued,
  Result,
  Retry,
  Strays,
} from '../../core/consumer-store.js';
import type { OutputKind } from '../../core/output.js';
import { packBytes, packTexts } from '../../core/packed.js';
import type { Source } from '../../core/source.js';
import { RETURNED_BELOW } from '../keys.js';
import { defineScript, packOptions, packWithList, settles } from '../protocol/script.js';
import type { WholePack } from '../protocol/transaction.js';
import { letterHashText } from '../result-text.js';

// What each is for: the interface in core/consumer-store.ts. What is atomic: the head of its Lua.

interface InGroup {
  readonly group: string;
}

/** What a dead letter does to the order of a group. */
export interface Burying {
  readonly order: 'none' | 'total' | 'key';
  /** Whether it stops the order (onDead halt). */
  readonly halt: boolean;
  /** The prefix of the hashes of the record in Redis; undefined without. */
  readonly hashes?: string | undefined;
}

/** An entry as a script gives it to a consumer: the message is read afterwards. */
export interface Claim {
  readonly id: string;
  readonly attempts: number;
  /** Where it was: with a silent consumer, handed back, or waiting after a failed attempt. */
  readonly from: 'reclaimed' | 'returned' | 'failed';
}

interface Claimed extends Omit<Reclaimed, 'entries'> {
  readonly claimed: readonly Claim[];
}

export const prepare = defineScript({
  name: 'prepare',
  keys: [
    'inbox',
    'output',
    'dead',
    'retry',
    'counters',
    'bridge',
    'processed',
    'gaps',
    'packs',
    'parked',
    'busy',
    'held',
    'halted',
  ],
  encode: packOptions<
    InGroup & OutputKind & { consumerList: string; source: Source | undefined; lanes: number | undefined }
  >,
  decode: (made: number) => made === 1,
});

export const commit = defineScript({
  name: 'commit',
  lasting: settles,
  often: true,
  keys: ['inbox', 'output', 'counters', 'processed', 'retry'],
  encode: ({ results, ...options }: InGroup & { maxLength: number; results: readonly Result[] }) => {
    const runs: (string | number)[] = [];
    const texts: string[] = [];
    const identities: (string | number)[] = [];
    let last: string | undefined;
    let count = 0;
    for (const { entryId, inboxId, consumerId, messageId, data } of results) {
      if (consumerId === last) runs[runs.length - 1] = ++count;
      else {
        last = consumerId;
        count = 1;
        runs.push(consumerId, count);
      }
      texts.push(entryId, messageId, data);
      if (inboxId !== entryId) identities.push(texts.length / 3, inboxId);
    }
    const few = { ...options, returnedBelow: RETURNED_BELOW, runs };
    return packWithList(identities.length > 0 ? { ...few, identities } : few, packTexts(texts));
  },
  decode: (settledBefore: string[]) => settledBefore,
});

export const settle = defineScript({
  name: 'settle',
  lasting: settles,
  often: true,
  keys: ['packs', 'inbox', 'counters', 'output', 'processed'],
  encode: ({ packs, ...options }: InGroup & { maxLength: number; packs: readonly PackSettlement[] }) => {
    const texts: string[] = [];
    for (const pack of packs) for (const text of pack.texts) texts.push(text);
    const heads = packs.map(({ id, consumerId, left }) => ({
      id,
      consumerId,
      left: left.map(({ number, outcome }) => ({ number, outcome: outcome && JSON.stringify(outcome) })),
    }));
    return packWithList({ ...options, packs: heads }, packTexts(texts));
  },
  decode: (settledBefore: string[]) => settledBefore,
});

export const settleWhole = defineScript({
  name: 'settle-whole',
  keys: ['packs', 'inbox', 'counters', 'output', 'processed', 'open'],
  encode: ({ packs, ...options }: InGroup & { maxLength: number; packs: readonly WholePack[] }) => {
    const [messageId = '', data = ''] = packs[0]?.texts ?? [];
    const heads = packs.map(({ id, consumerId }) => ({ id, consumerId }));
    return [...packOptions({ ...options, packs: heads }), messageId, data];
  },
  decode: (settled: number) => settled === 1,
});

export const rescue = defineScript({
  name: 'rescue',
  keys: ['packs', 'inbox', 'counters', 'bridge', 'busy', 'held'],
  encode: packOptions<InGroup & { silence: number }>,
  decode: ([messages, more, lost]: [number, number, number]): Rescued => ({
    messages,
    more: more === 1,
    lost,
  }),
});

export const retry = defineScript({
  name: 'retry',
  keys: ['inbox', 'retry', 'counters'],
  encode: ({ group, retries }: InGroup & { retries: readonly Retry[] }) =>
    packOptions({
      group,
      retries: retries.map(({ entryId, consumerId, wait }) => ({ entryId, consumerId, wait })),
    }),
  decode: (scheduled: number) => scheduled,
});

export const bury = defineScript({
  name: 'bury',
  lasting: settles,
  keys: [
    'inbox',
    'dead',
    'counters',
    'retry',
    'previews',
    'busy',
    'held',
    'packs',
    'bridge',
    'halted',
    'parked',
  ],
  encode: ({
    deadLetters,
    ...options
  }: InGroup & Burying & { maxLength: number; deadLetters: readonly DeadLetter[]; run: number }) => {
    const named = deadLetters.map(({ entryId, inboxId, consumerId, reason, attempts, failed, key }) => {
      const own = inboxId === entryId ? undefined : inboxId;
      return { entryId, inboxId: own, consumerId, reason, attempts, failed, key };
    });
    const texts = deadLetters.flatMap((letter) => [
      ...(options.hashes === undefined ? [] : [letterHashText(letter)]),
      letter.message,
      letter.error,
      letter.stack ?? '',
    ]);
    return packWithList({ ...options, deadLetters: named }, packBytes(texts));
  },
  decode: ([kept, mayGoOut, late, halted, busy]: [number, number, string[], string[], string[]]) => ({
    kept,
    late,
    /** Keys that are still to be freed; with order `key`. */
    busy,
    /** Whether results may wait for this call. */
    mayGoOut: mayGoOut === 1,
    /** The ids of the dead letters that stop an order, by the ids of their entries. */
    halted: new Map(inRows(halted, 2).map(([entryId, deadId]) => [String(entryId), String(deadId)])),
  }),
});

export const begin = defineScript({
  name: 'begin',
  keys: ['inbox'],
  encode: packOptions<InGroup & Pick<Held, 'entryId' | 'consumerId'> & { attempt: number }>,
  decode: (held: number) => held === 1,
});

export const renew = defineScript({
  name: 'renew',
  keys: ['inbox', 'counters'],
  encode: packOptions<InGroup & { consumerId: string; ids: readonly string[]; packs: boolean }>,
  decode: ([deleted, ...gone]: [number, ...string[]]): Renewed => ({ gone, deleted }),
});

export const reclaim = defineScript({
  name: 'reclaim',
  keys: ['inbox', 'retry', 'counters'],
  encode: packOptions<InGroup & ReclaimRequest>,
  decode: ([next, after, lost, ...flat]: [string, string, number, ...(string | number)[]]): Claimed => ({
    claimed: inRows(flat, 2).map(([id, attempts]) => ({
      id: String(id),
      attempts: Number(attempts),
      from: 'reclaimed',
    })),
    next: next === '' ? undefined : { consumerId: next, after },
    lost,
  }),
});

/** Entries that are due, without their messages. */
interface DueClaims extends Omit<Due, 'entries'> {
  readonly claimed: readonly Claim[];
}

export const due = defineScript({
  name: 'due',
  keys: ['inbox', 'retry', 'counters'],
  encode: (request: InGroup & { consumerId: string; count: number; longestWait: number }) =>
    packOptions({ ...request, returnedBelow: RETURNED_BELOW }),
  decode: ([more, foreign, ...flat]: [number, number, ...(string | number)[]]): DueClaims => ({
    claimed: inRows(flat, 3).map(([id, attempts, failed]) => ({
      id: String(id),
      attempts: Number(attempts),
      from: failed === 1 ? 'failed' : 'returned',
    })),
    more: more === 1,
    foreign,
  }),
});

export const unpackWaiting = defineScript({
  name: 'unpack',
  keys: ['packs', 'inbox', 'counters', 'bridge', 'busy', 'held'],
  encode: packOptions<InGroup & { keepRuns: boolean }>,
  decode: ([messages, more]: [number, number]) => ({ messages, more: more === 1 }),
});

export const strays = defineScript({
  name: 'strays',
  keys: ['inbox', 'retry', 'counters'],
  encode: ({ group, from = '-' }: InGroup & { from: string | undefined }) =>
    packOptions({ group, returnedBelow: RETURNED_BELOW, from }),
  decode: ([found, next]: [number, string]): Strays => ({ found, next: next === '' ? undefined : next }),
});

/** A page of the entries that it handed back; `next` is '' after the last. */
interface LeavePage {
  readonly handedBack: number;
  readonly next: string;
}

export const leave = defineScript({
  name: 'leave',
  keys: ['packs', 'inbox', 'counters', 'retry', 'processed', 'bridge', 'busy', 'held'],
  encode: ({
    attempts,
    ...options
  }: InGroup & {
    consumerId: string;
    attempts: ReadonlyMap<string, number>;
    from: string;
    to: string;
    count: number;
    stays: boolean;
  }) => packOptions({ ...options, attempts: Object.fromEntries(attempts) }),
  decode: ([handedBack, next]: [number, string]): LeavePage => ({ handedBack, next }),
});

export const sweep = defineScript({
  name: 'sweep',
  keys: ['inbox', 'processed', 'packs'],
  encode: packOptions<InGroup & { silence: number; live: readonly string[] }>,
  decode: (removed: string[]) => removed,
});

/** A flat list in rows of `width`. */
function inRows(flat: readonly (string | number)[], width: number): (string | number)[][] {
  return Array.from({ length: flat.length / width }, (_, row) => flat.slice(row * width, (row + 1) * width));
}
