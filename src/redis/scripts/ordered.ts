import type { Result } from '../../core/consumer-store.js';
import { packTexts } from '../../core/packed.js';
import type { Sink } from '../../core/sink.js';
import { timeOfId } from '../../core/stream-id.js';
import { RETURNED_BELOW } from '../keys.js';
import { defineScript, packOptions, packWithList } from '../protocol/script.js';

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

const letOutOf = ([parked, more, late, finished, head, unread, busy = []]: LetOutReply): LetOut => ({
  parked,
  more: more === 1,
  late,
  finished: finished.map(Number),
  busy,
  head,
  unread: unread === 1,
});

interface CommitOrdered extends Sink {
  readonly group: string;
  readonly maxLength: number;
  readonly results: readonly Result[];
  /** Most messages of a key that go out together. */
  readonly run: number;
}

export const commitOrdered = defineScript({
  name: 'commit-ordered',
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
      const placed = options.order === 'total' ? `${placeOf(entryId)}\0${text}` : text;
      texts.push(entryId, key, inboxId === entryId ? '' : inboxId, placed);
    }
    return packWithList({ ...options, returnedBelow: RETURNED_BELOW }, packTexts(texts));
  },
  decode: letOutOf,
});

export const letOut = defineScript({
  name: 'let-out',
  keys: ['inbox', 'output', 'counters', 'processed', 'retry', 'parked', 'halted', 'bridge'],
  encode: packOptions<Omit<Sink, 'timed'> & { group: string; maxLength: number; window: number | undefined }>,
  decode: letOutOf,
});

/** What a result that is written needs. */
export type WrittenResult = Pick<
  Result,
  'inboxId' | 'consumerId' | 'messageId' | 'data' | 'startedAt' | 'finishedAt'
>;

/** A result as one text: see sink.lua. */
export function resultText(result: WrittenResult, list: boolean, timed: boolean): string {
  const { consumerId, inboxId, messageId, data } = result;
  const [published, started, finished] = timed ? timesOf(result) : ['', '', ''];
  const head = `${consumerId}\0${finished}\0`;
  if (list) return `${head}line\0${lineOf(result, timed)}`;
  const times = `${published}\0${started}\0`;
  return `${head}entry\0${inboxId}\0${times}${Buffer.byteLength(messageId)}\0${messageId}${data}`;
}

/** An id whose numbers are padded with zeros, so that texts compare as ids do. */
function placeOf(id: string): string {
  return id
    .split('-')
    .map((number) => number.padStart(20, '0'))
    .join('-');
}

/** A result as an element of an output list: one JSON object. */
function lineOf(result: WrittenResult, timed: boolean): string {
  const { messageId, consumerId, inboxId, data } = result;
  const names = `"message_id":${JSON.stringify(messageId)},"consumer_id":${JSON.stringify(consumerId)}`;
  const line = `{${names},"inbox_id":"${inboxId}","data":${data}`;
  if (!timed) return `${line}}`;
  const [published, started, finished] = timesOf(result);
  return `${line},"published_at":${published},"started_at":${started},"finished_at":${finished}}`;
}

/** When a message was relayed, its last attempt began and ended: ms since 1970. */
function timesOf({ inboxId, startedAt, finishedAt }: WrittenResult): [number, number, number] {
  const published = timeOfId(inboxId);
  return [published, startedAt ?? published, finishedAt ?? published];
}
