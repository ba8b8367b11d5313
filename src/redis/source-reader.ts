import { isUtf8 } from 'node:buffer';
import { createHash } from 'node:crypto';
import { hasCode } from '../core/errors.js';
import { orderKeyIn, orderKeyOf } from '../core/order-key.js';
import { ReadSize } from '../core/read-size.js';
import { PULL_LIMITS } from '../core/source.js';
import type { Connection } from './protocol/connection.js';
import type { EntryReply } from './reading.js';
import type { ReadPage } from './scripts/source.js';

/** Bytes of a page, about: the script hashes what it reads, and writes keys with it, so it takes half of what others take. */
const MOST_BYTES = PULL_LIMITS.mostBytes / 2;

/** What a script needs to take the messages that were read, if they are still there. */
export interface KeyedPage extends ReadPage {
  /** Whether nothing came after them. */
  readonly isLast: boolean;
}

/** A message that was read: its key, its bytes, and the texts that Redis holds for it. */
interface ReadMessage {
  readonly key: string | undefined;
  readonly size: number;
  readonly texts: readonly Buffer[];
}

/**
 * Reads the next messages of a list or a stream, and takes nothing: with order `key` a script gets the keys of the messages,
 * which only TypeScript reads exactly, and a hash by which it knows whether the messages are still the same.
 */
export class SourceReader {
  readonly #connection: Connection;
  readonly #name: string;
  readonly #path: readonly string[];
  readonly #size = new ReadSize(PULL_LIMITS.most);

  constructor(connection: Connection, name: string, path: readonly string[]) {
    this.#connection = connection;
    this.#name = name;
    this.#path = path;
  }

  /** The next messages at this end of the list; none if the key holds something else, which the script tells. */
  list(from: 'left' | 'right'): Promise<KeyedPage> {
    return this.#page(async (count) => {
      const ends = from === 'left' ? [0, count - 1] : [-count, -1];
      const found = await this.#range(ends);
      if (from === 'right') found.reverse();
      return found.map((text) => ({
        key: orderKeyOf(text, this.#path),
        size: text.length,
        texts: [text],
      }));
    });
  }

  /** The messages after this position of the stream. */
  stream(position: string): Promise<KeyedPage> {
    return this.#page(async (count) => {
      const range = [`(${position}`, '+', 'COUNT', count];
      const found = (await this.#connection.callBuffer('XRANGE', this.#name, ...range)) as EntryReply[];
      return found.map(([id, fields]) => ({
        key: this.#keyOf(fields),
        size: bytesIn(fields),
        texts: [id, ...fields],
      }));
    });
  }

  async #range(ends: readonly number[]): Promise<Buffer[]> {
    try {
      return (await this.#connection.callBuffer('LRANGE', this.#name, ...ends)) as Buffer[];
    } catch (error) {
      if (hasCode(error, 'KEY_TYPE')) return [];
      throw error;
    }
  }

  /** The key of an entry: in its field `message`, or else in the JSON object that pull-stream.lua makes of its fields. */
  #keyOf(fields: readonly Buffer[]): string | undefined {
    const object: [string, string][] = [];
    for (let i = 0; i + 1 < fields.length; i += 2) {
      const [name, value] = [fields[i] as Buffer, fields[i + 1] as Buffer];
      if (name.equals(MESSAGE)) return orderKeyOf(value, this.#path);
      object.push([String(name), String(value)]);
    }
    return fields.every((text) => isUtf8(text))
      ? orderKeyIn(Object.fromEntries(object), this.#path)
      : undefined;
  }

  async #page(read: (count: number) => Promise<ReadMessage[]>): Promise<KeyedPage> {
    const { count } = this.#size;
    const found = await read(count).catch((error: unknown) => {
      if (hasCode(error, 'REDIS_UNREACHABLE')) this.#size.failed();
      throw error;
    });
    let bytes = 0;
    let most = 0;
    for (; most < found.length && bytes < MOST_BYTES; most++) bytes += found[most]?.size ?? 0;
    // A size of a read is for a whole megabyte.
    this.#size.came(most, (PULL_LIMITS.mostBytes / MOST_BYTES) * bytes);
    const hash = createHash('sha1');
    let keys = '';
    for (const { key = '', texts } of found.slice(0, most)) {
      keys += `${key}\n`;
      for (const text of texts) hash.update(`${text.length}:`).update(text);
    }
    return { most, keys, page: hash.digest('hex'), isLast: most === found.length && most < count };
  }
}

const MESSAGE = Buffer.from('message');

function bytesIn(texts: readonly Buffer[]): number {
  return texts.reduce((sum, { length }) => sum + length, 0);
}
