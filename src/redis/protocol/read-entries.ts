import type { DirectLine, Parser } from './direct-line.js';
import { EntryParser, type Taken } from './entries.js';
import type { Argument } from './script.js';
import { replyValue } from './values.js';

/** What a read needs of its connection. */
export interface EntryLink {
  readonly line: DirectLine;
  /** Gives all that comes over the socket to another parser. */
  readonly divert: (make: (onOther: (reply: Buffer) => void) => Parser) => Promise<void>;
  /** Waits for the replies, and gives an error in our words. */
  readonly timed: <T>(send: () => Promise<T>) => Promise<T>;
}

/** Sends XREADGROUP, once or more, and returns what came. See `Connection.readEntries`. */
export async function readEntries(
  { line, divert, timed }: EntryLink,
  packsKey: string,
  reads: readonly (readonly Argument[])[],
): Promise<Taken> {
  // On a new socket another parser would get the entries.
  if (!line.isOpen || !(line.parser instanceof EntryParser))
    await divert((onOther) => new EntryParser(packsKey, onOther));
  const { parser } = line;
  if (!(parser instanceof EntryParser)) return timed(() => Promise.reject(new Error('not connected')));
  const commands = reads.map((args) => ['XREADGROUP', ...args]);
  try {
    await timed(() => line.send(commands, (bytes, start) => replyValue(bytes, start, false)));
  } catch (error) {
    // What came counts as delivered. The next read fails again, if it is to.
    const taken = parser.take();
    if (taken.packs.length + taken.entries.length + taken.foreign === 0) throw error;
    return taken;
  }
  return parser.take();
}
