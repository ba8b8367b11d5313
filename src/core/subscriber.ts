/** Gets a published message: it stands in `bytes` from `start` to `end`, until the call returns. */
export type OnPush = (bytes: Buffer, start: number, end: number) => void;

/** A connection for one subscription. */
export interface Subscriber {
  /**
   * Connects.
   *
   * @throws {CgroupError} REDIS_UNREACHABLE (after 5 s), REDIS_AUTH, or STATE if it is closed meanwhile
   */
  connect(): Promise<void>;
  /** Subscribes to channels, all in one command. May be called once. */
  subscribe(channels: ReadonlyMap<string, OnPush>, isSharded?: boolean): Promise<void>;
  /** Ends the subscription. When it returns, all messages published before have been received. */
  unsubscribe(): Promise<void>;
  /** `lost`: the connection was cut, and the subscription with it. */
  once(event: 'lost', listener: () => void): unknown;
  /** Whether there is only one server, so that positions are always its own. */
  readonly isPlain: boolean;
  /** The run id of the server that it is connected to; undefined while it is not, or if Redis does not say. */
  readonly server: string | undefined;
  /** Bytes that have come over the connection. */
  readonly bytesReceived: number;
  /** Closes the connection at once. Idempotent. */
  close(): void;
}

/**
 * Subscribes to a channel. When it returns, every message that is published is received, until `onLost` is called.
 *
 * @throws {CgroupError} REDIS_REFUSED, REDIS_AUTH, OUTCOME_UNKNOWN
 */
export async function listenTo(
  connection: Pick<Subscriber, 'subscribe' | 'once'>,
  channel: string,
  onMessage: (message: Buffer) => void,
  onLost: () => void,
  isSharded = false,
): Promise<void> {
  connection.once('lost', onLost);
  await connection.subscribe(
    new Map([[channel, (bytes, start, end) => onMessage(bytes.subarray(start, end))]]),
    isSharded,
  );
}
