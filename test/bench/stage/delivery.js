import { OUTPUT } from '../names.js';
import { numberOf } from './messages.js';
import { millisecondsOf } from './stream-id.js';

const PAGE = 5_000;

/**
 * Reads the whole output and checks that each of the messages 0 … count − 1 has one result, processed, with the id of a
 * consumer.
 *
 * @throws {Error} that says what is missing, double or wrong
 * @returns {Promise<{ consumers: number, times: Float64Array }>} how many consumers have results, and when each result was
 *   written: ms since 1970 by Redis's clock, in the order of the output
 */
export async function checkDelivery(stage, count) {
  const tally = new Tally(count);
  const times = new Float64Array(count);
  let [from, entries] = ['-', 0];
  for (;;) {
    const page = await stage.redis.xrange(OUTPUT, from, '+', 'COUNT', PAGE);
    for (const [id, fields] of page) {
      tally.add(fields);
      times[entries++] = millisecondsOf(id);
    }
    if (page.length < PAGE) break;
    from = `(${page.at(-1)[0]}`;
  }
  return { ...tally.close(), times };
}

/** Counts the results of each message. */
export class Tally {
  #seen;
  #consumers = new Set();
  #counts = { doubled: 0, unexpected: 0, unprocessed: 0 };

  constructor(count) {
    this.#seen = new Uint8Array(count);
  }

  /** @param {string[]} fields names and values of an entry of the output */
  add(fields) {
    const entry = {};
    for (let i = 0; i < fields.length; i += 2) entry[fields[i]] = fields[i + 1];
    const number = numberOf(entry.message_id ?? '');
    if (number === undefined || number >= this.#seen.length) this.#counts.unexpected++;
    else if (this.#seen[number] === 1) this.#counts.doubled++;
    else this.#seen[number] = 1;
    if (!isProcessed(entry)) this.#counts.unprocessed++;
    this.#consumers.add(entry.consumer_id);
  }

  close() {
    let lost = 0;
    for (const seen of this.#seen) lost += 1 - seen;
    const wrong = Object.entries({ lost, ...this.#counts }).filter(([, amount]) => amount > 0);
    if (wrong.length > 0)
      throw new Error(`delivery: ${wrong.map(([name, amount]) => `${amount} ${name}`).join(', ')}`);
    return { consumers: this.#consumers.size };
  }
}

/** All contenders do the same work: the message, and a random property. */
function isProcessed({ message_id, consumer_id, data }) {
  if (!consumer_id || data === undefined) return false;
  try {
    const result = JSON.parse(data);
    return result.message_id === message_id && typeof result.random === 'number';
  } catch {
    return false;
  }
}
