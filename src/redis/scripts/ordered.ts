import type { DeadLetter, Result } from '../../core/consumer-store.js';
import { packTexts } from '../../core/packed.js';
import type { Sink } from '../../core/sink.js';
import { RETURNED_BELOW } from '../keys.js';
import { defineScript, packOptions, packWithList, settles } from '../protocol/script.js';
import { placeOf, resultHashText, resultText } from '../result-text.js';

// The scripts that write results in an order, with their times, or into a list.

/** What a call left behind. */
export interface LetOut {
  /** Results that wait for earlier ones. */
  readonly parked: number;
  /** Whether more may go out at once. */
  readonly more: boolean;
  /** The entry ids that were settled before. */
  readonly late: string[];
  /** When each result that had waited and went out was finished: ms since 1970. */
  readonly finished: number[];
  /** Keys that are still to be freed; with order `key`. */
  readonly busy: string[];
  /** The id of the entry that the order waits for; '' for none. With total order only. */
  readonly head: string;
  /** Whether that entry has to be read: no consumer has it, and none will take it over. */
  readonly unread: boolean;
}

type LetOutReply = [
  parked: number,
  more: number,
  late: string[],
  finished: string[],
  head: string,
  unread: number,
  busy?: string[],
];

type CommitReply = [...Required<LetOutReply>, foreign: string[]];

const letOutOf = ([parked, more, late, finished, head, unread, busy = []]: LetOutReply): LetOut => ({
  parked,
  more: more === 1,
  late,
  finished: finished.map(Number),
  busy,
  head,
  unread: unread === 1,
});

/** Only results with their times wait. */
const hasLetOut = ({ finished }: LetOut): boolean => finished.length > 0;

interface CommitOrdered extends Omit<Sink, 'hashed'> {
  readonly group: string;
  readonly maxLength: number;
  readonly results: readonly Result[];
  /** Most messages of a key that go out together. */
  readonly run: number;
  /** Whether results go to the record before they go out: with total order they are all parked. */
  readonly record: boolean;
  /** The prefix of the hashes of the record in Redis; undefined without. */
  readonly hashes: string | undefined;
}

export const commitOrdered = defineScript({
  name: 'commit-ordered',
  lasting: settles,
  often: true,
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
  encode: ({ results, timed, ...options }: CommitOrdered) => {
    const texts: string[] = [];
    for (const result of results) {
      const { entryId, inboxId, key = '' } = result;
      const text = resultText(result, options.list, timed);
      if (options.hashes !== undefined) texts.push(resultHashText(result, options.list));
      const placed = options.order === 'total' ? `${placeOf(entryId)}\0${text}` : text;
      texts.push(entryId, key, inboxId === entryId ? '' : inboxId, placed);
    }
    return packWithList({ ...options, returnedBelow: RETURNED_BELOW }, packTexts(texts));
  },
  decode: ([parked, more, late, finished, head, unread, busy, foreign]: CommitReply) => ({
    ...letOutOf([parked, more, late, finished, head, unread, busy]),
    /** By entry id, results that are not settled, because another program holds the key of their hash: what it holds. */
    foreign: new Map(foreign.flatMap((id, i) => (i % 2 === 0 ? [[id, foreign[i + 1] ?? ''] as const] : []))),
  }),
});

export const letOut = defineScript({
  name: 'let-out',
  lasting: hasLetOut,
  keys: ['inbox', 'output', 'counters', 'processed', 'retry', 'parked', 'halted', 'bridge'],
  encode: packOptions<Omit<Sink, 'timed'> & { group: string; maxLength: number; window: number | undefined }>,
  decode: letOutOf,
});

/** What became of a result that was to be recorded, if it does not go out as it is: by its number, from 1. */
export type RecordChange = { readonly n: number } & (
  | { readonly kind: 'result' | 'foreign' }
  | ({ readonly kind: 'dead' } & Pick<DeadLetter, 'inboxId' | 'consumerId' | 'attempts'>)
);

/** Results that the caller has recorded: how many of those that it got, the SHA-1 of their bytes, and what changed of them. */
export interface RecordedPage {
  readonly count: number;
  readonly digest: string;
  readonly changes: readonly RecordChange[];
  /** One for each change: the result in the words of the record, or its error; else ''. */
  readonly texts: readonly string[];
}

interface RecordRequest extends Omit<Sink, 'timed'> {
  readonly group: string;
  readonly maxLength: number;
  readonly window: number | undefined;
  readonly owner: string;
  readonly claims: boolean;
  readonly halt: boolean;
  readonly deadMaxLen: number;
  readonly recorded: RecordedPage | undefined;
}

export const recordScript = defineScript({
  name: 'record',
  lasting: (reply) => hasLetOut(reply) || reply.buried.size > 0,
  keys: [
    'inbox',
    'output',
    'counters',
    'processed',
    'retry',
    'parked',
    'halted',
    'bridge',
    'dead',
    'previews',
  ],
  bytes: true,
  encode: ({ recorded, ...options }: RecordRequest) => {
    const { changes = [], texts = [], ...page } = recorded ?? {};
    return packWithList({ ...options, recorded: recorded && page, changes }, packTexts(texts));
  },
  decode: ([parked, more, , finished, head, unread, , buried, page]: RecordReply) => ({
    ...letOutOf([parked, more, [], finished.map(String), String(head), unread]),
    /** The ids of the dead letters, by the numbers of their results. */
    buried: new Map(
      buried.flatMap((n, i) => (i % 2 === 0 ? [[Number(n), String(buried[i + 1])] as const] : [])),
    ),
    /** Results to record: see result-text.ts. */
    page,
  }),
});

type RecordReply = [
  parked: number,
  more: number,
  late: Buffer[],
  finished: Buffer[],
  head: Buffer,
  unread: number,
  busy: Buffer[],
  buried: (number | Buffer)[],
  page: Buffer[],
];
