import type {
  Gap,
  Lease,
  MarkReply,
  MarkRequest,
  RelayReply,
  ReleaseReply,
  TakeReply,
} from '../core/bridge-store.js';
import { CgroupError } from '../core/errors.js';
import type { DealtRelay, Noted, SharedBridgeStore, TakeAbove } from '../core/lane-store.js';
import { markText } from '../core/marks.js';
import { keyLines, pathOf } from '../core/order-key.js';
import type { Position } from '../core/position.js';
import { integerOf } from './foreign.js';
import type { Keys } from './keys.js';
import type { Connection } from './protocol/connection.js';
import { homeOf, leaseOf, mark, missed, relay, release, take } from './scripts/bridge.js';

/** The head of the Lua of each script says what is atomic. */
export class RedisBridgeStore implements SharedBridgeStore {
  readonly #connection: Connection;
  readonly #announcer: Connection | undefined;
  readonly #keys: Keys;
  readonly #path: readonly string[] | undefined;
  /** The id of the last message relayed, while no other bridge may have relayed since. */
  #last: string | undefined;

  /**
   * @param orderKey where the key of each message is; undefined without order `key`
   * @param announcer where marks are published if the channel is a sharded one: at its node
   */
  constructor(connection: Connection, keys: Keys, orderKey?: string, announcer?: Connection) {
    this.#connection = connection;
    this.#announcer = announcer;
    this.#keys = keys;
    this.#path = orderKey === undefined ? undefined : pathOf(orderKey);
  }

  async mark(request: MarkRequest): Promise<MarkReply> {
    const announcer = this.#announcer ?? this.#connection;
    const { marks } = this.#keys;
    const server = announcer.isPlain ? undefined : (request.on ?? serverOf(announcer));
    if (announcer === this.#connection)
      return this.#connection.run(mark, this.#keys, { ...request, marks, server }, server);
    const heard = !request.secretKnown && (await subscribersOf(announcer, marks)) > 0;
    const how = { marks, server, sharded: true, heard };
    const reply = await this.#connection.run(mark, this.#keys, { ...request, ...how });
    if ('taken' in reply) return reply;
    if (server !== undefined) announcer.mustBeOn(server);
    await announcer.call('SPUBLISH', marks, markText(reply.mark, reply.secret, server));
    return reply;
  }

  /** With a sharded channel only the mark is published at one server: its number and what is relayed are kept anywhere. */
  #only(on: string | undefined): string | undefined {
    return this.#announcer ? undefined : on;
  }

  take(caller: string, token: number, beat: number, { on, above }: TakeAbove = {}): Promise<TakeReply> {
    this.#last = undefined;
    return this.#connection.run(take, this.#keys, { caller, token, beat, above }, this.#only(on));
  }

  async relay(request: DealtRelay): Promise<RelayReply> {
    const before = this.#last;
    this.#last = undefined;
    const { keys: known, ...rest } = request;
    const keys = this.#path && { keys: known ?? keyLines(request.messages, this.#path) };
    const options = { ...rest, ...keys, last: before };
    const { last, ...reply } = await this.#connection.run(relay, this.#keys, options, this.#only(request.on));
    if (reply.kind === 'written') this.#last = last || before;
    return reply;
  }

  release(caller: string, token: number, position: Position | undefined, on?: string): Promise<ReleaseReply> {
    return this.#connection.run(release, this.#keys, { caller, token, position }, this.#only(on));
  }

  async readLease(): Promise<Lease> {
    const fields = ['token', 'beat', 'epoch', 'offset', 'holder', 'home', 'since'];
    const reply = (await this.#connection.call('HMGET', this.#keys.bridge, ...fields)) as (string | null)[];
    const [token, beat, epoch, offset, holder, home, since] = reply.map((value) => value ?? '');
    return leaseOf(token, beat, holder, epoch, offset, homeOf(home, since));
  }

  missed(caller: string, gap: Gap): Promise<void> {
    return this.#connection.run(missed, this.#keys, { caller, gap });
  }

  async lastMark(on?: string): Promise<number> {
    if (on !== undefined && !this.#announcer) this.#connection.mustBeOn(on);
    return integerOf((await this.#connection.call('HGET', this.#keys.bridge, 'mark')) as string | null) ?? 0;
  }

  async noted(): Promise<Noted> {
    const reply = await this.#connection.call('HMGET', this.#keys.bridge, 'dealt', 'mark', 'group');
    const [lanes, mark, group] = reply as (string | null)[];
    return { lanes: integerOf(lanes) ?? 0, mark: integerOf(mark) ?? 0, isPrepared: Boolean(group) };
  }

  async leave(seat: string): Promise<void> {
    await this.#connection.call('HDEL', this.#keys.bridge, `seat:${seat}`);
  }
}

/** @throws {CgroupError} REDIS_UNREACHABLE if it is not connected, or if Redis does not say who it is */
function serverOf({ server }: Connection): string {
  if (server !== undefined) return server;
  throw new CgroupError('REDIS_UNREACHABLE', 'not connected to a Redis that says who it is (INFO)');
}

/** How many clients are subscribed to a sharded channel, at the node of the connection. */
async function subscribersOf(connection: Connection, channel: string): Promise<number> {
  const [, count] = (await connection.call('PUBSUB', 'SHARDNUMSUB', channel)) as [string, number];
  return count;
}
