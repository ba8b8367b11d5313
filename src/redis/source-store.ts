import type { Pulled, PulledSource, SourceStore } from '../core/source.js';
import type { Keys } from './keys.js';
import type { Connection } from './protocol/connection.js';
import type { ScriptKeys } from './protocol/script.js';
import { pullList, pullStream } from './scripts/source.js';

/** Seconds that Redis waits for a message; shorter than the silence after which a connection counts as dead. */
const WAIT = 1;

/** The head of the Lua of each script says what is atomic. */
export class RedisSourceStore implements SourceStore {
  readonly #connection: Connection;
  readonly #waiting: Connection;
  readonly #keys: ScriptKeys;
  readonly #source: PulledSource;
  readonly #caller: string;
  /** The id of the last entry read of a stream. */
  #position = '0-0';

  /**
   * @param waiting not used for anything else: waiting blocks it
   * @param caller the id of the process, for gaps
   */
  constructor(connection: Connection, waiting: Connection, keys: Keys, source: PulledSource, caller: string) {
    this.#connection = connection;
    this.#waiting = waiting;
    this.#keys = { ...keys, source: source.name };
    this.#source = source;
    this.#caller = caller;
  }

  async pull(packSize: number): Promise<Pulled> {
    if (this.#source.kind === 'list') {
      const fromRight = this.#source.from === 'right';
      return this.#connection.run(pullList, this.#keys, { packSize, fromRight });
    }
    const options = { packSize, caller: this.#caller };
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
