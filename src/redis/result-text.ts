import type { DeadLetter, Result } from '../core/consumer-store.js';
import { parseMessage } from '../core/message.js';
import { isEntryId, timeOfId } from '../core/stream-id.js';

// Results as texts, in the form that lua/sink.lua writes to the output.

/** What a result that is written needs. */
export type WrittenResult = Pick<
  Result,
  'inboxId' | 'consumerId' | 'messageId' | 'data' | 'attempts' | 'startedAt' | 'finishedAt'
>;

/** A result as one text: see sink.lua. */
export function resultText(result: WrittenResult, list: boolean, timed: boolean): string {
  const { consumerId, inboxId, messageId, data, attempts = '' } = result;
  const times = timed ? timesOf(result) : undefined;
  const head = times ? `${consumerId}\0${times.finished}\0${attempts}\0` : `${consumerId}\0\0\0`;
  if (list) return `${head}line\0${lineOf(result, times)}`;
  const before = times ? `${times.published}\0${times.started}\0` : '\0\0';
  return `${head}entry\0${inboxId}\0${before}${Buffer.byteLength(messageId)}\0${messageId}${data}`;
}

/** A result as an element of an output list: one JSON object. */
function lineOf({ messageId, consumerId, inboxId, data }: WrittenResult, times: Times | undefined): string {
  const names = `"message_id":${JSON.stringify(messageId)},"consumer_id":${JSON.stringify(consumerId)}`;
  return `{${names},"inbox_id":"${inboxId}","data":${data}${times ? endOfLine(times) : '}'}`;
}

/** What comes after the data. */
function endOfLine({ published, started, finished }: Times): string {
  return `,"published_at":${published},"started_at":${started},"finished_at":${finished}}`;
}

/** What the hash of a result has that its text, which has times, does not tell a script: see recorded.lua. */
export function resultHashText(result: WrittenResult, list: boolean): string {
  const { attempts = 1, data, messageId } = result;
  const times = timesOf(result);
  const after = list ? endOfLine(times).length : 0;
  return `${attempts}\0${after}\0${Buffer.byteLength(data)}\0${hashedTimes(times)}${messageId}`;
}

/** What the hash of a dead letter has besides: see recorded.lua. Empty for a message that has no id, and so no hash. */
export function letterHashText(letter: DeadLetter): string {
  const parsed = parseMessage(letter.message);
  return parsed.valid ? hashedTimes(timesOf(letter)) + parsed.messageId : '';
}

function hashedTimes({ published, started, finished }: Times): string {
  return `${published}\0${started}\0${finished}\0`;
}

/** When a message was relayed, its last attempt began and ended: ms since 1970. */
interface Times {
  readonly published: number;
  readonly started: number;
  readonly finished: number;
}

type Timed = Pick<DeadLetter, 'inboxId' | 'startedAt' | 'finishedAt'>;

function timesOf({ inboxId, startedAt, finishedAt }: Timed): Times {
  const published = timeOfId(inboxId);
  return { published, started: startedAt ?? published, finished: finishedAt ?? published };
}

/** Bytes of a place. */
const PLACE = 41;

/** An id whose numbers are padded with zeros, so that texts compare as ids do. */
export function placeOf(id: string): string {
  const dash = id.indexOf('-');
  return `${id.slice(0, dash).padStart(20, '0')}-${id.slice(dash + 1).padStart(20, '0')}`;
}

/** A list's line, as {@link resultText} writes it. */
const TEXT = '"[^"\\\\]*(?:\\\\.[^"\\\\]*)*"';
const LINE = new RegExp(
  `^{"message_id":(${TEXT}),"consumer_id":${TEXT},"inbox_id":"([^"]*)","data":([^]*?)` +
    '(?:,"published_at":\\d+,"started_at":(\\d+),"finished_at":(\\d+))?}$',
);

/** A result that is parked: its place, a byte 0, its text. Undefined if another program wrote it. */
export function parkedResult(part: Buffer): WrittenResult | undefined {
  let at = PLACE + 1;
  // Before one that goes to the record is its message (see lua/total.lua).
  if (part[at] === 1) {
    const end = part.indexOf(0, at);
    at = end + 1 + Number(part.toString('latin1', at + 1, end));
  }
  const next = () => {
    const end = part.indexOf(0, at);
    const field = end < 0 ? '' : part.toString('utf8', at, end);
    at = end < 0 ? part.length : end + 1;
    return field;
  };
  const [consumerId, finished, attempts, kind] = [next(), next(), next(), next()];
  const common = { consumerId, ...(attempts !== '' && { attempts: Number(attempts) }) };
  if (kind === 'line') {
    const line = LINE.exec(part.toString('utf8', at));
    const [, messageId, inboxId = '', data = '', startedAt, finishedAt] = line ?? [];
    const id = messageId === undefined ? undefined : textIn(messageId);
    if (id === undefined || !isEntryId(inboxId)) return undefined;
    const result = { ...common, inboxId, messageId: id, data };
    return { ...result, ...timesIn(startedAt, finishedAt) };
  }
  if (kind !== 'entry') return undefined;
  const [inboxId, , startedAt, length] = [next(), next(), next(), Number(next())];
  if (!isEntryId(inboxId) || !(length >= 0)) return undefined;
  const messageId = part.toString('utf8', at, at + length);
  return {
    ...common,
    inboxId,
    messageId,
    data: part.toString('utf8', at + length),
    ...timesIn(startedAt, finished),
  };
}

/** The text in its JSON; undefined if it is none. */
function textIn(json: string): string | undefined {
  try {
    return JSON.parse(json) as string;
  } catch {
    return undefined;
  }
}

function timesIn(startedAt = '', finishedAt = ''): Pick<WrittenResult, 'startedAt' | 'finishedAt'> {
  return finishedAt === '' ? {} : { startedAt: Number(startedAt), finishedAt: Number(finishedAt) };
}
