import type {
  Buried,
  DeadLetter,
  Due,
  Entry,
  Held,
  Reclaimed,
  ReclaimRequest,
  Renewed,
  Result,
  Retry,
  Strays,
} from '../../core/consumer-store.js';
import { packBytes, packTexts } from '../../core/packed.js';
import { RETURNED_BELOW } from '../keys.js';
import { defineScript, packOptions, packWithList } from '../protocol/script.js';

// What each is for: the interface in core/consumer-store.ts. What is atomic: the head of its Lua.

interface InGroup {
  readonly group: string;
}

/** An entry without its message. */
export type Claim = Omit<Entry, 'message'>;

interface Claimed extends Omit<Reclaimed, 'entries'> {
  readonly claimed: readonly Claim[];
}

export const prepare = defineScript({
  name: 'prepare',
  keys: ['inbox', 'output', 'dead', 'retry', 'counters', 'bridge', 'processed', 'gaps'],
  encode: packOptions<InGroup & { channel: string | undefined }>,
  decode: (made: number) => made === 1,
});

export const commit = defineScript({
  name: 'commit',
  keys: ['inbox', 'output', 'counters', 'processed', 'retry'],
  encode: ({ results, ...options }: InGroup & { maxLength: number; results: readonly Result[] }) => {
    const runs: (string | number)[] = [];
    const texts: string[] = [];
    let last: string | undefined;
    let count = 0;
    for (const { inboxId, consumerId, messageId, data } of results) {
      if (consumerId === last) runs[runs.length - 1] = ++count;
      else {
        last = consumerId;
        count = 1;
        runs.push(consumerId, count);
      }
      texts.push(inboxId, messageId, data);
    }
    return packWithList({ ...options, returnedBelow: RETURNED_BELOW, runs }, packTexts(texts));
  },
  decode: (settledBefore: string[]) => settledBefore,
});

export const retry = defineScript({
  name: 'retry',
  keys: ['inbox', 'retry', 'counters'],
  encode: ({ group, retries }: InGroup & { retries: readonly Retry[] }) =>
    packOptions({
      group,
      retries: retries.map(({ inboxId, consumerId, wait }) => ({ inboxId, consumerId, wait })),
    }),
  decode: (scheduled: number) => scheduled,
});

export const bury = defineScript({
  name: 'bury',
  keys: ['inbox', 'dead', 'counters', 'retry', 'previews'],
  encode: ({
    group,
    maxLength,
    deadLetters,
  }: InGroup & { maxLength: number; deadLetters: readonly DeadLetter[] }) => {
    const named = deadLetters.map(({ inboxId, consumerId, reason, attempts, failed }) => {
      return { inboxId, consumerId, reason, attempts, failed };
    });
    const texts = deadLetters.flatMap(({ message, error }) => [message, error]);
    return packWithList({ group, maxLength, deadLetters: named }, packBytes(texts));
  },
  decode: ([kept, ...late]: [number, ...string[]]): Buried => ({ kept, late }),
});

export const begin = defineScript({
  name: 'begin',
  keys: ['inbox'],
  encode: packOptions<InGroup & Held & { attempt: number }>,
  decode: (held: number) => held === 1,
});

export const renew = defineScript({
  name: 'renew',
  keys: ['inbox', 'counters'],
  encode: packOptions<InGroup & { consumerId: string; inboxIds: readonly string[] }>,
  decode: ([deleted, ...gone]: [number, ...string[]]): Renewed => ({ gone, deleted }),
});

export const reclaim = defineScript({
  name: 'reclaim',
  keys: ['inbox', 'retry', 'counters'],
  encode: packOptions<InGroup & ReclaimRequest>,
  decode: ([next, after, lost, ...flat]: [string, string, number, ...(string | number)[]]): Claimed => ({
    claimed: claimsOf(flat),
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
    claimed: claimsOf(flat),
    more: more === 1,
    foreign,
  }),
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
  keys: ['inbox', 'retry', 'processed'],
  encode: ({
    attempts,
    ...options
  }: InGroup & {
    consumerId: string;
    attempts: ReadonlyMap<string, number>;
    from: string;
    to: string;
    count: number;
  }) => packOptions({ ...options, attempts: Object.fromEntries(attempts) }),
  decode: ([handedBack, next]: [number, string]): LeavePage => ({ handedBack, next }),
});

export const sweep = defineScript({
  name: 'sweep',
  keys: ['inbox', 'processed'],
  encode: packOptions<InGroup & { silence: number; live: readonly string[] }>,
  decode: (removed: string[]) => removed,
});

/** Claims from id, attempts, id, attempts, ... */
function claimsOf(flat: readonly (string | number)[]): Claim[] {
  const claims: Claim[] = [];
  for (let i = 0; i < flat.length; i += 2)
    claims.push({ id: String(flat[i]), attempts: Number(flat[i + 1]) });
  return claims;
}
