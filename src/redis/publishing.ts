import type { Connection } from './protocol/connection.js';
import type { OnPush } from './protocol/pushes.js';

/** What Redis says of a batch of messages: how many subscribers received them. */
export interface Receivers {
  /** Of the message that the fewest received, and of the one that the most did. */
  readonly least: number;
  readonly most: number;
  /** Messages that nobody received. */
  readonly unheard: number;
}

/** Publishes to one channel. */
export class ChannelWriter {
  readonly #connection: Connection;
  readonly #channel: string;
  readonly #own: number;

  /**
   * @param own how many of the channel's subscribers are the publisher's own: they do not count as receivers
   */
  constructor(connection: Connection, channel: string, own: number) {
    this.#connection = connection;
    this.#channel = channel;
    this.#own = own;
  }

  /**
   * Publishes messages in order. See `publish.lua`. Must not be sent again after an unknown outcome.
   *
   * @throws {CgroupError} REDIS_REFUSED, REDIS_AUTH, or OUTCOME_UNKNOWN: then all or none of them were
   *   published
   */
  async publish(messages: readonly string[]): Promise<Receivers> {
    const reply = await this.#connection.run('publish', [], [this.#channel, this.#own, ...messages]);
    const [least, most, unheard] = reply as [number, number, number];
    return { least, most, unheard };
  }
}

/** What a reader needs of a connection. */
export type Subscribable = Pick<Connection, 'subscribe' | 'once'>;

/** Hears one channel. */
export class ChannelReader {
  readonly #connection: Subscribable;
  readonly #channel: string;

  constructor(connection: Subscribable, channel: string) {
    this.#connection = connection;
    this.#channel = channel;
  }

  /**
   * Subscribes. When it returns, whatever is published is heard, until `onLost` is called: nothing comes
   * after it.
   *
   * @throws {CgroupError} REDIS_REFUSED, REDIS_AUTH, OUTCOME_UNKNOWN
   */
  async subscribe(onMessage: (message: Buffer) => void, onLost: () => void): Promise<void> {
    this.#connection.once('lost', onLost);
    const onPush: OnPush = (bytes, start, end) => onMessage(bytes.subarray(start, end));
    await this.#connection.subscribe(new Map([[this.#channel, onPush]]));
  }
}
