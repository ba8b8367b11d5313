import type { Redis } from 'ioredis';
import type { OnPush } from '../../core/subscriber.js';
import type { Parser } from './direct-line.js';
import { pushSplitter } from './pushes.js';

/** What a subscription needs of its connection. */
export interface SubscribingLink {
  readonly redis: Redis;
  /** Gives what comes over the socket to another parser. */
  readonly divert: (make: (onOther: (reply: Buffer) => void) => Parser) => Promise<void>;
  /** Waits for the reply to a command, and gives an error in our words. */
  readonly timed: (doing: string, send: () => Promise<unknown>) => Promise<unknown>;
  /** Redis has ended the subscription. */
  readonly onGone: () => unknown;
}

/** How Redis says that a channel is no longer subscribed: to the client that asked for it, or because its slot has moved to another node. */
const UNSUBSCRIBED = Buffer.from('*3\r\n$12\r\nsunsubscribe\r\n');

/** The subscription of one connection. */
export class ChannelSubscription {
  readonly #link: SubscribingLink;
  #isSharded = false;
  #isEnding = false;

  constructor(link: SubscribingLink) {
    this.#link = link;
  }

  /** Subscribes to channels, all in one command. On a Cluster, sharded ones must be in one slot. */
  async begin(channels: ReadonlyMap<string, OnPush>, isSharded: boolean): Promise<void> {
    const { redis, divert, timed, onGone } = this.#link;
    this.#isSharded = isSharded;
    await divert((onOther) => {
      const onReply = (reply: Buffer) => {
        const isGone = !this.#isEnding && reply.subarray(0, UNSUBSCRIBED.length).equals(UNSUBSCRIBED);
        if (isGone) onGone();
        else onOther(reply);
      };
      return pushSplitter(channels, isSharded ? onReply : onOther, isSharded);
    });
    const names = [...channels.keys()];
    if (isSharded) await timed(`SSUBSCRIBE ${names.join(' ')}`, () => subscribeSharded(redis, names));
    else await timed(`SUBSCRIBE ${names.join(' ')}`, () => redis.subscribe(...names));
  }

  /** When it returns, all messages published before have been received. */
  async end(): Promise<void> {
    const { redis, timed } = this.#link;
    this.#isEnding = true;
    if (this.#isSharded) await timed('SUNSUBSCRIBE', () => redis.sunsubscribe());
    else await timed('UNSUBSCRIBE', () => redis.unsubscribe());
  }
}

/** ioredis never settles an SSUBSCRIBE that is answered by MOVED: it only says so. */
async function subscribeSharded(redis: Redis, names: readonly string[]): Promise<void> {
  let onMoved = () => {};
  const moved = new Promise<never>((_resolve, reject) => {
    onMoved = () =>
      reject(
        Object.assign(new Error('MOVED another node has the slot of the channel'), { name: 'ReplyError' }),
      );
  });
  redis.once('moved', onMoved);
  try {
    await Promise.race([redis.ssubscribe(...names), moved]);
  } finally {
    redis.off('moved', onMoved);
  }
}
