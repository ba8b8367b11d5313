import type { KeyCursor, KeyStore } from '../core/key-store.js';
import type { Keys } from './keys.js';
import type { Connection } from './protocol/connection.js';
import { disband, free } from './scripts/keyed.js';

/** The head of the Lua of each script says what is atomic. */
export class RedisKeyStore implements KeyStore {
  readonly #connection: Connection;
  readonly #keys: Keys;
  readonly #group: string;
  readonly #run: () => number;

  /** @param run most messages of a key that may go out together */
  constructor(connection: Connection, keys: Keys, group: string, run: () => number) {
    this.#connection = connection;
    this.#keys = keys;
    this.#group = group;
    this.#run = run;
  }

  async search(from: KeyCursor, count: number): Promise<{ freed: number; next: KeyCursor }> {
    const page = { cursor: from.busy, from: from.held, count };
    const request = { group: this.#group, run: this.#run(), ...page };
    const { freed, cursor, from: held } = await this.#connection.run(free, this.#keys, request);
    // Bytes that are no text come back as other ones: then it would never end.
    return { freed, next: { busy: cursor, held: held === from.held ? undefined : held } };
  }

  disband(): Promise<{ messages: number; more: boolean }> {
    return this.#connection.run(disband, this.#keys, {});
  }
}
