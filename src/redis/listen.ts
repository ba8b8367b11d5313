import type { OnPush } from '../core/subscriber.js';

/** The part of a connection that listening needs. */
export interface Subscribable {
  subscribe(channels: ReadonlyMap<string, OnPush>): Promise<void>;
  once(event: 'lost', listener: () => void): unknown;
}

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
