import { KEY_DIGITS } from './keys.js';

/**
 * The message of all publishers: an id like a UUID whose last 12 digits are its number. The width is fixed, so a batch is
 * a copy of a template with other digits. With a stamp it also says when it was sent,
 * in µs of the machine's monotonic clock, which all processes share. For orders by key it has a key.
 */
const ID = '00000000-0000-4000-8000-';
const NUMBER_DIGITS = 12;
const STAMP_DIGITS = 16;
const QUOTE = 0x22;

/** The JSON of a message. */
export function messageOf(number, stamp, key) {
  const id = `${ID}${String(number).padStart(NUMBER_DIGITS, '0')}`;
  const sent = stamp === undefined ? '' : `,"sent":"${String(stamp).padStart(STAMP_DIGITS, '0')}"`;
  const keyed = key === undefined ? '' : `,"key":"${String(key).padStart(KEY_DIGITS, '0')}"`;
  return `{"message_id":"${id}"${sent}${keyed}}`;
}

/** The number in a message id; undefined if it is not from the benchmark. */
export function numberOf(id) {
  return id.length === ID.length + NUMBER_DIGITS && id.startsWith(ID)
    ? Number(id.slice(ID.length))
    : undefined;
}

/** Offsets of the number and the stamp in a stamped message; contenders leave its start as it is. */
const NUMBER_AT = messageOf(0, 0).indexOf(ID) + ID.length;
const STAMP_AT = messageOf(0, 0).indexOf('"sent":"') + '"sent":"'.length;

/** The number of a stamped message, from the bytes of its JSON; NaN if it is not from the benchmark. */
export function numberIn(bytes, from) {
  return readDigits(bytes, from + NUMBER_AT, NUMBER_DIGITS);
}

/** The stamp of a stamped message, in µs; NaN likewise. */
export function stampIn(bytes, from) {
  return readDigits(bytes, from + STAMP_AT, STAMP_DIGITS);
}

/** µs of the monotonic clock. */
export function microseconds() {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000_000 + Math.floor(nanoseconds / 1_000);
}

/** PUBLISH commands in RESP, ready for a socket. */
export class PublishTemplate {
  #bytes;
  #length;
  #numberAt;
  #stampAt;
  #keyAt;
  #keyOf;

  /**
   * @param {{ channel: string, most: number, stamped: boolean, keyOf?: (number: number) => number }} options `most`: commands
   *   in the largest batch; `keyOf`: the key of each message, which has none without it
   */
  constructor({ channel, most, stamped, keyOf }) {
    const message = messageOf(0, stamped ? 0 : undefined, keyOf && 0);
    const head = `*3\r\n$7\r\nPUBLISH\r\n$${channel.length}\r\n${channel}\r\n$${message.length}\r\n`;
    const command = `${head}${message}\r\n`;
    this.#length = command.length;
    this.#bytes = Buffer.from(command.repeat(most), 'latin1');
    this.#numberAt = head.length + message.indexOf(ID) + ID.length;
    this.#stampAt = stamped ? head.length + message.indexOf('"sent":"') + '"sent":"'.length : undefined;
    this.#keyAt = head.length + message.indexOf('"key":"') + '"key":"'.length;
    this.#keyOf = keyOf;
  }

  /** @returns {Buffer} `count` commands, for the messages from number `first` on */
  batch(first, count, stamp) {
    const bytes = Buffer.from(this.#bytes.subarray(0, count * this.#length));
    for (let i = 0, at = 0; i < count; i++, at += this.#length) {
      writeDigits(bytes, at + this.#numberAt, NUMBER_DIGITS, first + i);
      if (this.#stampAt !== undefined) writeDigits(bytes, at + this.#stampAt, STAMP_DIGITS, stamp);
      if (this.#keyOf) writeDigits(bytes, at + this.#keyAt, KEY_DIGITS, this.#keyOf(first + i));
    }
    return bytes;
  }
}

/** Writes over zeros: those left of the first digit stay as in the template. */
function writeDigits(bytes, at, width, number) {
  for (let i = at + width - 1, rest = number; rest > 0; i--) {
    const next = Math.floor(rest / 10);
    bytes[i] = 48 + (rest - next * 10);
    rest = next;
  }
}

/** The number in so many digits before a quote; NaN if there is anything else. */
function readDigits(bytes, at, width) {
  const end = at + width;
  if (bytes[end] !== QUOTE) return Number.NaN;
  let number = 0;
  for (let i = at; i < end; i++) {
    const digit = bytes[i] - 48;
    if (digit < 0 || digit > 9) return Number.NaN;
    number = number * 10 + digit;
  }
  return number;
}
