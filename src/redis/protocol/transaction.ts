import { bulk } from './command.js';
import type { Argument } from './script.js';

/** A pack of which every message has a result. */
export interface WholePack {
  readonly id: string;
  readonly consumerId: string;
  /** The message id and the data of each message in turn. */
  readonly texts: readonly string[];
}

/** What settles whole packs, and the names that it is about. */
export interface WholePacksCall {
  /** The call of settle-whole.lua, which writes the first result. */
  readonly script: readonly Argument[];
  readonly packs: readonly WholePack[];
  readonly keys: Readonly<Record<'packs' | 'output' | 'open', string>>;
}

/** The last id of a stream: no entry comes after it. */
const LAST_ID = '18446744073709551615-18446744073709551615';
/** The replies to MULTI, XREAD, the script, RENAMENX and EXEC: one more than those to all XADDs but for the first. */
const OTHER_REPLIES = 4;
/** Bytes of a result beside its texts and names, at most: the words of the command, and five lengths. */
const AROUND_TEXTS = 256;
/** Bytes of a UTF-16 unit, at most. */
const WIDEST = 3;

type BytesOf = (text: string) => number;

const lengthOf: BytesOf = (text) => text.length;

/**
 * The transaction that settles whole packs (the head of settle-whole.lua says why it is safe). All of it is sent at once:
 *
 *     MULTI
 *     XREAD BLOCK 0 STREAMS packs LAST_ID   does nothing in a transaction. If MULTI was refused it waits for ever, so that
 *                                           Redis carries out nothing that comes after it on this connection
 *     EVALSHA settle-whole                  decides, and writes the first result
 *     XADD open NOMKSTREAM *                for each other result
 *     RENAMENX open output
 *     EXEC
 *
 * @param memory where to write it, if it fits
 */
export function transactionOf(call: WholePacksCall, memory?: Buffer): Buffer {
  // A message that is not ASCII has more bytes than units: only then they are counted.
  return written(call, memory, lengthOf, 1) ?? (written(call, memory, Buffer.byteLength, WIDEST) as Buffer);
}

/** How many replies come to such a transaction, if MULTI is not refused. */
export function repliesTo(packs: readonly WholePack[]): number {
  return packs.reduce((sum, { texts }) => sum + texts.length / 2, OTHER_REPLIES);
}

/**
 * @param bytesOf the bytes of a text
 * @param widest bytes of a UTF-16 unit, at most
 * @returns undefined if one of these is wrong
 */
function written(
  { script, packs, keys }: WholePacksCall,
  memory: Buffer | undefined,
  bytesOf: BytesOf,
  widest: number,
): Buffer | undefined {
  const before =
    command(['MULTI']) + command(['XREAD', 'BLOCK', 0, 'STREAMS', keys.packs, LAST_ID]) + command(script);
  const after = command(['RENAMENX', keys.open, keys.output]) + command(['EXEC']);
  let units = (before.length + after.length) * WIDEST;
  for (const { id, consumerId, texts } of packs) {
    units +=
      (texts.length / 2) * (AROUND_TEXTS + (keys.open.length + consumerId.length) * WIDEST + id.length);
    for (const text of texts) units += text.length * widest;
  }
  const bytes = memory && units <= memory.length ? memory : Buffer.allocUnsafeSlow(units);
  let at = bytes.write(before);
  // One string and one write for each pack: a string of all takes longer, and so does one for each message.
  for (const pack of packs) {
    const commands = resultsOf(pack, keys.open, pack === packs[0] ? 1 : 0, bytesOf);
    const length = bytes.write(commands, at);
    if (widest === 1 && length !== commands.length) return undefined;
    at += length;
  }
  at += bytes.write(after, at);
  return bytes.subarray(0, at);
}

/** An XADD for each result of a pack after the first few. */
function resultsOf(
  { id, consumerId, texts }: WholePack,
  open: string,
  skipped: number,
  bytesOf: BytesOf,
): string {
  const head = `*12\r\n${bulk('XADD')}${bulk(open)}${bulk('NOMKSTREAM')}${bulk('*')}${bulk('message_id')}$`;
  // The ids of all messages of a pack have the same length, see core/pack.ts.
  const prefix = id.slice(0, -3);
  const names = `${bulk('consumer_id')}${bulk(consumerId)}${bulk('inbox_id')}$${id.length}\r\n${prefix}`;
  let commands = '';
  for (let i = skipped; i < texts.length / 2; i++) {
    const [messageId, data] = [texts[2 * i] as string, texts[2 * i + 1] as string];
    commands +=
      `${head}${bytesOf(messageId)}\r\n${messageId}\r\n${names}${LAST_DIGITS[i]}` +
      `${bytesOf(data)}\r\n${data}\r\n`;
  }
  return commands;
}

/** The end of the id of each message of a pack, and what comes between it and the length of the data. */
const LAST_DIGITS = Array.from(
  { length: 999 },
  (_, i) => `${String(i + 1).padStart(3, '0')}\r\n${bulk('data')}$`,
);

function command(args: readonly Argument[]): string {
  return `*${args.length}\r\n${args.map(bulk).join('')}`;
}
