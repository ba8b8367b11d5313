import { createReadStream, createWriteStream, type WriteStream } from 'node:fs';
import { CgroupError, messageOf } from '../core/errors.js';

/**
 * A ledger is a file of the message ids that a subscriber received, in the order of the channel: one id a
 * line and nothing else, so that `sort`, `comm` and `wc -l` understand it too.
 */

/** Characters gathered before they are written. */
const CHUNK = 65_536;

/** Whether a ledger can hold the id: it must be a line, and no blank one. */
export function canBeListed(id: string): boolean {
  return !/[\r\n]/.test(id) && id.trim() !== '';
}

/** Writes a ledger. */
export class LedgerFile {
  readonly path: string;
  readonly #stream: WriteStream;
  #lines = '';
  #ids = 0;
  #failure: unknown;

  private constructor(path: string, stream: WriteStream) {
    this.path = path;
    this.#stream = stream;
    stream.on('error', (error) => {
      this.#failure ??= error;
    });
  }

  /**
   * Makes the file, or empties it.
   *
   * @throws {CgroupError} NOT_FOUND where that cannot be done
   */
  static open(path: string): Promise<LedgerFile> {
    return new Promise((resolve, reject) => {
      const stream = createWriteStream(path);
      stream.once('open', () => resolve(new LedgerFile(path, stream)));
      stream.once('error', (error) => reject(cannotWrite(path, error)));
    });
  }

  /** Ids in it. */
  get ids(): number {
    return this.#ids;
  }

  add(id: string): void {
    this.#lines += `${id}\n`;
    this.#ids++;
    if (this.#lines.length >= CHUNK) this.#write();
  }

  /**
   * Writes what is left, and closes it.
   *
   * @throws {CgroupError} NOT_FOUND where not all of it could be written
   */
  async close(): Promise<void> {
    this.#write();
    await new Promise<void>((resolve) => {
      this.#stream.once('close', resolve);
      this.#stream.end();
      if (this.#stream.closed) resolve();
    });
    if (this.#failure) throw cannotWrite(this.path, this.#failure);
  }

  #write(): void {
    if (!this.#failure) this.#stream.write(this.#lines);
    this.#lines = '';
  }
}

/**
 * Reads a ledger. Blank lines do not count, and lines may end as on Windows.
 *
 * @throws {CgroupError} NOT_FOUND where it cannot be read
 */
export async function readLedger(path: string | URL, onId: (id: string) => void): Promise<void> {
  const tell = (line: string) => {
    const id = line.endsWith('\r') ? line.slice(0, -1) : line;
    if (id.trim() !== '') onId(id);
  };
  let rest = '';
  try {
    for await (const chunk of createReadStream(path, 'utf8')) {
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) tell(line);
    }
  } catch (error) {
    const advice = 'give --ledger a file that cgroup publish --ledger wrote';
    const text = `cannot read the ledger ${path} (${messageOf(error)}): ${advice}`;
    throw new CgroupError('NOT_FOUND', text, { cause: error });
  }
  tell(rest);
}

function cannotWrite(path: string, error: unknown): CgroupError {
  const advice = 'is there such a folder, with the right to write and with room?';
  const text = `cannot write the ledger ${path} (${messageOf(error)}): ${advice}`;
  return new CgroupError('NOT_FOUND', text, { cause: error });
}
