import { pathOf } from '../core/order-key.js';
import type { Pulled, PulledSource, SourceStore } from '../core/source.js';
import type { Keys } from './keys.js';
import type { Connection } from './protocol/connection.js';
import type { ScriptKeys } from './protocol/script.js';
import { pullList, pullStream } from './scripts/source.js';
import { type KeyedPage, SourceReader } from './source-reader.js';

/** Seconds that Redis waits for a message; shorter than the silence after which a connection counts as dead. */
const WAIT = 1;

/** The head of the Lua of each script says what is atomic. */
export class RedisSourceStore implements SourceStore {
  readonly #connection: Connection;
  readonly #waiting: Connection;
  readonly #keys: ScriptKeys;
  readonly #source: PulledSource;
  readonly #caller: string;
  /** Reads messages before a script does, for their keys; undefined without order `key`. */
  readonly #reader: SourceReader | undefined;
  /** The id of the last entry read of a stream. */
  #position = '0-0';

  /**
   * @param waiting not used for anything else: waiting blocks it
   * @param caller the id of the process, for gaps
   * @param orderKey where the key of each message is; undefined without order `key`
   */
  constructor(
    connection: Connection,
    waiting: Connection,
    keys: Keys,
    source: PulledSource,
    caller: string,
    orderKey?: string,
  ) {
    this.#connection = connection;
    this.#waiting = waiting;
    this.#keys = { ...keys, source: source.name };
    this.#source = source;
    this.#caller = caller;
    this.#reader =
      orderKey === undefined ? undefined : new SourceReader(connection, source.name, pathOf(orderKey));
  }

  async pull(packSize: number): Promise<Pulled> {
    if (this.#source.kind === 'list') {
      const { from } = this.#source;
      const read = await this.#reader?.list(from);
      const options = { packSize, fromRight: from === 'right', read };
      return withEnd(await this.#connection.run(pullList, this.#keys, options), read);
    }
    const { next } = this.#reader ? await this.#pullStream(packSize, 'position') : {};
    if (next === 'full') return { messages: 0, next };
    const read = await this.#reader?.stream(this.#position);
    if (read?.most === 0) return { messages: 0, next: 'wait' };
    return withEnd(await this.#pullStream(packSize, read), read);
  }

  async #pullStream(packSize: number, read: KeyedPage | 'position' | undefined): Promise<Pulled> {
    const options = { packSize, caller: this.#caller, read };
    const { position, ...pulled } = await this.#connection.run(pullStream, this.#keys, options);
    this.#position = position;
    return pulled;
  }

  async wait(): Promise<boolean> {
    const { kind, name } = this.#source;
    if (kind === 'stream') {
      const last = ['STREAMS', name, this.#position];
      return (await this.#waiting.callBuffer('XREAD', 'BLOCK', WAIT * 1_000, 'COUNT', 1, ...last)) !== null;
    }
    // From the head to the head: the list stays as it is.
    const end = this.#source.from === 'right' ? 'RIGHT' : 'LEFT';
    return (await this.#waiting.callBuffer('BLMOVE', name, name, end, end, WAIT)) !== null;
  }
}

/** A script that was given a page cannot tell whether anything is behind it. */
function withEnd(pulled: Pulled, read: KeyedPage | undefined): Pulled {
  return read?.isLast && pulled.next === 'more' ? { ...pulled, next: 'wait' } : pulled;
}
