import type { RelayReply } from '../core/bridge-store.js';
import type { ArriveReply, DealtRelay, LaneStore, LeadReply } from '../core/lane-store.js';
import { RedisBridgeStore } from './bridge-store.js';
import type { Keys } from './keys.js';
import type { Connection } from './protocol/connection.js';
import { arrive, lead } from './scripts/bridge.js';

/** The head of the Lua of each script says what is atomic. */
export class RedisLaneStore implements LaneStore {
  readonly #connection: Connection;
  readonly #keys: Keys;
  readonly #orderKey: string | undefined;
  #store: RedisBridgeStore;

  /**
   * @param connection to the slot of the lane
   * @param keys of the lane
   * @param orderKey where the key of each message is; undefined without order `key`
   */
  constructor(connection: Connection, keys: Keys, orderKey?: string) {
    this.#connection = connection;
    this.#keys = keys;
    this.#orderKey = orderKey;
    this.#store = new RedisBridgeStore(connection, keys, orderKey);
  }

  arrive(mark: number, server: string | undefined): Promise<ArriveReply> {
    return this.#connection.run(arrive, this.#keys, { mark, server });
  }

  lead(caller: string, token: number): Promise<LeadReply> {
    // It remembers the last message, and another bridge may have written since.
    this.#store = new RedisBridgeStore(this.#connection, this.#keys, this.#orderKey);
    return this.#connection.run(lead, this.#keys, { caller, token });
  }

  relay(request: DealtRelay): Promise<RelayReply> {
    return this.#store.relay(request);
  }
}
