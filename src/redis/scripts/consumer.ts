import type {
  DeadLetter,
  Entry,
  Held,
  Reclaimed,
  ReclaimRequest,
  Renewed,
  Result,
  Retry,
} from '../../core/consumer-store.js';
import { packInPieces, packTexts, packValue } from '../../core/packed.js';
import { payloadOf } from '../../core/payload.js';
import { RETURNED_BELOW } from '../keys.js';
import { defineScript } from '../protocol/script.js';

/** Checks the types of the keys and makes the consumer group if it is missing; replies whether it was. */
export const prepare = defineScript({
  name: 'prepare',
  keys: ['inbox', 'output', 'dead', 'retry', 'counters', 'bridge', 'processed', 'gaps'],
  encode: (names: { group: string; channel: string | undefined }) => [packValue(names)],
  decode: (made: number) => made === 1,
});

/** Settles results, in the order of their inbox ids; replies the ids that were settled before. */
export const commit = defineScript({
  name: 'commit',
  keys: ['inbox', 'output', 'counters', 'processed', 'retry'],
  encode: ({
    group,
    maxLength,
    results,
  }: {
    group: string;
    maxLength: number;
    results: readonly Result[];
  }) => {
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
    return [packValue({ group, maxLength, returnedBelow: RETURNED_BELOW, runs }), ...packTexts(texts)];
  },
  decode: (settledBefore: string[]) => settledBefore,
});

/** Schedules another attempt for each. */
export const retry = defineScript({
  name: 'retry',
  keys: ['inbox', 'retry', 'counters'],
  encode: ({ group, retries }: { group: string; retries: readonly Retry[] }) => [
    packValue({
      group,
      retries: retries.map(({ inboxId, consumerId, wait }) => ({ inboxId, consumerId, wait })),
    }),
  ],
  decode: (scheduled: number) => scheduled,
});

/** Settles dead letters; replies the inbox ids that were settled before. */
export const bury = defineScript({
  name: 'bury',
  keys: ['inbox', 'dead', 'counters', 'retry'],
  encode: ({ group, deadLetters }: { group: string; deadLetters: readonly DeadLetter[] }) => [
    packValue({ group }),
    ...packInPieces(
      deadLetters.map(({ inboxId, consumerId, message, reason, error, attempts, failed }) => ({
        inboxId,
        consumerId,
        message,
        reason,
        error,
        attempts,
        failed,
      })),
    ),
  ],
  decode: (settledBefore: string[]) => settledBefore,
});

/** Records that an attempt begins; replies whether the consumer still holds the entry. */
export const begin = defineScript({
  name: 'begin',
  keys: ['inbox'],
  encode: ({ group, inboxId, consumerId, attempt }: Held & { group: string; attempt: number }) => [
    packValue({ group, inboxId, consumerId, attempt }),
  ],
  decode: (held: number) => held === 1,
});

/** Keeps entries that a consumer still works on from being reclaimed. */
export const renew = defineScript({
  name: 'renew',
  keys: ['inbox', 'counters'],
  encode: (held: { group: string; consumerId: string; inboxIds: readonly string[] }) => [packValue(held)],
  decode: ([deleted, ...gone]: [number, ...string[]]): Renewed => ({ gone, deleted }),
});

/** Gives a consumer entries of silent consumers. */
export const reclaim = defineScript({
  name: 'reclaim',
  keys: ['inbox', 'retry', 'counters'],
  bytes: true,
  encode: ({ group, consumerId, silence, count, everyone, from }: ReclaimRequest & { group: string }) => [
    packValue({ group, consumerId, silence, count, everyone, from }),
  ],
  decode: ([next, after, lost, ...flat]: [Buffer, Buffer, number, ...FlatEntries]): Reclaimed => ({
    entries: entriesOf(flat),
    next: next.length > 0 ? { consumerId: String(next), after: String(after) } : undefined,
    lost,
  }),
});

/** Gives a consumer entries whose next attempt is due. */
export const due = defineScript({
  name: 'due',
  keys: ['inbox', 'retry', 'counters'],
  bytes: true,
  encode: (request: { group: string; consumerId: string; count: number; longestWait: number }) => [
    packValue({ ...request, returnedBelow: RETURNED_BELOW }),
  ],
  decode: entriesOf,
});

/** Hands back all that a consumer holds and takes it out of the Redis group; replies how many entries. */
export const leave = defineScript({
  name: 'leave',
  keys: ['inbox', 'retry', 'processed'],
  encode: (request: { group: string; consumerId: string; attempts: ReadonlyMap<string, number> }) => [
    packValue({ ...request, attempts: Object.fromEntries(request.attempts) }),
  ],
  decode: (handedBack: number) => handedBack,
});

/** Removes dead consumers with nothing pending from the Redis group; replies their ids. */
export const sweep = defineScript({
  name: 'sweep',
  keys: ['inbox', 'processed'],
  encode: (request: { group: string; silence: number; live: readonly string[] }) => [packValue(request)],
  decode: (removed: string[]) => removed,
});

type FlatEntries = readonly (Buffer | number)[];

/** Entries from id, message, attempts, id, message, attempts, ... */
function entriesOf(flat: FlatEntries): Entry[] {
  const entries: Entry[] = [];
  for (let i = 0; i < flat.length; i += 3)
    entries.push({
      id: String(flat[i]),
      message: payloadOf(flat[i + 1] as Buffer),
      attempts: Number(flat[i + 2]),
    });
  return entries;
}
