import { randomUUID } from 'node:crypto';
import { closeSync, createReadStream, openSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Parts: of 10 million lines, each has fewer than 100,000. */
const PARTS = 128;
/** Bytes of a part that are held in memory before they go to the disk. */
const PART_BYTES = 65_536;

/** A part of the lines. */
interface Part {
  readonly held: Buffer;
  /** Bytes in `held`. */
  size: number;
  /** Its file, if it has one. */
  file: number | undefined;
}

/**
 * Lines, in parts by their key: all lines with one key are in one part, in their order. So little memory holds any number of
 * them: what is too much lies in temporary files. Few lines never touch the disk.
 */
export class Spill {
  readonly #partBytes: number;
  readonly #parts = new Map<number, Part>();

  /** @param partBytes for tests */
  constructor(partBytes = PART_BYTES) {
    this.#partBytes = partBytes;
  }

  /**
   * @param line without a line feed
   * @throws {Error} if the disk is full
   */
  add(key: string, line: string): void {
    const part = this.#part(partOf(key));
    const bytes = Buffer.byteLength(line) + 1;
    if (part.size + bytes > this.#partBytes) {
      write(part, part.held.subarray(0, part.size));
      part.size = 0;
      if (bytes > this.#partBytes) {
        write(part, Buffer.from(`${line}\n`));
        return;
      }
    }
    part.size += part.held.write(line, part.size);
    part.held[part.size++] = 0x0a;
  }

  #part(number: number): Part {
    let part = this.#parts.get(number);
    if (!part) {
      part = { held: Buffer.allocUnsafeSlow(this.#partBytes), size: 0, file: undefined };
      this.#parts.set(number, part);
    }
    return part;
  }

  /** The lines of each part, some at a time. They may be read again, and more may be added after it. */
  *parts(): Generator<AsyncGenerator<readonly string[]>> {
    for (let number = 0; number < PARTS; number++) yield this.#linesOf(number);
  }

  async *#linesOf(number: number): AsyncGenerator<readonly string[]> {
    const part = this.#parts.get(number);
    if (!part) return;
    if (part.file !== undefined) {
      let rest = '';
      const from = { fd: part.file, start: 0, autoClose: false, encoding: 'utf8' } as const;
      for await (const chunk of createReadStream('', from)) {
        const lines = `${rest}${chunk}`.split('\n');
        rest = lines.pop() ?? '';
        yield lines;
      }
    }
    if (part.size > 0) yield part.held.toString('utf8', 0, part.size - 1).split('\n');
  }

  /** Forgets all lines. */
  clear(): void {
    for (const { file } of this.#parts.values()) if (file !== undefined) closeSync(file);
    this.#parts.clear();
  }
}

/**
 * A write takes less than a millisecond: the system keeps it in its cache. The file has no name any more, so nothing is left of it
 * when the process ends, however that ends.
 */
function write(part: Part, bytes: Buffer): void {
  if (part.file === undefined) {
    const path = join(tmpdir(), `cgroup-verify-${randomUUID()}`);
    part.file = openSync(path, 'ax+', 0o600);
    unlinkSync(path);
  }
  for (let from = 0; from < bytes.length; ) from += writeSync(part.file, bytes, from);
}

/** FNV-1a: https://datatracker.ietf.org/doc/html/draft-eastlake-fnv */
function partOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < key.length; i++) hash = Math.imul(hash ^ key.charCodeAt(i), 0x01000193);
  return (hash ^ (hash >>> 16)) & (PARTS - 1);
}
