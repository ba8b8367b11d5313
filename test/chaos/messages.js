import { createHash } from 'node:crypto';

/**
 * The messages of a run. Each is derived from the run's name, its number and its kind, so that the checker can generate
 * it again and compare.
 */

/**
 * Where a message of a kind must end. `either`: that depends on what happens to the process of the processor.
 * @type {Record<string, 'output' | 'dead' | 'either'>}
 */
export const ENDS_IN = {
  plain: 'output',
  odd: 'output',
  big: 'output',
  huge: 'output',
  chatty: 'output',
  throws: 'dead',
  hangs: 'dead',
  undefined: 'dead',
  circular: 'dead',
  bigint: 'dead',
  'not-json': 'dead',
  'not-utf8': 'dead',
  'no-id': 'dead',
  busy: 'either',
  exits: 'either',
};

/** Texts that are easily damaged: escapes, control characters, surrogates, line ends, RESP. */
const ODD = [
  'Grüße, 世界, 🚀',
  '\\u0000\\u001f\\ud800',
  '\u2028\u2029\u00a0',
  '\\r\\n$5\\r\\nhello\\r\\n',
  '\\"\\\\\\/{{[[',
];
const ID = /(\d+)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/;

/** `NUMBER-UUID`, the same for the same run and number. */
export function messageId(run, n) {
  const hex = createHash('md5').update(`${run}/${n}`).digest('hex');
  const uuid = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)];
  return `${n}-${uuid.join('-')}`;
}

/** The kind of the n-th message, unless a fault asks for another: mostly plain, some odd, a few invalid. */
export function usualKind(n) {
  if (n % 997 === 500) return 'not-json';
  if (n % 1_499 === 700) return 'not-utf8';
  if (n % 1_999 === 900) return 'no-id';
  return n % 50 === 7 ? 'odd' : 'plain';
}

/** Keys of the messages that are not hot. */
const KEYS = 97;

/** Kinds of messages in which no key can be found. */
const KEYLESS = ['not-json', 'not-utf8', 'no-id'];

/** The key of the n-th message, for an order by key: one in five has the same. Undefined if its kind has none. */
export function keyOf(n, kind = 'plain') {
  if (KEYLESS.includes(kind)) return undefined;
  return n % 5 === 0 ? -1 : n % KEYS;
}

/**
 * The bytes of a message.
 *
 * @param {string} kind one of {@link ENDS_IN}; `big:BYTES` for a big one
 */
export function messageBytes(run, n, kind) {
  const id = messageId(run, n);
  const [name, size] = kind.split(':');
  switch (name) {
    case 'plain':
      return Buffer.from(`{"message_id":"${id}","n":${n},"k":${keyOf(n)},"pad":"${'x'.repeat(n % 120)}"}`);
    case 'odd':
      return Buffer.from(
        `\t{ "message_id" : "${id}",\n "n":${n},"k":${keyOf(n)}, "pad":"${ODD[n % ODD.length]}", "f":1.50e3 } `,
      );
    case 'big':
      return Buffer.from(
        `{"message_id":"${id}","n":${n},"k":${keyOf(n)},"pad":"${'b'.repeat(Number(size))}"}`,
      );
    case 'not-json':
      return Buffer.from(`{"message_id":"${id}","n":`);
    case 'not-utf8':
      return Buffer.concat([
        Buffer.from(`{"message_id":"${id}","pad":"`),
        Buffer.from([0xff, 0xc0, 0, 0x22]),
      ]);
    case 'no-id':
      return Buffer.from(`{"id":"${id}","message_id":null}`);
    default:
      return Buffer.from(`{"message_id":"${id}","n":${n},"k":${keyOf(n)},"poison":"${name}"}`);
  }
}

/** The number in an id, or in the head of a message; undefined if there is none. */
export function numberIn(text) {
  const match = ID.exec(text);
  return match ? Number(match[1]) : undefined;
}

export function sha(bytes) {
  return createHash('sha256').update(bytes).digest('base64url');
}
