import { compareIds, looksLikeEntryId } from '../core/stream-id.js';
import type { ReadingWithEnd, StreamEntry } from './reading.js';

/** Where the output ended at the moment of a reading. */
export type OutputEnd = Pick<ReadingWithEnd, 'outputType' | 'lastOutput'> & {
  readonly counters: Pick<ReadingWithEnd['counters'], 'processed'>;
};

/** An entry of the output: of the stream, or an element of the list. */
export interface OutputEntry {
  /** The id in the stream; in a list, the number of results that were written before it. */
  readonly id: string;
  /** Undefined in an entry that the group did not write. */
  readonly inboxId: string | undefined;
  readonly messageId: string | undefined;
  /** Undefined if it was written without an order and a record. */
  readonly times: OutputTimes | undefined;
  /** The message with what the processor added; undefined if it is no JSON. */
  data(): unknown;
}

/** When a message was published, and when its last attempt began and ended: ms since 1970. */
export interface OutputTimes {
  /** By the clock of Redis. */
  readonly publishedAt: number;
  /** By the clock of the process. */
  readonly startedAt: number;
  readonly finishedAt: number;
}

/** Whether an entry was in the output at the moment of a reading. */
export function wasIn(end: OutputEnd, { id }: Pick<OutputEntry, 'id'>): boolean {
  if (end.outputType === 'list') return Number(id) < end.counters.processed;
  return end.lastOutput !== '' && compareIds(id, end.lastOutput) <= 0;
}

/** An entry of the stream. */
export function outputEntryOf({ id, fields }: StreamEntry): OutputEntry {
  const { message_id, inbox_id, data, published_at, started_at, finished_at } = fields;
  const text = (bytes: Buffer | undefined) => bytes?.toString();
  return {
    id,
    inboxId: data && ownId(text(message_id), text(inbox_id)),
    messageId: text(message_id),
    times: timesOf([published_at, started_at, finished_at].map((at) => at && Number(at))),
    data: () => parsed(String(data)),
  };
}

/** An element of the list. */
export function outputElementOf(number: number, bytes: Buffer): OutputEntry {
  const value = parsed(bytes.toString());
  const fields = (typeof value === 'object' ? value : null) as Readonly<Record<string, unknown>> | null;
  const { message_id, inbox_id, data, published_at, started_at, finished_at } = fields ?? {};
  const text = (field: unknown) => (typeof field === 'string' ? field : undefined);
  return {
    id: String(number),
    inboxId: typeof data === 'object' && data ? ownId(text(message_id), text(inbox_id)) : undefined,
    messageId: text(message_id),
    times: timesOf([published_at, started_at, finished_at]),
    data: () => data,
  };
}

function ownId(messageId: string | undefined, inboxId: string | undefined): string | undefined {
  return messageId !== undefined && inboxId !== undefined && looksLikeEntryId(inboxId) ? inboxId : undefined;
}

function timesOf(times: readonly unknown[]): OutputTimes | undefined {
  const [publishedAt, startedAt, finishedAt] = times;
  const isTime = (time: unknown): time is number => typeof time === 'number' && time >= 0;
  if (!isTime(publishedAt) || !isTime(startedAt) || !isTime(finishedAt)) return undefined;
  return { publishedAt, startedAt, finishedAt };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
