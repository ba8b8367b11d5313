import type {
  BridgeStore,
  Lease,
  MarkReply,
  MarkRequest,
  RelayReply,
  RelayRequest,
  ReleaseReply,
  TakeReply,
} from '../core/bridge-store.js';
import { keyLines, pathOf } from '../core/order-key.js';
import type { Position } from '../core/position.js';
import { integerOf } from './foreign.js';
import type { Keys } from './keys.js';
import type { Connection } from './protocol/connection.js';
import { leaseOf, mark, relay, release, take } from './scripts/bridge.js';

/** The head of the Lua of each script says what is atomic. */
export class RedisBridgeStore implements BridgeStore {
  readonly #connection: Connection;
  readonly #keys: Keys;
  readonly #path: readonly string[] | undefined;
  /** The id of the last message relayed, while no other bridge may have relayed since. */
  #last: string | undefined;

  /** @param orderKey where the key of each message is; undefined without order `key` */
  constructor(connection: Connection, keys: Keys, orderKey?: string) {
    this.#connection = connection;
    this.#keys = keys;
    this.#path = orderKey === undefined ? undefined : pathOf(orderKey);
  }

  mark(request: MarkRequest): Promise<MarkReply> {
    return this.#connection.run(mark, this.#keys, { ...request, marks: this.#keys.marks });
  }

  take(caller: string, token: number, beat: number): Promise<TakeReply> {
    this.#last = undefined;
    return this.#connection.run(take, this.#keys, { caller, token, beat });
  }

  async relay(request: RelayRequest): Promise<RelayReply> {
    const before = this.#last;
    this.#last = undefined;
    const keys = this.#path && { keys: keyLines(request.messages, this.#path) };
    const { last, ...reply } = await this.#connection.run(relay, this.#keys, {
      ...request,
      ...keys,
      last: before,
    });
    if (reply.kind === 'written') this.#last = last || before;
    return reply;
  }

  release(caller: string, token: number, position: Position | undefined): Promise<ReleaseReply> {
    return this.#connection.run(release, this.#keys, { caller, token, position });
  }

  async readLease(): Promise<Lease> {
    const fields = ['token', 'beat', 'epoch', 'offset', 'holder'];
    const reply = (await this.#connection.call('HMGET', this.#keys.bridge, ...fields)) as (string | null)[];
    const [token, beat, epoch, offset, holder] = reply.map((value) => value ?? '');
    return leaseOf(token, beat, holder, epoch, offset);
  }

  async lastMark(): Promise<number> {
    return integerOf((await this.#connection.call('HGET', this.#keys.bridge, 'mark')) as string | null) ?? 0;
  }

  async leave(seat: string): Promise<void> {
    await this.#connection.call('HDEL', this.#keys.bridge, `seat:${seat}`);
  }
}
