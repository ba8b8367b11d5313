import type { Stores } from './stores.js';

/** A result as the group writes it; with times as with an order or a record. */
export interface WrittenResult {
  readonly messageId: string;
  readonly inboxId: string;
  readonly data?: object;
  readonly times?: { readonly published: number; readonly started: number; readonly finished: number };
}

/** Writes results to the output, a list, and counts them, as a commit does. */
export async function pushResults({ raw, keys }: Stores, ...results: WrittenResult[]): Promise<void> {
  await raw
    .multi()
    .rpush(keys.output, ...results.map(elementOf))
    .hincrby(keys.counters, 'processed', results.length)
    .exec();
}

/** An element of the output, if it is a list. */
export function elementOf(result: WrittenResult): string {
  const { messageId, inboxId, data = { message_id: messageId } } = result;
  return JSON.stringify({
    message_id: messageId,
    consumer_id: 'c',
    inbox_id: inboxId,
    data,
    ...timesOf(result),
  });
}

/** The fields of an entry of the output, if it is a stream. */
export function fieldsOf(result: WrittenResult): string[] {
  const { messageId, inboxId, data = { message_id: messageId } } = result;
  const fields = { message_id: messageId, consumer_id: 'c', inbox_id: inboxId, data: JSON.stringify(data) };
  return Object.entries({ ...fields, ...timesOf(result) }).flatMap(([name, value]) => [name, String(value)]);
}

function timesOf({ times }: WrittenResult) {
  return times && { published_at: times.published, started_at: times.started, finished_at: times.finished };
}
