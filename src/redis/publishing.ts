import type { Subscriber } from '../core/subscriber.js';
import type { Connection } from './protocol/connection.js';

/** How many subscribers received the messages of a batch. */
export interface Receivers {
  /** Of the message that reached the fewest subscribers, and of the one that reached the most. */
  readonly least: number;
  readonly most: number;
  /** Messages that reached no subscriber. */
  readonly unheard: number;
}

/**
 * Publishes messages in order. See `publish.lua`. Never repeat it after OUTCOME_UNKNOWN: all or none of the messages were
 * published.
 *
 * @param own how many subscribers of the channel are the publisher's own: they do not count as receivers
 * @throws {CgroupError} REDIS_REFUSED, REDIS_AUTH, OUTCOME_UNKNOWN
 */
export async function publishBatch(
  connection: Connection,
  channel: string,
  messages: readonly string[],
  own: number,
): Promise<Receivers> {
  const reply = await connection.run('publish', [], [channel, own, ...messages]);
  const [least, most, unheard] = reply as [number, number, number];
  return { least, most, unheard };
}

/** The part of a {@link Subscriber} that listening needs. */
export type Subscribable = Pick<Subscriber, 'subscribe' | 'once'>;

/**
 * Subscribes to a channel. When it returns, every message that is published is received, until `onLost` is called.
 *
 * @throws {CgroupError} REDIS_REFUSED, REDIS_AUTH, OUTCOME_UNKNOWN
 */
export async function listenTo(
  connection: Subscribable,
  channel: string,
  onMessage: (message: Buffer) => void,
  onLost: () => void,
): Promise<void> {
  connection.once('lost', onLost);
  await connection.subscribe(
    new Map([[channel, (bytes, start, end) => onMessage(bytes.subarray(start, end))]]),
  );
}
