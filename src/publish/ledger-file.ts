import { createReadStream, createWriteStream, type WriteStream } from 'node:fs';
import { CgroupError, messageOf } from '../core/errors.js';

/**
 * A ledger is a file of the message ids that a subscriber received, in the order of the channel. It has one id a line
 * and nothing else, for `sort`, `comm` and `wc -l`.
 */

/** Characters collected before they are written. */
const CHUNK = 65_536;

/** Whether a ledger can hold the id: it must be one line, not blank. */
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
   * Creates the file, or empties it.
   *
   * @throws {CgroupError} NOT_FOUND if that fails
   */
  static open(path: string): Promise<LedgerFile> {
    return new Promise((resolve, reject) => {
      const stream = createWriteStream(path);
      stream.once('open', () => resolve(new LedgerFile(path, stream)));
      stream.once('error', (error) => reject(cannotWrite(path, error)));
    });
  }

  /** How many ids it has. */
  get ids(): number {
    return this.#ids;
  }

  add(id: string): void {
    this.#lines += `${id}\n`;
    this.#ids++;
    if (this.#lines.length >= CHUNK) this.#write();
  }

  /**
   * Writes the rest, and closes the file.
   *
   * @throws {CgroupError} NOT_FOUND if a write failed
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
 * Reads a ledger. Blank lines do not count, and lines may end with CR LF.
 *
 * @throws {CgroupError} NOT_FOUND if it cannot be read
 */
export async function readLedger(path: string | URL, onId: (id: string) => void): Promise<void> {
  const takeLine = (line: string) => {
    const id = line.endsWith('\r') ? line.slice(0, -1) : line;
    if (id.trim() !== '') onId(id);
  };
  let rest = '';
  try {
    for await (const chunk of createReadStream(path, 'utf8')) {
      const lines = (rest + String(chunk)).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) takeLine(line);
    }
  } catch (error) {
    const advice = 'give --ledger a file that cgroup publish --ledger wrote';
    const text = `cannot read the ledger ${path} (${messageOf(error)}): ${advice}`;
    throw new CgroupError('NOT_FOUND', text, { cause: error });
  }
  takeLine(rest);
}

function cannotWrite(path: string, error: unknown): CgroupError {
  const advice = 'does the folder exist, may you write there, and is there room?';
  const text = `cannot write the ledger ${path} (${messageOf(error)}): ${advice}`;
  return new CgroupError('NOT_FOUND', text, { cause: error });
}
